"""`./soc doctor` finds what was broken on purpose, says what mends it, and changes nothing."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from django.db import connection

from core import heartbeat
from core.models import BackupKind, BackupRecord, OutboxEvent
from soc_portal import measures
from soc_portal.up.authority import LIFE, Authority
from soc_portal.up.data_folder import ROOT, DataFolder
from soc_portal.up.doctor import database, folder, machine, work
from soc_portal.up.doctor.findings import Finding, Level, kept_going, size, span
from soc_portal.up.processes import wait_until
from tests.soc_portal.made_certificates import Issuer
from tests.started_portal import StartedPortal

Findings = list[Finding]


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "data")
    made.make()
    made.make_secrets()
    return made


def worst(findings: Findings) -> Finding:
    """Says the whole story: what, what it means, what mends it."""
    found = max(findings, key=lambda finding: finding.level)
    assert found.level == Level.FINE or (found.means and found.mend)
    return found


# ---- machine ----


def usage(free: float) -> Callable[[Any], SimpleNamespace]:
    return lambda _: SimpleNamespace(total=100 * machine.GIB, free=int(free * machine.GIB))


@pytest.mark.parametrize(("free", "level"), [(0.3, Level.ERROR), (3, Level.WARNING), (50, Level.FINE)])
def test_a_disk_that_fills_is_told_with_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, level: Level
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", usage(free))
    found = worst(list(machine.disk(tmp_path / "not" / "there")))
    assert (found.level, found.about) == (level, "disk")
    assert "100.0 GB" in found.found


@pytest.mark.parametrize(("free", "level"), [(50, Level.ERROR), (400, Level.WARNING), (4000, Level.FINE)])
def test_memory_that_runs_out_is_told(tmp_path: Path, free: int, level: Level) -> None:
    (tmp_path / "meminfo").write_text(f"MemTotal: 8000000 kB\nMemAvailable: {free * 1024} kB\n")
    assert worst(list(machine.memory(tmp_path / "meminfo"))).level == level


def test_a_missing_library_is_told_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    assert "apt-get install libpango" in worst(list(machine.libraries())).mend


# ---- data folder ----


def test_private_keys_are_fine_and_a_readable_one_is_not(data: DataFolder) -> None:
    assert worst(list(folder.permissions(data))).level == Level.FINE
    data.encryption_keys.chmod(0o644)
    found = worst(list(folder.permissions(data)))
    assert (found.level, found.mend.startswith(f"chmod 600 {data.encryption_keys}")) == (Level.ERROR, True)
    assert data.encryption_keys.read_text() not in str(found)


def test_the_key_of_the_authority_is_looked_at_too(data: DataFolder) -> None:
    Authority(data.path / "tls").ensure(())
    (data.path / "tls" / "ca.key").chmod(0o640)
    assert "ca.key" in worst(list(folder.permissions(data))).found


def test_a_lost_key_of_a_portal_with_data_is_an_error(data: DataFolder) -> None:
    data.postgres.mkdir()
    data.encryption_keys.unlink()
    found = worst(list(folder.permissions(data)))
    assert (found.level, "./soc restore" in found.mend) == (Level.ERROR, True)


def test_a_folder_that_anybody_may_write_to_is_an_error(data: DataFolder) -> None:
    data.path.chmod(0o777)
    assert worst(list(folder.permissions(data))).level == Level.ERROR


def test_what_a_killed_portal_left_behind_is_told(data: DataFolder) -> None:
    assert worst(list(folder.leftovers(data))).level == Level.FINE
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        assert wait_until(lambda: b"sleep" in Path(f"/proc/{sleeper.pid}/cmdline").read_bytes(), seconds=5)
        (data.path / "children.json").write_text(json.dumps({str(sleeper.pid): "sleep", "999999999": "postgres"}))
        found = worst(list(folder.leftovers(data)))
        assert (found.level, f"sleep ({sleeper.pid})" in found.found) == (Level.ERROR, True)
        assert "postgres" not in found.found
    finally:
        sleeper.kill()
        sleeper.wait()


@pytest.mark.parametrize(
    ("age", "level"), [(timedelta(0), Level.FINE), (LIFE - timedelta(days=20), Level.WARNING), (LIFE * 2, Level.ERROR)]
)
def test_a_certificate_is_told_before_and_after_it_ends(data: DataFolder, age: timedelta, level: Level) -> None:
    Authority(data.path / "tls").ensure((), datetime.now(UTC) - age)
    assert worst(list(folder.certificate(data, ""))).level == level


def test_a_given_certificate_is_looked_at_where_it_lies(data: DataFolder, tmp_path: Path) -> None:
    certificate, _ = Issuer().issue(tmp_path, "soc.example.org", ends=timedelta(days=3))
    found = worst(list(folder.certificate(data, str(certificate))))
    assert (found.level, "in 3 days" in found.found or "in 72 h" in found.found) == (Level.WARNING, True)
    assert worst(list(folder.certificate(data, "/nowhere.pem"))).level == Level.ERROR


# ---- database and work ----


@pytest.mark.django_db
def test_a_healthy_database_is_fine_in_every_way() -> None:
    checks = (database.is_there, database.clock, database.locks, database.tables, database.migrations, work.stages)
    findings = [finding for check in checks for finding in check()]
    assert [finding for finding in findings if finding.level != Level.FINE] == []


@pytest.mark.django_db
def test_a_migration_that_is_due_is_an_error() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'core' AND name > '0005'")
    found = worst(list(database.migrations()))
    assert (found.level, "core.0" in found.found) == (Level.ERROR, True)


@pytest.mark.django_db
def test_a_clock_that_is_wrong_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 45)
    assert worst(list(database.clock())).level == Level.ERROR


def test_an_old_transaction_is_told(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_LONG_S", -1)
    other = connection.copy()
    try:
        other.set_autocommit(False)
        other.cursor().execute("SELECT 1")
        assert "pg_terminate_backend" in worst(list(database.locks())).mend
    finally:
        other.close()


@pytest.mark.django_db
def test_events_that_wait_and_a_backup_that_is_old_are_told() -> None:
    assert worst(list(work.backups())).found == "there is none"
    long_ago = datetime.now(UTC) - timedelta(days=3)
    BackupRecord.objects.create(kind=BackupKind.BACKUP, succeeded=True, at=long_ago)
    OutboxEvent.objects.create(topic="x", created=long_ago)
    assert "the last is 3 days old" in worst(list(work.backups())).found
    assert worst(list(work.stages())).about == "outbox"


def test_a_broker_that_is_away_is_an_error_and_the_rest_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "broker", lambda: redis.Redis(port=1, socket_connect_timeout=0.2))
    found = worst(list(work.broker()))
    assert (found.level, "does not answer" in found.found) == (Level.ERROR, True)


def test_workers_that_are_silent_are_an_error() -> None:
    heartbeat.forget()
    assert {finding.level for finding in work.heartbeats()} == {Level.ERROR}
    heartbeat.worker_is_alive()
    heartbeat.beat_is_alive()
    assert {finding.level for finding in work.heartbeats()} == {Level.FINE}


def test_a_check_that_breaks_is_a_finding() -> None:
    def broken() -> Findings:
        raise RuntimeError("boom")

    assert "boom" in worst(list(kept_going("x", broken))).found
    assert (size(3 * 1024**3), span(7200), span(30)) == ("3.0 GB", "2 h", "30 s")


# ---- the word ----


def call(*words: str, env: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    own = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "TMPDIR"}}
    own |= {"PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "soc_portal.settings"} | (env or {})
    command = [sys.executable, "-P", "-m", "soc_portal.up", "doctor", "--json", *words]
    done = subprocess.run(command, env=own, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("{"), done.stderr
    return done.returncode, json.loads(done.stdout)


def about(told: dict[str, Any], name: str) -> list[dict[str, str]]:
    return [finding for finding in told["findings"] if finding["about"] == name]


def test_without_a_portal_it_says_so_and_looks_at_what_there_is(data: DataFolder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, told = call(f"--data={data.path}", f"--port={taken.getsockname()[1]}")
    assert (code, told["worst"]) == (1, "warning")
    assert "does not run" in about(told, "portal")[0]["found"]
    assert about(told, "port")[0]["level"] == "warning"


def test_servers_that_do_not_answer_are_errors_and_no_password_is_told(data: DataFolder) -> None:
    env = {"DATABASE_URL": "postgres://soc:canary-5512@127.0.0.1:9/none", "REDIS_URL": "redis://:canary-5512@127.0.0.1:9/0",
           "SOC_SECRET_KEY": "x" * 50, "SOC_ENCRYPTION_KEYS": "y" * 44}  # fmt: skip
    code, told = call(f"--data={data.path}", env=env)
    assert (code, about(told, "database")[0]["level"], about(told, "broker")[0]["level"]) == (2, "error", "error")
    assert "canary-5512" not in json.dumps(told)


@pytest.fixture
def portal() -> Iterator[StartedPortal]:
    with tempfile.TemporaryDirectory(prefix="soc-doctor-") as name:
        portal = StartedPortal(Path(name) / "data", words=["--tls"])
        portal.start()
        try:
            yield portal
        finally:
            if portal.is_running():
                portal.end(signal.SIGTERM)


@pytest.mark.slow
def test_a_portal_at_work_is_well_and_a_killed_one_is_recognised(portal: StartedPortal) -> None:
    code, told = call(f"--data={portal.data}")
    unwell = [finding for finding in told["findings"] if finding["level"] != "fine"]
    assert [finding["about"] for finding in unwell if finding["about"] not in {"memory", "disk"}] == ["backup"], unwell
    assert {"broker", "beat", "worker", "audit", "clock", "address"} <= {one["about"] for one in told["findings"]}
    assert code == 1
    portal.end(signal.SIGKILL)
    assert "was killed" in about(call(f"--data={portal.data}")[1], "leftovers")[-1]["found"]
