"""Which programs a host may run when only known ones may: those of its packages, as far as they are unchanged.

Debian's packages bring an MD5 of each of their files. Every program is compared with it and hashed anew with SHA-256 in
the same reading, so what is trusted afterwards is known by a digest that nobody can forge. Whoever is root can change
both, the file and the list; against root this is no wall.
"""

import hashlib
import json
import os
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

INFO, STATUS = Path("/var/lib/dpkg/info"), Path("/var/lib/dpkg/status")
# What the package manager runs itself while it installs; only root writes there.
MAINTAINER = ("/var/lib/dpkg/info", "/var/lib/dpkg/tmp.ci")
MOST_NAMED = 100
_CHUNK = 1024 * 1024


@dataclass(slots=True)
class TrustSet:
    """`changed` are packaged programs that are not what their package brought: findings by themselves."""

    built: float = 0.0
    of: float = 0.0
    programs: int = 0
    changed: list[str] = field(default_factory=list)
    changed_count: int = 0
    unreadable: int = 0
    seconds: float = 0.0


def build(info: Path, status: Path, target: Path, pause: float = 0.0) -> TrustSet:
    """Verify and hash; the digests go to `target`, one a line, what is known of them beside it."""
    began, found, digests = time.monotonic(), TrustSet(time.time(), _changed_at(status)), set()
    seen: set[tuple[int, int]] = set()
    for path, expected in listed(info):
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            state = os.fstat(handle)
            if not stat.S_ISREG(state.st_mode) or not state.st_mode & 0o111 or (state.st_dev, state.st_ino) in seen:
                continue
            seen.add((state.st_dev, state.st_ino))
            md5, sha256 = _both(handle)
        except OSError:
            found.unreadable += 1
            continue
        finally:
            os.close(handle)
        if md5 == expected:
            digests.add(sha256)
        else:
            found.changed_count += 1
            found.changed += [path] if len(found.changed) < MOST_NAMED else []
        if pause:
            time.sleep(pause)
    found.programs, found.seconds = len(digests), round(time.monotonic() - began, 1)
    _keep(target, "\n".join(sorted(digests)))
    _keep(target.with_suffix(".json"), json.dumps(asdict(found)))
    return found


def listed(info: Path) -> Iterator[tuple[str, str]]:
    """Path and MD5 of every file of every package."""
    for one in sorted(info.glob("*.md5sums")):
        yield from _rows(one)


def _rows(one: Path) -> Iterator[tuple[str, str]]:
    try:
        lines = one.read_text(errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        md5, _, path = line.partition("  ")
        if len(md5) == 32 and path:
            yield f"/{path}", md5


def path_digest(info: Path, path: str, since: float) -> str:
    """The MD5 that a package installed after `since` gives for a path; empty when none does."""
    # Before the merge of /usr the lists said /bin where files are in /usr/bin now.
    names = {path, path.removeprefix("/usr")}
    for one in info.glob("*.md5sums"):
        try:
            if one.stat().st_mtime < since:
                continue
        except OSError:
            continue
        if found := next((md5 for name, md5 in _rows(one) if name in names), ""):
            return found
    return ""


def md5_of(handle: int) -> str:
    return _both(handle)[0]


def _both(handle: int) -> tuple[str, str]:
    md5, sha256, place = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
    while part := os.pread(handle, _CHUNK, place):
        md5.update(part)
        sha256.update(part)
        place += len(part)
    return md5.hexdigest(), sha256.hexdigest()


def _changed_at(status: Path) -> float:
    try:
        return status.stat().st_mtime
    except OSError:
        return 0.0


def _keep(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text(text)
    draft.replace(path)


class Builder:
    """Keeps the set of a host current, beside everything else: building it takes seconds."""

    def __init__(self, target: Path, info: Path = INFO, status: Path = STATUS) -> None:
        self._target, self._info, self._status = target, info, status
        self._work: threading.Thread | None = None
        self._error = ""

    def current(self) -> TrustSet | None:
        """None while it is being built; what `error` says went wrong."""
        kept = self._read()
        if self._work is not None and self._work.is_alive():
            return kept
        if kept is None or kept.of != _changed_at(self._status):
            self._work = threading.Thread(target=self._build, daemon=True)
            self._work.start()
        return kept

    @property
    def info(self) -> Path:
        return self._info

    @property
    def error(self) -> str:
        return self._error

    def wait(self, within_s: float) -> None:
        if self._work is not None:
            self._work.join(within_s)

    def _build(self) -> None:
        try:
            build(self._info, self._status, self._target)
            self._error = ""
        except OSError as error:
            self._error = f"The trusted set could not be built: {error}"

    def _read(self) -> TrustSet | None:
        try:
            return TrustSet(**json.loads(self._target.with_suffix(".json").read_text()))
        except (OSError, ValueError, TypeError):
            return None
