"""A sweep says what of an incident is on this host and where, and what it could not look through."""

import asyncio
import hashlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from soc_agent import sweep
from soc_agent.guarding import guarding
from soc_agent.host import Host
from soc_agent.journal import State
from soc_agent.orders import Command, Effect, Refused
from soc_agent.own_traces import is_own_name
from soc_agent.start_places import start_places
from tests.agent.hosts import a_host


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    made = a_host(tmp_path / "host")
    yield made
    guarding(made).stop()
    made.journal.close()


def look(host: Host, *indicators: tuple[str, str], **more: Any) -> tuple[State, dict[str, Any]]:
    listed = [{"id": f"{kind}-{place}", "kind": kind, "value": value} for place, (kind, value) in enumerate(indicators)]
    arguments = {"indicators": listed, "folders": ["/nowhere"], **more}
    order = Command("s1", "d" * 64, "device.sweep", arguments, Effect.COLLECT, 0, 2**39, 600)

    async def done() -> tuple[State, dict[str, Any]]:
        return await sweep.works(host)["device.sweep"](order)

    return asyncio.run(done())


def test_files_are_found_by_any_digest_where_they_lie_and_where_they_run(host: Host, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    path = folder / "tool"
    path.write_bytes(Path("/bin/sleep").read_bytes() + os.urandom(16))
    path.chmod(0o755)
    content = path.read_bytes()
    sha256, md5 = hashlib.sha256(content).hexdigest(), hashlib.md5(content).hexdigest()
    with subprocess.Popen([path, "60"]) as running:
        state, result = look(host, ("hash", sha256), ("hash", md5), ("path", str(path)), folders=[str(folder)])
        running.kill()
    assert state is State.SUCCEEDED, result
    found = {(one["id"], one["where"]) for one in result["found"]}
    places = (f"process {running.pid}", str(path))
    assert found == {(name, place) for name in ("hash-0", "hash-1", "path-2") for place in places}


def test_connections_accounts_and_names_are_found(host: Host) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        _, result = look(host, ("address", "127.0.0.1"), ("address", "203.0.113.77"), ("account", "LAB\\Root"),
                             ("account", "nobody-at-all"), ("domain", "localhost"))  # fmt: skip
    found = {one["id"] for one in result["found"]}
    assert {"address-0", "account-2", "domain-4"} <= found, result["incomplete"]
    assert not found & {"address-1", "account-3"}
    assert result["limits"]


def test_the_line_of_the_agent_to_its_portal_is_not_found_and_that_of_another_program_is(host: Host) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        port = server.getsockname()[1]
        host.settings = replace(host.settings, portals=(("127.0.0.1", port),), agent_uid=4_000_000)
        _, result = look(host, ("address", "127.0.0.1"))
        own = {f"connection to 127.0.0.1:{port}"}
        assert not own & {one["where"] for one in result["found"]}
        code = f"import socket; one = socket.create_connection(('127.0.0.1', {port})); print(flush=True); input()"
        with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1) as other:
            assert other.stdout is not None
            other.stdout.readline()
            _, result = look(host, ("address", "127.0.0.1"))
            host.settings = replace(host.settings, agent_uid=os.getuid())
            _, courier = look(host, ("address", "127.0.0.1"))
            other.kill()
        assert own <= {one["where"] for one in result["found"]}
        assert not own & {one["where"] for one in courier["found"]}


@pytest.mark.parametrize(
    ("line", "own"),
    [
        ("192.0.2.1 portal.internal", True), ("192.0.2.1 Portal.internal portal.internal", True),
        ("192.0.2.1 portal.internal bad.example", False), ("192.0.2.9 portal.internal", False), ("192.0.2.1", False),
    ],
)  # fmt: skip
def test_the_line_of_the_hosts_file_that_the_agent_needs_is_not_found(host: Host, line: str, own: bool) -> None:
    settings = replace(host.settings, url="https://portal.internal:8443", portals=(("192.0.2.1", 8443),))
    assert is_own_name(settings, line.split()) is own


def test_the_limit_is_kept_and_told(host: Host) -> None:
    state, result = look(host, ("path", "/etc"), ("path", "/usr"), ("path", "/tmp"), limit=2)
    assert state is State.PARTIALLY_SUCCEEDED
    assert len(result["found"]) == 2
    assert "first 2" in result["incomplete"]["found"]


def test_a_walk_that_was_cut_short_is_not_called_complete(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "MOST_FILES", 1)
    state, result = look(host, ("hash", "a" * 64), folders=[str(tmp_path)])
    assert state is State.PARTIALLY_SUCCEEDED
    assert "files" in result["incomplete"]


def test_what_cannot_be_looked_for_is_named(host: Host) -> None:
    _, result = look(host, ("hash", "xyz"), ("address", "10.0.0.0/8"), ("mutex", "a"), ("path", "/nowhere"))
    assert [one["id"] for one in result["unsupported"]] == ["hash-0", "address-1", "mutex-2"]
    assert result["found"] == []


def test_what_starts_by_itself_is_found_by_a_part_of_its_name(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "etc/cron.d").mkdir(parents=True)
    (tmp_path / "etc/cron.d/updater-x").write_text("* * * * * root /opt/tool-y\n")
    places = list(start_places(tmp_path))
    monkeypatch.setattr(sweep, "start_places", lambda: places)
    _, result = look(host, ("persistence", "updater-x"), ("persistence", "tool-y"), ("persistence", "other"))
    assert [one["id"] for one in result["found"]] == ["persistence-0", "persistence-1"]
    assert "/opt/tool-y" in result["found"][1]["detail"]


def test_what_may_go_as_a_whole_is_named_by_its_digest(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    (root / "etc/cron.d").mkdir(parents=True)
    alone, shared, link = root / "etc/cron.d/job", root / "etc/crontab", root / "etc/link"
    for path in (alone, shared):
        path.write_text(f"* * * * * root /opt/tool-y {path.name}\n")
    link.symlink_to(alone)
    places = list(start_places(root))
    monkeypatch.setattr(sweep, "start_places", lambda: places)
    _, result = look(host, ("persistence", "tool-y"), ("path", str(alone)), ("path", str(link)), ("path", str(root)))
    digest = hashlib.sha256(alone.read_bytes()).hexdigest()
    told = {(one["id"], one["where"]): one.get("sha256") for one in result["found"]}
    assert told == {
        ("persistence-0", str(alone)): digest, ("persistence-0", str(shared)): None, ("path-1", str(alone)): digest,
        ("path-2", str(link)): None, ("path-3", str(root)): None,
    }  # fmt: skip


def test_a_program_that_runs_is_named_by_what_runs(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "tool"
    path.write_bytes(Path("/bin/sleep").read_bytes() + os.urandom(16))
    path.chmod(0o755)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with subprocess.Popen([path, "60"]) as running:
        path.unlink()
        _, result = look(host, ("path", str(path)))
        running.kill()
    assert [(one["where"], one["sha256"]) for one in result["found"]] == [(f"process {running.pid}", digest)]


@pytest.mark.parametrize("indicators", [[], "x", None])
def test_a_sweep_for_nothing_is_refused(host: Host, indicators: object) -> None:
    order = Command("s1", "d" * 64, "device.sweep", {"indicators": indicators}, Effect.COLLECT, 0, 2**39, 600)
    with pytest.raises(Refused):
        sweep.Sweep(host, order)
