"""`./soc backup`: an encrypted file of one moment of the portal, taken while it works."""

import argparse
import errno
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import IO, cast

from soc_portal.up.backup import agent_keys, archive, files
from soc_portal.up.backup.database import Address, Snapshot, client_program, has_table, snapshot
from soc_portal.up.backup.manifest import Manifest
from soc_portal.up.backup.pass_phrase import read_pass_phrase
from soc_portal.up.backup.source import Source, source_of
from soc_portal.up.data_folder import default_data_folder
from soc_portal.up.errors import UpError
from soc_portal.up.processes import is_alive
from soc_portal.up.supervisor import say

_GENERATED = re.compile(r"soc-backup-\d{8}T\d{6}Z\.tar")
_UNFINISHED = re.compile(r"\..+\.unfinished-(\d+)")
_LOCK_WAIT = "60s"


@dataclass(frozen=True)
class BackupOptions:
    target: Path
    data: Path
    keep: int | None = None


def parse(arguments: Sequence[str]) -> BackupOptions:
    parser = argparse.ArgumentParser(
        prog="./soc backup",
        description="Write an encrypted backup of the portal, running or not. The pass phrase comes from "
        "SOC_BACKUP_PASSPHRASE_FILE, SOC_BACKUP_PASSPHRASE or the terminal.",
    )
    parser.add_argument("target", metavar="FILE", type=Path, help="a file that does not exist, or a folder")
    parser.add_argument("--data", type=Path, default=default_data_folder(), help="data folder (default ./data)")
    parser.add_argument("--keep", type=_count, metavar="N", help="in a folder: delete all but the newest N")
    options = parser.parse_args(arguments)
    if options.keep is not None and not options.target.is_dir():
        parser.error("--keep needs a folder, in which each backup gets a name of its own")
    return BackupOptions(options.target, options.data, options.keep)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 10_000):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no number from 1 to 10000")
    return int(text)


def backup(options: BackupOptions) -> int:
    target = _place(options.target)
    pass_phrase = read_pass_phrase(new=True)
    began, started = datetime.now(UTC), time.monotonic()
    with source_of(options.data) as source:
        keeps_list = _seal(source)
        try:
            manifest, size = write_backup(target, source, pass_phrase)
        except UpError as error:
            if keeps_list:
                _note(began, target, detail=str(error))
            raise
        if keeps_list:
            _note(began, target, size=size, taken_at=manifest.taken)
    rows = sum(manifest.counts.values())
    took = time.monotonic() - started
    say(f"{target}: {rows:,} rows, {_megabytes(size)}, {took:.0f} s; audit chain {manifest.head[:16] or 'empty'}")
    if options.keep is not None:
        for old in _rotate(options.target, options.keep):
            say(f"deleted {old}")
    return 0


def _place(target: Path) -> Path:
    """The file to write; refuses what is there already."""
    if target.is_dir():
        target /= f"soc-backup-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar"
    if target.exists() or target.is_symlink():
        raise UpError(f"{target} exists already; a backup never overwrites")
    if not target.parent.is_dir():
        raise UpError(f"there is no folder {target.parent}")
    return target.resolve()


def write_backup(target: Path, source: Source, pass_phrase: str) -> tuple[Manifest, int]:
    """Under another name until it is whole. Nothing is left of one that failed."""
    _sweep(target.parent)
    unfinished = target.with_name(f".{target.name}.unfinished-{os.getpid()}")
    try:
        descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w+b") as handle:
            manifest = _fill(handle, source, pass_phrase)
            handle.flush()
            os.fsync(handle.fileno())
            size = handle.tell()
        _rename(unfinished, target)
    except OSError as error:
        raise UpError(_reason(error, target)) from error
    finally:
        unfinished.unlink(missing_ok=True)
    return manifest, size


def _fill(handle: IO[bytes], source: Source, pass_phrase: str) -> Manifest:
    writer = archive.Writer(handle, pass_phrase)
    address = Address.of(source.owner_url)
    writer.add(archive.SECRETS, BytesIO(json.dumps(_secrets(source)).encode()))
    with files.kept(address), snapshot(address) as moment:
        manifest = moment.manifest
        progress = Progress("dumped", manifest.database_bytes)
        names = files.places(moment.connection)
        _dump(writer, address, moment, progress)
        files.add(writer, files.folder_of(source.env), names, progress)
    parts = {name: part.as_json() for name, part in writer.parts.items()}
    manifest = replace(manifest, parts=parts)
    writer.add(archive.MANIFEST, BytesIO(manifest.as_bytes()))
    writer.close()
    progress.end()
    return manifest


