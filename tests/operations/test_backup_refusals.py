"""What backup, restore and verify refuse, what they leave behind then, and what verify finds."""

import contextlib
import dataclasses
import json
import resource
import signal
import tempfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import psycopg
import pytest

from soc_portal.up.backup import archive
from soc_portal.up.backup.database import Address, client_program
from soc_portal.up.backup.manifest import Manifest
from soc_portal.up.backup.source import database_alone
from soc_portal.up.data_folder import DataFolder
from soc_portal.up.errors import UpError
from soc_portal.up.migrating import ONE_AT_A_TIME
from soc_portal.up.postgres import SUPERUSER
from soc_portal.up.processes import wait_until
from soc_portal.up.servers import Addresses, scratch_servers
from tests.operations.lived import PASS_PHRASE, begin, word
from tests.started_portal import StartedPortal

pytestmark = pytest.mark.slow


@dataclasses.dataclass
class Stopped:
    """A portal that was started and stopped, and a backup of it in that state."""

    data: Path
    file: Path
    output: str


@pytest.fixture(scope="module")
def stopped() -> Iterator[Stopped]:
    with tempfile.TemporaryDirectory(prefix="soc-refuse-") as folder:
        portal = StartedPortal(Path(folder) / "data")
        portal.start()
        portal.end(signal.SIGTERM)
        file = Path(folder) / "kept.tar"
        answer = word("backup", file, f"--data={portal.data}")
        assert answer.returncode == 0, answer.stderr
        yield Stopped(portal.data, file, answer.stderr)


def test_a_stopped_portal_is_backed_up_and_stays_stopped(stopped: Stopped) -> None:
    assert not DataFolder(stopped.data).is_locked()
    assert word("verify", stopped.file, f"--data={stopped.data}").returncode == 0


def test_a_wrong_pass_phrase_is_told_and_nothing_is_made(stopped: Stopped, tmp_path: Path) -> None:
    answer = word("restore", stopped.file, f"--data={tmp_path}/new", pass_phrase="another five words entirely")
    assert (answer.returncode, answer.stderr) == (
        1, f"soc: the pass phrase does not open {stopped.file} (or its key is damaged)\n"
    )  # fmt: skip
    assert not (tmp_path / "new").exists()


def cut(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3]


def flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def drop_the_start(content: bytes) -> bytes:
    return content[1000:]


