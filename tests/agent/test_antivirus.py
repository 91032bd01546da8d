"""A scan says what looked, with what, and what it found; without an engine nothing was scanned."""

import asyncio
import hashlib
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from soc_agent import antivirus, capabilities
from soc_agent.guarding import guarding
from soc_agent.host import Host
from soc_agent.journal import State
from soc_agent.orders import Command, Effect, Refused
from tests.agent.hosts import a_host
from tests.agent.needs import need_program

MARK = b"harmless-mark-" + b"of-this-test"
YARA = 'rule Marked { strings: $a = "harmless-mark-of-this-test" condition: $a }'


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """Without any engine: its settings name a socket that nobody made."""
    made = a_host(tmp_path / "host")
    made.folders.settings.parent.mkdir(parents=True)
    settings(made, clamd_socket=str(tmp_path / "none"))
    yield made
    guarding(made).stop()
    made.journal.close()


def settings(host: Host, **values: str) -> None:
    (host.folders.settings.parent / "antivirus.json").write_text(json.dumps(values))


def order(**arguments: Any) -> Command:
    return Command("scan1", "d" * 64, "device.antivirus_scan", arguments, Effect.COLLECT, 0, 2**39, 600)


def scan(host: Host, folder: Path) -> tuple[State, dict[str, Any]]:
    return antivirus.Run(host, order(scan_type="custom", paths=[str(folder)]), share=1.0).scan()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "files"
    found.mkdir()
    (found / "plain").write_bytes(b"nothing")
    (found / "marked").write_bytes(b"x" * 100 + MARK)
    (found / "link").symlink_to("/etc/passwd")
    os.mkfifo(found / "pipe")
    return found


def test_without_an_engine_nothing_is_called_scanned(host: Host, folder: Path) -> None:
    state, result = scan(host, folder)
    assert (state, result["code"], result["examined"]) == (State.FAILED, "no_engine", 0)
    assert all(one["missing"] for one in result["engines"])
    assert antivirus.health(host)


def test_rules_of_the_admin_find_and_are_told(host: Host, folder: Path) -> None:
    pytest.importorskip("yara")
    rules = host.folders.settings.parent / "yara"
    rules.mkdir()
    (rules / "a.yar").write_text(YARA)
    (rules / "wrong.yar").write_text("rule {")
    state, result = scan(host, folder)
    assert state is State.SUCCEEDED, result
    assert [(one["name"], one["engine"], one["path"]) for one in result["found"]] == [
        ("Marked", "yara", str(folder / "marked"))
    ]
    assert result["examined"] == 2
    told = next(one for one in result["engines"] if one["name"] == "yara")
    assert told["signatures"] == 1
    assert told["age_s"] < 60
    assert "wrong.yar" in told["version"]
    assert result["signatures"] == {"yara": 1}


def test_digests_of_the_indicators_find(host: Host, folder: Path) -> None:
    digest = hashlib.sha256(b"nothing").hexdigest()
    guarding(host)._parts["files"] = {"file_sha256": {digest: ["block", "k", None, "Known bad"]}}
    _, result = scan(host, folder)
    assert [(one["name"], one["engine"]) for one in result["found"]] == [("Known bad", "indicators")]
    guarding(host)._parts["files"] = {}


@pytest.fixture
def clamd(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A daemon of the test's own with one signature: its socket and its database."""
    program = need_program("clamd", "clamav-daemon")
    # Its user must reach the socket, so the folder is everybody's.
    base = Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip())
    base.chmod(0o755)
    database = base / "db"
    database.mkdir()
    (database / "own.hsb").write_text(f"{hashlib.sha256(b'x' * 100 + MARK).hexdigest()}:126:Own.Mark:73\n")
    conf = base / "clamd.conf"
    lines = {"LocalSocket": base / "sock", "DatabaseDirectory": database, "Foreground": "yes", "User": "root",
             "LogFile": base / "log"}  # fmt: skip
    conf.write_text("".join(f"{name} {value}\n" for name, value in lines.items()))
    daemon = subprocess.Popen([program, "-c", str(conf)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not (base / "sock").exists():
        assert daemon.poll() is None, (base / "log").read_text()
        assert time.monotonic() < until
        time.sleep(0.05)
    yield base / "sock", database
    daemon.terminate()
    daemon.wait(20)
    subprocess.run(["rm", "-r", base], check=True)


def test_the_daemon_is_handed_the_open_file(host: Host, folder: Path, clamd: tuple[Path, Path]) -> None:
    settings(host, clamd_socket=str(clamd[0]), clamd_database=str(clamd[1]))
    (folder / "marked").chmod(0o600)
    state, result = scan(host, folder)
    assert state is State.SUCCEEDED, result
    assert [(one["name"], one["engine"]) for one in result["found"]] == [("Own.Mark.UNOFFICIAL", "clamav")]
    assert result["found"][0]["sha256"] == hashlib.sha256(b"x" * 100 + MARK).hexdigest()
    told = next(one for one in result["engines"] if one["name"] == "clamav")
    assert told["version"].startswith("ClamAV")
    assert (told["signatures"], told["age_s"] is None) == (1, False)


def test_a_daemon_that_goes_away_is_not_taken_for_clean(host: Host, folder: Path, clamd: tuple[Path, Path]) -> None:
    settings(host, clamd_socket=str(clamd[0]), clamd_database=str(clamd[1]))
    for number in range(5):
        (folder / f"more{number}").write_bytes(b"%d" % number)
    run = antivirus.Run(host, order(scan_type="custom", paths=[str(folder)]), share=1.0)
    look = run._look_at

    def then_gone(path: str) -> None:
        look(path)
        clamd[0].unlink(missing_ok=True)

    run._look_at = then_gone  # type: ignore[method-assign]
    state, result = run.scan()
    assert (state, result["code"]) == (State.FAILED, "engines_lost")


async def scanned(host: Host, folder: str) -> dict[str, Any]:
    return (await antivirus.works(host)["device.antivirus_scan"](order(scan_type="custom", paths=[folder])))[1]


@pytest.fixture
def ruled(host: Host) -> Host:
    """With one rule."""
    pytest.importorskip("yara")
    (host.folders.settings.parent / "yara").mkdir()
    (host.folders.settings.parent / "yara/a.yar").write_text(YARA)
    return host


def test_it_stays_below_its_share(ruled: Host, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(60):
        (folder / str(number)).write_bytes(os.urandom(1 << 20))
    result = asyncio.run(scanned(ruled, str(folder)))
    assert result["examined"] == 60
    assert result["cpu_share"] <= 0.55


def test_it_can_be_cancelled(ruled: Host) -> None:
    async def cancelled() -> float:
        task = asyncio.create_task(scanned(ruled, "/usr"))
        await asyncio.sleep(0.3)
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(antivirus._one_at_a_time.acquire, timeout=20)
        antivirus._one_at_a_time.release()
        return time.monotonic() - began

    assert asyncio.run(cancelled()) < 10


@pytest.mark.parametrize(
    "arguments",
    [
        {"scan_type": "deep"}, {"scan_type": "custom"}, {"scan_type": "full", "paths": ["/x"]},
        {"scan_type": "custom", "paths": ["x"]},
    ],
)  # fmt: skip
def test_what_is_no_scan_is_refused(host: Host, arguments: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        antivirus.Run(host, order(**arguments))


def test_a_host_without_any_engine_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capabilities, "SOCKETS", ())
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    why = capabilities.find_capabilities()["device.antivirus_scan"]
    assert why.startswith("Nothing that scans is here: install the package clamav-daemon, or python3-yara")
    assert "/etc/soc-agent/yara" in why
