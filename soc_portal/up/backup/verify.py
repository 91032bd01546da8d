"""`./soc verify`: whether a portal, or a backup of it, is whole and can be read."""

import argparse
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from soc_portal.up import environment
from soc_portal.up.backup import archive
from soc_portal.up.backup.database import Address, has_table
from soc_portal.up.backup.make import enter
from soc_portal.up.backup.manifest import Manifest
from soc_portal.up.backup.pass_phrase import read_pass_phrase
from soc_portal.up.backup.restore import RestoreOptions, checked, restore_into
from soc_portal.up.backup.source import Source, source_of
from soc_portal.up.data_folder import default_data_folder
from soc_portal.up.errors import UpError
from soc_portal.up.supervisor import say

WELL, WRONG = 0, 3


@dataclass(frozen=True)
class VerifyOptions:
    file: Path | None
    data: Path
    rehearse: bool = False


def parse(arguments: Sequence[str]) -> VerifyOptions:
    parser = argparse.ArgumentParser(
        prog="./soc verify",
        description="Check the portal of a data folder, running or not, or a backup. Exit codes: 0 all is well, "
        "1 it could not be checked, 2 wrong words, 3 something is wrong.",
    )
    parser.add_argument("file", metavar="FILE", nargs="?", type=Path, help="a backup, instead of the portal")
    parser.add_argument("--data", type=Path, default=default_data_folder(), help="data folder (default ./data)")
    parser.add_argument("--rehearse", action="store_true", help="restore FILE into a throw-away server and check that")
    options = parser.parse_args(arguments)
    if options.rehearse and options.file is None:
        parser.error("--rehearse needs a backup")
    return VerifyOptions(options.file, options.data, options.rehearse)


def verify(options: VerifyOptions) -> int:
    if options.file is None:
        return verify_portal(options.data)
    pass_phrase = read_pass_phrase(new=False)
    began = datetime.now(UTC)
    try:
        with archive.Opened(options.file, pass_phrase) as opened:
            manifest = checked(opened)
            _describe(manifest, opened.path)
            findings = _rehearse(opened, manifest) if options.rehearse else []
    except archive.Damaged as error:
        say(str(error))
        return WRONG
    code = tell(findings)
    if options.rehearse:
        _note(options.file, options.data, manifest, began, succeeded=code == WELL)
    return code


def verify_portal(data: Path) -> int:
    with source_of(data) as source:
        enter(source)
        from soc_portal.up.backup.findings import all_findings

        return tell(finding.as_json() for finding in all_findings())


def tell(findings: Iterable[dict[str, Any]]) -> int:
    code = WELL
    for finding in findings:
        say(f"{'WRONG' if finding['wrong'] else 'ok':5} {finding['name']}: {finding['what']}")
        for line in finding["wrong"]:
            say(f"      {line}")
        code = WRONG if finding["wrong"] else code
    return code


def _describe(manifest: Manifest, path: Path) -> None:
    say(f"ok    {path}: whole, taken {manifest.taken:%Y-%m-%d %H:%M} UTC by version {manifest.version}")
    say(f"      {sum(manifest.counts.values()):,} rows in {len(manifest.counts)} tables, chain head {manifest.head}")


def _rehearse(opened: archive.Opened, manifest: Manifest) -> list[dict[str, Any]]:
    """In a folder of its own, which nobody else can look into and which is deleted."""
    with tempfile.TemporaryDirectory(prefix="soc-rehearsal-") as folder:
        told = restore_into(opened, manifest, RestoreOptions(opened.path, Path(folder) / "data"), rehearsal=True)
    findings: list[dict[str, Any]] = told["findings"]
    return findings


def _note(file: Path, data: Path, manifest: Manifest, began: datetime, *, succeeded: bool) -> None:
    """In the portal that the backup is of, when it runs: its chain holds the head of the backup."""
    try:
        if environment.placeholders():
            folder, instance = environment.running_instance(data)
            source = Source(environment.of_instance(folder, instance, as_owner=True), running=True)
        else:
            source = Source(dict(os.environ), running=True)
    except UpError:
        say("the rehearsal is not noted: the portal of this backup does not run here")
        return
    _note_in(source, file, manifest, began, succeeded=succeeded)


def _note_in(source: Source, file: Path, manifest: Manifest, began: datetime, *, succeeded: bool) -> None:
    with Address.of(source.owner_url).connect() as connection:
        keeps_list = has_table(connection, "core_backuprecord")
    if not keeps_list:
        return
    enter(source)
    from core import audit
    from core.backups import note_backup
    from core.models import BackupKind

    if not manifest.head or not audit.holds(manifest.head):
        say("the rehearsal is not noted: the portal here is another one than that of the backup")
        return
    note_backup(
        BackupKind.REHEARSAL, began=began, succeeded=succeeded, taken_at=manifest.taken, file=file.name,
        size=file.stat().st_size, detail="" if succeeded else "The restored portal was not whole.",
    )  # fmt: skip
    say("the rehearsal is noted in the portal")
