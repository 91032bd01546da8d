"""The file of a backup: a plain tar of age files, so that it can be opened without this program.

`key.age` is a fresh key, encrypted with the pass phrase; every other part is encrypted to that key. The key is known to
nobody else, so a part can neither be read nor replaced without the pass phrase. The manifest comes last and names the
SHA-256 of each part's content.
"""

import hashlib
import io
import tarfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Protocol, Self

import pyrage

from soc_portal.up.backup.sealed_key import seal_key
from soc_portal.up.errors import UpError

FORMAT = 2
README, KEY, SECRETS, DATABASE, MANIFEST = "README.txt", "key.age", "secrets.json", "database.dump", "manifest.json"
PARTS = (SECRETS, DATABASE)
ATTEMPTS, PAUSE_S = 40, 0.5
_SMALL = 64 * 1024 * 1024
_BLOCK = tarfile.BLOCKSIZE
_EXPLANATION = f"""SOC portal backup, format {FORMAT}

The key is encrypted with the pass phrase of the backup, the other parts with the key (https://age-encryption.org):

    tar -xf THIS_FILE
    age -d -i key.age manifest.json.age                        what is inside
    age -d -i key.age secrets.json.age                         the keys that the stored files need
    age -d -i key.age database.dump.age | pg_restore -d DATABASE --no-owner --no-privileges
    age -d -i key.age files/PLACE.age                          a large file; its key lies in the row that names it

`./soc restore` does this and more: it also sees to it that nothing that was under way then is carried out again.
"""


class Damaged(UpError):
    """The file is not a whole backup, or not the one that was written."""


