"""The large files of a portal: parts of a backup beside its database, each encrypted as it lies in its folder."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg

from core.blobs_folder import BACKUP_LOCK, is_place, path_in
from soc_portal.up.backup.archive import Opened, Writer
from soc_portal.up.backup.database import Address
from soc_portal.up.backup.manifest import Manifest
from soc_portal.up.errors import UpError
from soc_portal.up.supervisor import say

PART = "files/"
_HAS_PLACES = """
SELECT EXISTS (SELECT 1 FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name = 'core_blob' AND column_name = 'place')
"""


def folder_of(env: Mapping[str, str]) -> Path:
    return Path(env.get("SOC_BLOBS_DIR") or Path(env.get("SOC_DATA_DIR", ".")) / "files")


@contextlib.contextmanager
def kept(address: Address) -> Iterator[None]:
    """While this is open the portal deletes rows, and their files later."""
    with address.connect(autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock_shared(%s)", [BACKUP_LOCK])
        yield


def places(connection: psycopg.Connection) -> list[str]:
    """The files that the rows of a snapshot name; none in tables of an older version."""
    row = connection.execute(_HAS_PLACES).fetchone()
    if row is None or not row[0]:
        return []
    return [place for (place,) in connection.execute("SELECT place FROM core_blob WHERE place <> '' ORDER BY id")]


def add(writer: Writer, folder: Path, names: list[str], told: Any) -> None:
    """One that is missing is told and left out: the rest needs its backup all the more."""
    for place in names:
        if not is_place(place):
            say(f"a stored file has no place ({place[:60]!r}); it is not in the backup")
            continue
        try:
            handle = path_in(folder, place).open("rb")
        except OSError as error:
            say(f"the stored file {place} cannot be read ({error.strerror}); it is not in the backup")
            continue
        with handle:
            writer.add(f"{PART}{place}", handle, told)


def check_folder(folder: Path) -> None:
    """A restore never mixes its files with others."""
    if folder.exists() and any(file.is_file() for file in folder.rglob("*")):
        raise UpError(f"{folder} holds files: name a new folder with SOC_BLOBS_DIR; a restore never replaces anything")


def lay(opened: Opened, manifest: Manifest, folder: Path) -> None:
    """Put them back; what was laid is taken away again when one of them is damaged."""
    laid: list[Path] = []
    try:
        for name in manifest.parts:
            place = name.removeprefix(PART)
            if name.startswith(PART) and is_place(place):
                file = path_in(folder, place)
                file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                laid.append(file)
                with file.open("xb") as handle:
                    file.chmod(0o600)
                    manifest.compare(name, opened.copy(name, handle), opened)
    except OSError as error:
        _take_away(laid)
        raise UpError(f"cannot write below {folder}: {error.strerror or error}") from error
    except BaseException:
        _take_away(laid)
        raise


def _take_away(laid: list[Path]) -> None:
    for file in laid:
        file.unlink(missing_ok=True)
