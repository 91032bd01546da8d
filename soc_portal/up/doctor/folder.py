"""The data folder: who may read its secrets, what a killed portal left in it, and until when its certificate lasts."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509

from soc_portal.up.authority import RENEWED_BEFORE
from soc_portal.up.data_folder import DataFolder
from soc_portal.up.doctor.findings import Finding, error, fine, span, warning
from soc_portal.up.errors import UpError
from soc_portal.up.given_certificate import read_chain
from soc_portal.up.processes import is_alive

_SECRET = ("secrets/*", "tls/*.key", "instance.json")


def permissions(folder: DataFolder, *, is_needed: bool = True) -> Iterator[Finding]:
    """Where servers and secrets are named by variables, as in containers, nobody needs the folder."""
    if not folder.path.exists() and not is_needed:
        return
    if not folder.path.exists():
        yield warning(
            "data folder",
            f"{folder.path} does not exist",
            "No portal was ever started on it.",
            f"./soc up --data {folder.path}",
        )
        return
    try:
        folder.refuse_strangers()
    except UpError as problem:
        yield error(
            "data folder",
            str(problem),
            "What lies there may not be ours, so nothing of it is believed.",
            f"ls -ld {folder.path}; then chown or chmod it, or choose another --data",
        )
        return
    if not os.access(folder.path, os.R_OK | os.W_OK | os.X_OK):
        yield error(
            "data folder",
            f"{folder.path} cannot be read and written by this user",
            "The portal runs as another user.",
            "run ./soc doctor as that user",
        )
        return
    if folder.path.stat().st_mode & 0o022:
        yield warning(
            "data folder",
            f"a group may write to {folder.path}",
            "Its members could lay files there.",
            f"chmod go-w {folder.path}",
        )
    yield from _secrets(folder)


def _secrets(folder: DataFolder) -> Iterator[Finding]:
    files = [file for pattern in _SECRET for file in sorted(folder.path.glob(pattern)) if file.is_file()]
    readable = [file for file in files if file.stat().st_mode & 0o077]
    for file in readable:
        yield error(
            "key files",
            f"others on this machine can read {file}",
            "Who reads it can sign in as anybody, open stored secrets or pose as the portal.",
            f"chmod 600 {file}; then make a new one, if others did have access",
        )
    missing = [file for file in (folder.secret_key, folder.encryption_keys) if not file.exists()]
    if missing and folder.postgres.exists():
        yield error(
            "key files",
            f"{missing[0]} is gone",
            "Stored secrets and files cannot be opened, and the audit chain"
            " cannot be verified; a start would make a new key that opens nothing.",
            "put it back from a backup: ./soc restore FILE --data NEWDIR",
        )
    elif files and not readable:
        yield fine("key files", f"{len(files)} files, private")


def leftovers(folder: DataFolder) -> Iterator[Finding]:
    if folder.is_locked():
        return
    try:
        recorded: dict[str, str] = json.loads((folder.path / "children.json").read_text())
    except (OSError, ValueError):
        recorded = {}
    alive = [f"{program} ({pid})" for pid, program in recorded.items() if _is_still(int(pid), program)]
    if alive:
        yield error(
            "leftovers",
            f"processes of an ended portal still run: {', '.join(alive)}",
            "They hold the database; two servers on one folder would destroy it.",
            f"./soc up --data {folder.path}, which ends them first",
        )
    stale = folder.read_instance()
    if stale is not None:
        yield warning(
            "leftovers",
            f"the portal of process {stale.pid} was killed and left its addresses behind",
            "Nothing is lost; the database repairs itself at the next start.",
            f"./soc up --data {folder.path}",
        )
    if not alive and stale is None and folder.path.exists():
        yield fine("leftovers", "none")


def _is_still(pid: int, program: str) -> bool:
    try:
        return is_alive(pid) and program.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return is_alive(pid) and not Path("/proc").exists()


def certificate(folder: DataFolder, named: str) -> Iterator[Finding]:
    """Of our own authority, or the one that is named."""
    file = Path(named) if named else folder.path / "tls" / "portal.pem"
    if not named and not file.exists():
        return
    try:
        leaf = read_chain(file)[0]
    except UpError as problem:
        yield error(
            "certificate", str(problem), "No browser reaches the portal over TLS.", _how_to_renew(folder, named)
        )
        return
    left = leaf.not_valid_after_utc.timestamp() - time.time()
    found = f"{file} ends on {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    if left <= 0:
        yield error(
            "certificate", f"{found}: {span(-left)} ago", "Browsers refuse the portal.", _how_to_renew(folder, named)
        )
    elif left < (14 * 86_400 if named else RENEWED_BEFORE.total_seconds() - 2 * 86_400):
        yield warning(
            "certificate",
            f"{found}: in {span(left)}",
            "Browsers will refuse the portal from then on.",
            _how_to_renew(folder, named),
        )
    else:
        yield fine("certificate", found)
    authority = folder.path / "tls" / "ca.pem"
    if not named and authority.exists():
        yield fine(
            "certificate",
            f"{authority} is trusted by those who imported it, until "
            f"{x509.load_pem_x509_certificate(authority.read_bytes()).not_valid_after_utc:%Y-%m-%d}",
        )


def _how_to_renew(folder: DataFolder, named: str) -> str:
    return "renew it where it was issued; the portal reads it anew" if named else f"./soc up --tls --data {folder.path}"