class Reader(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Part:
    """Size and hash of a part's content."""

    size: int
    sha256: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Measured:
    """Counts and hashes what passes, in either direction. The age library turns every error into its own, so the one
    that caused it is kept here."""

    def __init__(self, inner: Any, told: Callable[[int], None] | None = None) -> None:
        self._inner, self._told = inner, told
        self._digest = hashlib.sha256()
        self.size = 0
        self.error: BaseException | None = None

    def read(self, size: int = -1) -> bytes:
        return self._kept(lambda: self._pass(self._inner.read(size)))

    def write(self, content: bytes) -> int:
        def write() -> bytes:
            if self._inner is not None:
                self._inner.write(content)
            return self._pass(content)

        return len(self._kept(write))

    def flush(self) -> None:
        """The age library asks for it at the end."""

    def _pass(self, content: bytes) -> bytes:
        self.size += len(content)
        self._digest.update(content)
        if self._told is not None:
            self._told(self.size)
        return content

    def _kept(self, deed: Callable[[], bytes]) -> bytes:
        try:
            return deed()
        except BaseException as error:
            self.error = error
            raise

    @property
    def part(self) -> Part:
        return Part(self.size, self._digest.hexdigest())


class Writer:
    """Writes to a seekable file from its beginning. `parts` tells what has been added."""

    def __init__(self, handle: IO[bytes], pass_phrase: str) -> None:
        self._handle = handle
        identity = pyrage.x25519.Identity.generate()
        self._recipient = identity.to_public()
        self.parts: dict[str, Part] = {}
        self._plain(README, _EXPLANATION.encode())
        self._plain(KEY, seal_key(f"{identity}\n".encode(), pass_phrase))

    def add(self, name: str, content: Reader, told: Callable[[int], None] | None = None) -> Part:
        """Encrypt `content` into a part, of whatever length."""
        source, target = Measured(content, told), Measured(self._handle)
        start = self._handle.tell()
        self._handle.write(_header(f"{name}.age", 0))
        try:
            pyrage.encrypt_io(source, target, [self._recipient])
        except Exception as error:
            raise (source.error or target.error or error) from error
        self._handle.write(bytes(-target.size % _BLOCK))
        end = self._handle.tell()
        self._handle.seek(start)
        self._handle.write(_header(f"{name}.age", target.size))
        self._handle.seek(end)
        self.parts[name] = source.part
        return source.part

    def close(self) -> None:
        self._handle.write(bytes(2 * _BLOCK))
        self._handle.flush()

    def _plain(self, name: str, content: bytes) -> None:
        self._handle.write(_header(name, len(content)) + content + bytes(-len(content) % _BLOCK))


def _header(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o600, int(time.time())
    return entry.tobuf(tarfile.GNU_FORMAT)


class Opened:
    """A backup file that the pass phrase opens. Raises `Damaged`, or `UpError` for a wrong pass phrase."""

    def __init__(self, path: Path, pass_phrase: str) -> None:
        self.path = path
        try:
            self._tar = tarfile.open(path, "r:")  # noqa: SIM115 - closed by `close`
        except tarfile.TarError as error:
            raise Damaged(f"{path} is no backup of this portal, or its beginning is damaged") from error
        except OSError as error:
            raise UpError(f"cannot read {path}: {error.strerror or error}") from error
        try:
            self._identity = self._open_key(pass_phrase)
        except BaseException:
            self._tar.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._tar.close()

    def copy(self, name: str, target: Any = None, told: Callable[[int], None] | None = None) -> Part:
        """Decrypt a part into `target`, or nowhere, and tell what it was. An error of `target` is raised as it is."""
        measured = Measured(target, told)
        try:
            pyrage.decrypt_io(self._member(f"{name}.age"), measured, [self._identity])
        except Exception as error:
            if measured.error is not None:
                raise measured.error from error
            raise Damaged(f"{self.path} is damaged: {name} cannot be decrypted") from error
        return measured.part

    def small(self, name: str) -> bytes:
        """A part that fits into memory."""
        if self._size_of(f"{name}.age") > _SMALL:
            raise Damaged(f"{self.path} is damaged: {name} is too large")
        content = io.BytesIO()
        self.copy(name, content)
        return content.getvalue()

    def _open_key(self, pass_phrase: str) -> Any:
        for name in (README, KEY, *(f"{part}.age" for part in (*PARTS, MANIFEST))):
            self._member(name)
        if self._size_of(KEY) > _BLOCK * 8:
            raise Damaged(f"{self.path} is damaged: its key is too large")
        key = _decrypt_key(self._member(KEY).read(), pass_phrase, self.path)
        try:
            return pyrage.x25519.Identity.from_str(key.decode().strip())
        except (pyrage.IdentityError, ValueError) as error:
            raise Damaged(f"{self.path} is damaged: its key is none") from error

    def _member(self, name: str) -> IO[bytes]:
        try:
            found = self._tar.extractfile(name)
        except KeyError as error:
            raise Damaged(f"{self.path} is not whole: {name} is missing") from error
        except (tarfile.TarError, OSError) as error:
            raise Damaged(f"{self.path} is not whole: its end is missing") from error
        if found is None:
            raise Damaged(f"{self.path} is no backup of this portal")
        return found

    def _size_of(self, name: str) -> int:
        return self._tar.getmember(name).size


def _decrypt_key(encrypted: bytes, pass_phrase: str, path: Path) -> bytes:
    """The library measures how long this machine would work on the pass phrase, and refuses what takes too long. On a
    busy machine that measure is off now and then, so it is asked again."""
    for attempt in range(ATTEMPTS):
        try:
            key: bytes = pyrage.passphrase.decrypt(encrypted, pass_phrase)
        except pyrage.DecryptError as error:
            if "xcessive" not in str(error):
                raise UpError(f"the pass phrase does not open {path} (or its key is damaged)") from error
            time.sleep(PAUSE_S if attempt < ATTEMPTS - 1 else 0)
        else:
            return key
    raise UpError(
        f"this machine is too busy, or far too slow, to try the pass phrase of {path}: try again when it rests, or "
        f"open {KEY} with the program age"
    )


def looks_like_a_backup(path: Path) -> bool:
    """Whether a file begins as this program's backups do."""
    try:
        with path.open("rb") as handle:
            start = handle.read(_BLOCK + 64)
    except OSError:
        return False
    return start.startswith(README.encode() + b"\0") and start[_BLOCK:].startswith(b"SOC portal backup")
