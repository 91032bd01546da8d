"""Files on their way to the portal: the helper puts a copy where the network half may read it, named by its digest."""

import asyncio
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from soc_agent.folders import Folders
from soc_agent.host import Host, NotAnswered
from soc_agent.orders import Refused

# The largest file that is ever sent; an order may name less.
MAX_FILE = 3 * 1024**3
# What stays free on the host when more than so much is copied.
MUCH = 16 * 1024 * 1024
SPARE = 256 * 1024 * 1024
MAX_LIBRARY = 256 * 1024 * 1024
_CHUNK = 1024 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise Refused("too_large", f"The file is larger than {limit // 1024**2} MiB.")


def _check_room(size: int, folder: Path) -> None:
    if size > MUCH and size + SPARE > (free := shutil.disk_usage(folder).free):
        raise Refused("no_room", f"A copy of {size:,} bytes does not fit: {free:,} bytes are free on this host.")


def limit_of(arguments: Mapping[str, Any]) -> int:
    """What the order says that the portal takes."""
    told = arguments.get("limit")
    return min(told, MAX_FILE) if isinstance(told, int) and not isinstance(told, bool) and told > 0 else MAX_FILE


def keep_file(
    source: Path, name: str, media_type: str, folders: Folders, *, limit: int = MAX_FILE,
    check: Callable[[], None] = lambda: None,
) -> dict[str, Any]:  # fmt: skip
    """What the result tells of it: digest, size, name. `check` is called while it is copied and may raise. Raises
    `Refused` when it is too large for the portal or for this host."""
    folders.spool.mkdir(mode=0o750, parents=True, exist_ok=True)
    _check_size(source.stat().st_size, limit)
    _check_room(source.stat().st_size, folders.spool)
    draft = folders.spool / f".{secrets.token_hex(8)}"
    found, size = hashlib.sha256(), 0
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o640)
    try:
        with os.fdopen(handle, "wb") as target, source.open("rb") as file:
            os.fchmod(handle, 0o640)  # whatever this process masks: the other half is in the folder's group
            while part := file.read(_CHUNK):
                size += len(part)
                _check_size(size, limit)
                check()
                found.update(part)
                target.write(part)
            target.flush()
            os.fsync(target.fileno())
        draft.replace(folders.spool / found.hexdigest())
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return {"sha256": found.hexdigest(), "size": size, "name": name[:200], "media_type": media_type}


def incoming(folders: Folders, sha256: str) -> Path:
    """Where the network half puts a file of the portal's library. Nobody believes it until its digest was checked."""
    return folders.spool / f"in-{sha256}"


async def from_library(sha256: str, host: Host) -> Path:
    """A file that a signed command names by its digest, in a folder of the helper alone. Raises `Refused`."""
    if not _SHA256.fullmatch(sha256):
        raise Refused("bad_arguments", "A file of the library is named by its SHA-256.")
    kept = host.folders.state / "library" / sha256
    if kept.exists():
        return kept
    try:
        await host.news.wish("library", sha256=sha256)
        await asyncio.to_thread(_take_over, incoming(host.folders, sha256), kept, sha256)
    except NotAnswered as error:
        raise Refused("no_library_file", f"The file of the library did not come: {error}") from None
    finally:
        incoming(host.folders, sha256).unlink(missing_ok=True)
    return kept


def _take_over(source: Path, kept: Path, sha256: str) -> None:
    """The copy is hashed while it is made: what the other half changes afterwards is not what is used."""
    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = kept.with_name(f".{secrets.token_hex(8)}")
    found, size = hashlib.sha256(), 0
    try:
        handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        raise Refused("no_library_file", "The file of the library did not come.") from None
    try:
        with os.fdopen(handle, "rb") as file, draft.open("xb") as target:
            while (part := file.read(_CHUNK)) and size <= MAX_LIBRARY:
                size += len(part)
                found.update(part)
                target.write(part)
        if found.hexdigest() != sha256:
            raise Refused("other_content", "What came for the file of the library is another file.")
        draft.chmod(0o600)
        draft.replace(kept)
    finally:
        draft.unlink(missing_ok=True)
