"""Backups of a real portal at work: taken, opened, restored, damaged."""

import contextlib
import re
import signal
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from soc_portal.up.backup import archive, files
from soc_portal.up.backup.database import Address
from soc_portal.up.backup.manifest import Manifest
from soc_portal.up.backup.source import database_alone
from soc_portal.up.data_folder import DataFolder
from soc_portal.up.processes import wait_until
from tests.crash.clients import Api
from tests.operations.lived import PASS_PHRASE, Lived, live, word
from tests.started_portal import StartedPortal

pytestmark = pytest.mark.slow
OPEN = ("waiting", "queued", "delivered", "started")


@dataclass
class Kept:
    """A portal, and the backup that was taken while alerts came in; `before` and `after` are how many had."""

    lived: Lived
    file: Path
    before: int
    after: int
    output: str


@pytest.fixture(scope="module")
def kept() -> Iterator[Kept]:
    with tempfile.TemporaryDirectory(prefix="soc-backup-") as folder:
        portal = StartedPortal(Path(folder) / "data")
        portal.start()
        try:
            yield back_up_under_load(live(portal), Path(folder) / "kept.tar")
        finally:
            portal.end(signal.SIGTERM)


def back_up_under_load(lived: Lived, file: Path) -> Kept:
    done = threading.Event()

    def sensor() -> None:
        while not done.is_set():
            lived.send_alerts()

    sending = threading.Thread(target=sensor)
    sending.start()
    try:
        before = lived.sent
        assert wait_until(lambda: lived.sent > before, seconds=30)
        before = lived.sent
        answer = word("backup", file, f"--data={lived.portal.data}")
        after = lived.sent
    finally:
        done.set()
        sending.join()
    assert answer.returncode == 0, answer.stderr
    assert after > before, "alerts came in meanwhile"
    return Kept(lived, file, before, after + 20, answer.stderr)


@pytest.fixture(scope="module")
def restored(kept: Kept) -> Iterator[Path]:
    """The folder of a restore."""
    with tempfile.TemporaryDirectory(prefix="soc-restored-") as folder:
        answer = word("restore", kept.file, f"--data={folder}/data")
        assert answer.returncode == 0, answer.stderr
        assert "the audit chain is whole" in answer.stderr
        yield Path(folder) / "data"


@contextlib.contextmanager
def database_of(folder: Path) -> Iterator[psycopg.Connection]:
    """Of a stopped portal."""
    with (
        database_alone(DataFolder(folder), embedded=True) as instance,
        Address.of(instance.owner_database_url).connect() as connection,
    ):
        yield connection


def manifest_of(file: Path) -> Manifest:
    with archive.Opened(file, PASS_PHRASE) as opened:
        return Manifest.read(opened)


def test_a_backup_says_no_secret_outside_its_ciphertext(kept: Kept) -> None:
    logs = "".join(file.read_text() for file in (kept.lived.portal.data / "logs").glob("*.log"))
    told = f"{kept.output} {manifest_of(kept.file)} {kept.file.read_bytes()!r} {logs}"
    secrets = [PASS_PHRASE, *kept.lived.tokens.values()]
    assert [secret for secret in secrets if secret in told] == []


def test_a_backup_is_one_moment_of_a_portal_at_work(kept: Kept) -> None:
    counts = manifest_of(kept.file).counts
    assert kept.before <= counts["incidents_alert"] <= kept.after
    assert counts["incidents_evidence"] == 2 * counts["incidents_alert"], "alerts and their evidence stand together"


def test_only_its_owner_may_read_it_and_nothing_in_it_is_plain(kept: Kept) -> None:
    content, secrets = kept.file.read_bytes(), DataFolder(kept.lived.portal.data)
    assert kept.file.stat().st_mode & 0o777 == 0o600
    for secret in (PASS_PHRASE, secrets.secret_key.read_text(), secrets.encryption_keys.read_text(), "verified.backup"):
        assert secret.encode() not in content
    assert PASS_PHRASE not in kept.output


