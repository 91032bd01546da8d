"""One field of the shadow file: the day on which an account expires. Everything else stays byte for byte as it is."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# The second day of 1970. Zero is read differently by different programs.
EXPIRED = "1"
LOCKED_WITHIN_S = 15.0
_FIELDS, _EXPIRY = 9, 7


class ShadowFailed(Exception):
    """The file cannot be read or written; the message says why."""


class ShadowFile:
    """`etc` is the folder that holds it."""

    def __init__(self, etc: Path) -> None:
        self._path, self._lock = etc / "shadow", etc / ".pwd.lock"

    def expiry(self, name: str) -> str | None:
        """The field as it stands; None where the account has no line. Raises `ShadowFailed`."""
        found = _fields(self._lines(), name)
        return None if found is None else found[1][_EXPIRY].decode("latin-1")

    def set_expiry(self, name: str, value: str, *, only_from: str | None = None) -> bool:
        """Whether it was written: not where the field is no longer `only_from`. Raises `ShadowFailed`."""
        try:
            with self._locked():
                lines = self._lines()
                found = _fields(lines, name)
                if found is None:
                    raise ShadowFailed(f"{self._path} has no line of {name}.")
                place, fields = found
                if only_from is not None and fields[_EXPIRY] != only_from.encode("latin-1"):
                    return False
                fields[_EXPIRY] = value.encode("latin-1")
                lines[place] = b":".join(fields)
                self._replace(b"\n".join(lines))
        except OSError as error:
            raise ShadowFailed(f"{self._path} cannot be written: {error.strerror}.") from None
        return True

    def _lines(self) -> list[bytes]:
        try:
            return self._path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ShadowFailed(f"{self._path} cannot be read: {error.strerror}.") from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """As `passwd`, `useradd` and their like lock it."""
        handle = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            until = time.monotonic() + LOCKED_WITHIN_S
            while True:
                with suppress(BlockingIOError, PermissionError):
                    fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                if time.monotonic() > until:
                    raise ShadowFailed("Another program keeps the account files locked.")
                time.sleep(0.1)
            yield
        finally:
            os.close(handle)

    def _replace(self, content: bytes) -> None:
        """In one step, with owner, mode and labels of the old one: who reads it finds the old or the new."""
        draft, old = self._path.with_name("shadow.soc-agent"), self._path.stat()
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            os.fchown(file.fileno(), old.st_uid, old.st_gid)
            os.fchmod(file.fileno(), old.st_mode & 0o7777)
            for name in os.listxattr(self._path):
                with suppress(OSError):
                    os.setxattr(file.fileno(), name, os.getxattr(self._path, name))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _fields(lines: list[bytes], name: str) -> tuple[int, list[bytes]] | None:
    """Where the line of the account is, and its fields. Raises `ShadowFailed` for a line that is none."""
    for place, line in enumerate(lines):
        fields = line.split(b":")
        if fields[0] == name.encode():
            if len(fields) != _FIELDS:
                raise ShadowFailed(f"The line of {name} in the shadow file has {len(fields)} fields instead of 9.")
            return place, fields
    return None