@pytest.mark.parametrize("damage", [cut, flip, drop_the_start])
def test_a_damaged_file_is_found_out_before_anything_is_written(
    stopped: Stopped, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    file = tmp_path / "damaged.tar"
    file.write_bytes(damage(stopped.file.read_bytes()))
    assert word("verify", file).returncode == 3
    answer = word("restore", file, f"--data={tmp_path}/new")
    assert answer.returncode == 1
    assert "damaged" in answer.stderr or "not whole" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not (tmp_path / "new").exists()


def rewritten(stopped: Stopped, file: Path, **changes: object) -> Path:
    """The same backup with another manifest."""
    with archive.Opened(stopped.file, PASS_PHRASE) as opened, file.open("w+b") as handle:
        writer = archive.Writer(handle, PASS_PHRASE)
        for name in archive.PARTS:
            writer.add(name, BytesIO(opened.small(name)))
        manifest = json.loads(opened.small(archive.MANIFEST)) | changes
        writer.add(archive.MANIFEST, BytesIO(json.dumps(manifest).encode()))
        writer.close()
    return file


def test_a_backup_of_a_newer_version_is_refused(stopped: Stopped, tmp_path: Path) -> None:
    with archive.Opened(stopped.file, PASS_PHRASE) as opened:
        migrations = Manifest.read(opened).migrations
    file = rewritten(
        stopped, tmp_path / "newer.tar", version="99.0", migrations={**migrations, "core": ["0099_tomorrow"]}
    )
    answer = word("restore", file, f"--data={tmp_path}/new")
    assert answer.returncode == 1
    assert "was made by a newer version (99.0)" in answer.stderr
    assert "core.0099_tomorrow" in answer.stderr
    later = rewritten(stopped, tmp_path / "later.tar", version="99.0", format=3, unheard_of=1)
    assert "in a format that this one" in word("restore", later, f"--data={tmp_path}/new").stderr
    assert not (tmp_path / "new").exists()


def test_a_part_that_was_exchanged_is_found_out(stopped: Stopped, tmp_path: Path) -> None:
    parts = {"secrets.json": {"size": 1, "sha256": "0" * 64}}
    answer = word("verify", rewritten(stopped, tmp_path / "exchanged.tar", parts=parts))
    assert (answer.returncode, "is not what was written" in answer.stderr) == (3, True)


def test_nothing_is_overwritten(stopped: Stopped, tmp_path: Path) -> None:
    assert "never overwrites" in word("backup", stopped.file, f"--data={stopped.data}").stderr
    (tmp_path / "letter").write_text("dear")
    answer = word("restore", stopped.file, f"--data={tmp_path}")
    assert "is not empty" in answer.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["letter"]


def a_full_disk() -> None:
    """To a program, a limit on the size of a file looks as a full disk does."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))


def test_a_full_disk_leaves_no_half_backup(stopped: Stopped, tmp_path: Path) -> None:
    before = database_value(stopped.data, "SELECT count(*) FROM core_backuprecord WHERE NOT succeeded")
    with StartedPortal(stopped.data).running():
        answer = word("backup", tmp_path / "half.tar", f"--data={stopped.data}", before=a_full_disk)
    assert answer.returncode == 1
    assert "there is no room left for" in answer.stderr
    assert list(tmp_path.iterdir()) == []
    failed = "SELECT count(*) FROM core_backuprecord WHERE NOT succeeded AND detail LIKE '%no room%'"
    assert database_value(stopped.data, failed) == before + 1


def test_in_a_folder_the_newest_are_kept(stopped: Stopped, tmp_path: Path) -> None:
    for day in (1, 2, 3):
        (tmp_path / f"soc-backup-2026010{day}T000000Z.tar").write_bytes(stopped.file.read_bytes()[:2000])
    (tmp_path / "soc-backup-20260104T000000Z.tar").write_text("not one of ours")
    (tmp_path / "letter.tar").write_text("dear")
    answer = word("backup", tmp_path, "--keep=2", f"--data={stopped.data}")
    assert answer.returncode == 0, answer.stderr
    left = sorted(file.name for file in tmp_path.iterdir())
    assert left[:2] == ["letter.tar", "soc-backup-20260104T000000Z.tar"]
    assert len(left) == 3
    assert "--keep needs a folder" in word("backup", tmp_path / "one.tar", "--keep=2").stderr


@pytest.mark.parametrize(("pass_phrase", "reason"), [("short", "too short"), ("", "is empty")])
def test_a_weak_pass_phrase_is_refused(stopped: Stopped, tmp_path: Path, pass_phrase: str, reason: str) -> None:
    answer = word("backup", tmp_path / "weak.tar", f"--data={stopped.data}", pass_phrase=pass_phrase)
    assert (answer.returncode, reason in answer.stderr) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_a_rehearsal_is_noted_in_the_portal_it_is_of(stopped: Stopped) -> None:
    with StartedPortal(stopped.data).running():
        answer = word("verify", stopped.file, "--rehearse", f"--data={stopped.data}")
    assert answer.returncode == 0, answer.stderr
    assert "ok    audit chain" in answer.stderr
    assert "noted in the portal" in answer.stderr
    query = "SELECT count(*) FROM core_backuprecord WHERE kind = 'rehearsal' AND succeeded AND file = 'kept.tar'"
    assert database_value(stopped.data, query) == 1
    assert not list(Path(tempfile.gettempdir()).glob("soc-rehearsal-*"))


@contextlib.contextmanager
def database_of(folder: Path, *, superuser: bool = False) -> Iterator[psycopg.Connection]:
    with database_alone(DataFolder(folder), embedded=True) as instance:
        address = Address.of(instance.owner_database_url)
        if superuser:
            words = {**address.words, "user": SUPERUSER}
            address = Address(words, DataFolder(folder).passwords().superuser)
        with address.connect() as connection:
            yield connection


def database_value(folder: Path, query: str) -> int:
    with database_of(folder) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return int(row[0])


DAMAGES = {
    "audit chain": "UPDATE core_audit_event SET reason = 'another' WHERE id ="
    " (SELECT min(event_id) FROM core_audit_seal)",
    "stored files": "INSERT INTO core_blob (name, media_type, size, sha256, ciphertext, created)"
    " VALUES ('a', 'b', 1, 'c', 'no cipher', now())",
    "constraints": "INSERT INTO reviews_reviewdocument (review_id, digest, state, error, created)"
    " VALUES (4711, 'd', 'waiting', '', now())",
}


def test_what_was_changed_behind_the_portals_back_is_found(stopped: Stopped, tmp_path: Path) -> None:
    answer = word("restore", stopped.file, f"--data={tmp_path}/data")
    assert answer.returncode == 0, answer.stderr
    with database_of(tmp_path / "data", superuser=True) as connection:
        connection.execute("SET session_replication_role = replica")  # no trigger and no foreign key looks
        for deed in DAMAGES.values():
            connection.execute(deed.encode())
    answer = word("verify", f"--data={tmp_path}/data")
    wrong = {
        line.removeprefix("soc: WRONG ").partition(":")[0] for line in answer.stderr.splitlines() if "WRONG" in line
    }
    assert (answer.returncode, wrong) == (3, set(DAMAGES)), answer.stderr
    for told in ("broken at seal 1", "cannot be decrypted", "1 rows of reviews_reviewdocument break"):
        assert told in answer.stderr


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Addresses]:
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    with scratch_servers() as pair:
        yield pair


def test_a_server_of_ones_own_is_filled_once(stopped: Stopped, tmp_path: Path, servers: Addresses) -> None:
    named = {"SOC_OWNER_DATABASE_URL": servers.owner_url, "SOC_RUNTIME_ROLE": "soc_app"}
    answer = word("restore", stopped.file, f"--data={tmp_path}/keys", "--database-url", servers=named)
    assert answer.returncode == 0, answer.stderr
    again = word("restore", stopped.file, f"--data={tmp_path}/more", f"--database-url={servers.owner_url}")
    assert "the database is not empty" in again.stderr
    both = {"DATABASE_URL": servers.app_url, "REDIS_URL": servers.redis_url}
    with StartedPortal(tmp_path / "keys", servers={**both, **named}).running() as portal:
        assert portal.is_healthy()
        assert word("verify", f"--data={tmp_path}/keys").returncode == 0


def test_a_restore_that_was_killed_keeps_the_portal_from_starting(
    stopped: Stopped, tmp_path: Path, servers: Addresses
) -> None:
    """The rows are there, and nobody has seen to what was under way in them."""
    named = {"SOC_OWNER_DATABASE_URL": servers.owner_url, "SOC_RUNTIME_ROLE": "soc_app"}
    with Address.of(servers.owner_url).connect() as holder, (tmp_path / "log").open("wb") as log:
        holder.execute("SELECT pg_advisory_lock(%s)", [ONE_AT_A_TIME])
        restore = begin("restore", stopped.file, f"--data={tmp_path}/keys", "--database-url", servers=named, log=log)
        told = "another program is migrating this database"
        assert wait_until(lambda: told in (tmp_path / "log").read_text(), seconds=180), (tmp_path / "log").read_text()
        restore.kill()
        restore.wait(30)
    both = {"DATABASE_URL": servers.app_url, "REDIS_URL": servers.redis_url, **named}
    portal = StartedPortal(tmp_path / "keys", servers=both)
    answer = portal.run("up", "--no-demo", f"--port={portal.port}")
    assert answer.returncode == 1
    assert "a restore into this database was not finished" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert "is not empty" in word("restore", stopped.file, f"--data={tmp_path}/keys").stderr


def test_a_newer_server_needs_newer_client_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client_program("pg_dump", 15).name == "pg_dump"
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UpError, match=r"needs pg_dump of version 98 or newer.*none is on the PATH"):
        client_program("pg_dump", 98)
    program = tmp_path / "pg_dump"
    program.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 97.2'\n")
    program.chmod(0o755)
    with pytest.raises(UpError, match="on the PATH is 97"):
        client_program("pg_dump", 98)
    assert client_program("pg_dump", 97) == program


def test_a_password_is_in_no_argument() -> None:
    address = Address.of("postgres://someone:very-secret@db.example:5433/soc?sslmode=require")
    assert address.argument == "--dbname=host=db.example port=5433 user=someone sslmode=require dbname=soc"
    assert address.env["PGPASSWORD"] == "very-secret"
    assert not [name for name in address.env if name.startswith("SOC_")]