def test_the_portal_knows_of_its_backup(kept: Kept) -> None:
    row = kept.lived.ledger.rows("SELECT kind, succeeded, file, size FROM core_backuprecord ORDER BY id")[0]
    assert row == ("backup", True, "kept.tar", kept.file.stat().st_size)
    told = kept.lived.ledger.value("SELECT data FROM core_audit_event WHERE verb = 'backup.taken'")
    assert (told["file"], told["size"]) == ("kept.tar", kept.file.stat().st_size)


def test_a_restored_portal_is_whole(kept: Kept, restored: Path) -> None:
    answer = word("verify", f"--data={restored}")
    assert answer.returncode == 0, answer.stderr
    for name in ("tables", "rows", "audit chain", "stored files", "constraints", "decisions", "signed reviews"):
        assert f"ok    {name}: " in answer.stderr
    assert not re.search(r"stored files: 0 files", answer.stderr), "there was something to decrypt"
    large = [name for name in manifest_of(kept.file).parts if name.startswith(files.PART)]
    assert [
        f"{files.PART}{file.parent.parent.name}-{file.name}" for file in (restored / "files").glob("*/*/*")
    ] == large
    assert len(large) == 1
    with database_of(restored) as connection:
        found = connection.execute("SELECT count(*) FROM incidents_alert").fetchone()
    assert found == (manifest_of(kept.file).counts["incidents_alert"],)


@pytest.mark.parametrize("name", ["signer/root.pem", "signer/signing.pem", "agents/keys.json", "agents-tls/ca.key"])
def test_a_restored_portal_is_believed_by_its_agents(kept: Kept, restored: Path, name: str) -> None:
    assert (restored / name).read_bytes() == (kept.lived.portal.data / name).read_bytes()
    assert (restored / name).stat().st_mode & 0o077 == (0o044 if name == "agents/keys.json" else 0)


@pytest.fixture
def working(kept: Kept, restored: Path) -> Iterator[Lived]:
    """The restored portal, running."""
    portal = StartedPortal(restored)
    portal.start()
    try:
        api = Api(portal.url, threading.Event(), patience_s=30)
        yield Lived(portal, kept.lived.devices, kept.lived.tokens, api, kept.lived.runs)
    finally:
        portal.end(signal.SIGTERM)


def orders_of(lived: Lived) -> dict[str, int]:
    return dict(
        lived.ledger.rows(
            "SELECT object_id, (state ->> 'effects')::int FROM connectors_connectorstate WHERE object_kind = 'order'"
        )
    )


def test_a_restored_portal_does_nothing_a_second_time(working: Lived) -> None:
    before = orders_of(working)
    statuses = {name: working.status_of(run) for name, run in working.runs.items()}
    assert statuses == {"pending": "cancelled", "verified": "succeeded", **dict.fromkeys(
        ("queued", "offline", "delivered", "started"), "unknown")}  # fmt: skip
    go_on = "from connectors.services.halt import resume; from core.actors import Actor"
    assert "stopped" in str(working.ledger.rows("SELECT detail FROM core_backuprecord WHERE kind = 'restore'"))
    lifted = working.portal.run(
        "manage", "shell", "-v0", "-c", f"{go_on}; resume(actor=Actor.system('test'), reason='Looked at.')"
    )
    assert lifted.returncode == 0, lifted.stderr
    # The worker is at work: what is asked for now is carried out, on targets that held an open run as well.
    for name in ("later", "pending"):
        run = working.isolate(name)
        working.approve(run)
        assert wait_until(lambda run=run: working.status_of(run) == "succeeded", seconds=60), name  # type: ignore[misc]
    assert {name: working.status_of(run) for name, run in working.runs.items()} == statuses
    added = {key: effects for key, effects in orders_of(working).items() if before.get(key) != effects}
    assert sorted(added.values()) == [1, 1]


def test_a_restore_is_told_and_ends_every_session(working: Lived) -> None:
    verbs = {verb for (verb,) in working.ledger.rows("SELECT verb FROM core_audit_event WHERE actor_id = 'restore'")}
    assert {"run.status", "run.decision", "delivery.state", "halt.began"} <= verbs
    assert working.ledger.value("SELECT count(*) FROM core_audit_event WHERE verb = 'backup.restored'") == 1
    assert working.ledger.value("SELECT count(*) FROM django_session") == 0
    working.send_alerts()  # the token of the sensor works