def _secrets(source: Source) -> dict[str, str | dict[str, str]]:
    """Without them stored files, decisions and the audit chain could not be read or checked, and no endpoint agent
    would believe the portal."""
    kept: dict[str, str | dict[str, str]] = {agent_keys.PART: agent_keys.collect(source.env)}
    for name in ("SOC_SECRET_KEY", "SOC_ENCRYPTION_KEYS"):
        file = source.env.get(f"{name}_FILE")
        kept[name] = source.env[name] if name in source.env else Path(file).read_text().strip() if file else ""
        if not kept[name]:
            raise UpError(f"{name} is not set, and without it the backup could not be read again")
    return kept


def _dump(writer: archive.Writer, address: Address, moment: Snapshot, progress: "Progress") -> None:
    program = client_program("pg_dump", moment.manifest.server)
    words = [program, "--format=custom", "--compress=gzip:4", "--no-owner", "--no-privileges"]
    words += [f"--snapshot={moment.name}", f"--lock-wait-timeout={_LOCK_WAIT}", "--no-password", address.argument]
    with tempfile.TemporaryFile() as complaints:
        with subprocess.Popen(
            list(map(str, words)), env=address.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints
        ) as child:
            try:
                writer.add(archive.DATABASE, cast("IO[bytes]", child.stdout), progress)
            except BaseException:
                child.kill()
                raise
        if child.returncode:
            complaints.seek(0)
            raise UpError(f"pg_dump failed: {complaints.read(4_000).decode(errors='replace').strip()}")


class Progress:
    """One line on a terminal, rewritten twice a second; nothing in a log."""

    def __init__(self, deed: str, whole: int) -> None:
        self._deed, self._whole = deed, whole
        self._shown, self._next = False, 0.0

    def __call__(self, size: int) -> None:
        now = time.monotonic()
        if now < self._next or not sys.stderr.isatty():
            return
        self._next, self._shown = now + 0.5, True
        print(
            f"\rsoc: {_megabytes(size)} {self._deed} (database: {_megabytes(self._whole)})\x1b[K",
            end="", file=sys.stderr, flush=True,
        )  # fmt: skip

    def end(self) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:,.1f} MB"


def _rename(unfinished: Path, target: Path) -> None:
    """A link refuses an existing name, which a rename would replace; some file systems have no links."""
    try:
        os.link(unfinished, target)
    except FileExistsError:
        raise
    except OSError:
        if target.exists():
            raise FileExistsError(errno.EEXIST, "File exists") from None
        unfinished.rename(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _reason(error: OSError, target: Path) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return f"there is no room left for {target}; nothing of it was kept"
    return f"cannot write {target}: {error.strerror or error}; nothing of it was kept"


def _sweep(folder: Path) -> None:
    """What a killed backup left."""
    for file in folder.glob(".*.unfinished-*"):
        found = _UNFINISHED.fullmatch(file.name)
        if found and not is_alive(int(found[1])) and archive.looks_like_a_backup(file):
            file.unlink(missing_ok=True)


def _rotate(folder: Path, keep: int) -> list[Path]:
    """Only what `./soc backup FOLDER` named itself."""
    own = sorted(file for file in folder.iterdir() if _GENERATED.fullmatch(file.name) and not file.is_symlink())
    old = [file for file in own[:-keep] if archive.looks_like_a_backup(file)]
    for file in old:
        file.unlink()
    return old


def _seal(source: Source) -> bool:
    """Chain what is not sealed yet, so that the backup ends with a seal. False for the tables of an older version,
    which are backed up as they are and keep no list of backups."""
    with Address.of(source.owner_url).connect() as connection:
        if not has_table(connection, "core_backuprecord"):
            say("the database is of an older version, which keeps no list of backups")
            return False
    enter(source)
    from django.db import Error

    from core import audit

    try:
        while audit.seal():
            pass
    except Error as error:  # a database that can be read and not written needs its backup most
        say(f"the audit chain is backed up as it is: {str(error).strip()}")
    return True


def _note(began: datetime, target: Path, *, size: int = 0, taken_at: datetime | None = None, detail: str = "") -> None:
    """A row and an audit event in the portal, so that it can tell how old its last backup is."""
    from django.db import Error

    from core.backups import note_backup
    from core.models import BackupKind

    succeeded = taken_at is not None
    try:
        note_backup(
            BackupKind.BACKUP, began=began, succeeded=succeeded, taken_at=taken_at, file=target.name, size=size,
            detail=detail,
        )  # fmt: skip
    except Error as error:
        say(f"the portal could not note this backup: {str(error).strip()}")


def enter(source: Source) -> None:
    """From here on this process is a command on that portal."""
    os.environ.update(source.env)
    for name in ("DATABASE_URL", "REDIS_URL"):  # a file of the shell would be believed before them
        os.environ.pop(f"{name}_FILE", None)
    import django

    django.setup()
