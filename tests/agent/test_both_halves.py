"""Both halves as processes, and a portal: from joining to a file that is taken away and given back."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from soc_agent.enroll import EnrolmentFailed, enroll, read_token
from soc_agent.folders import Folders
from tests.agent.small_portal import SmallPortal

ROOT = Path(__file__).parents[2] / "agent"


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[SmallPortal]:
    found = SmallPortal(tmp_path)
    yield found
    found.stop()


def start(module: str, folder: Path, *words: str) -> subprocess.Popen[bytes]:
    code = f"from soc_agent.{module} import main; main()"
    return subprocess.Popen([sys.executable, "-c", code, "--folder", str(folder), *words], cwd=ROOT)


@pytest.fixture
def folder(portal: SmallPortal, tmp_path: Path) -> Iterator[Path]:
    """A host that has joined, with both halves running."""
    root = tmp_path / "host"
    enroll(portal.url, read_token(portal.token), Folders(root))
    halves = [start("helper", root), start("network", root, "run")]
    yield root
    for half in halves:
        half.send_signal(signal.SIGTERM)
        half.wait(10)


def a_program(folder: Path) -> tuple[Path, str]:
    """A program of its own content, so that nothing else on this machine is meant."""
    path = folder / "evil program"
    path.write_bytes(Path("/bin/sleep").read_bytes() + os.urandom(16))
    path.chmod(0o755)
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_is_stopped_taken_away_and_given_back(portal: SmallPortal, folder: Path, tmp_path: Path) -> None:
    path, digest = a_program(tmp_path)
    running = subprocess.Popen([path, "300"])
    portal.order("q1", "file.quarantine", {"sha256": digest, "paths": [str(path)]})
    answer = portal.result("q1")
    assert answer["state"] == "succeeded", answer
    assert running.wait(5) == -signal.SIGKILL
    assert not path.exists()
    (taken,) = answer["result"]["taken"]
    portal.order("r1", "file.restore", {"items": [taken["item"]]})
    assert portal.result("r1")["state"] == "succeeded"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    assert path.stat().st_mode & 0o777 == 0o755


def test_what_the_host_needs_is_refused_with_the_reason(portal: SmallPortal, folder: Path) -> None:
    digest = hashlib.sha256(Path("/etc/passwd").read_bytes()).hexdigest()
    portal.order("q1", "file.quarantine", {"sha256": digest, "paths": ["/etc/passwd"]})
    answer = portal.result("q1")
    assert answer["state"] == "failed"
    assert [one["code"] for one in answer["result"]["refused"]] == ["protected"]
    assert Path("/etc/passwd").exists()


def test_a_collected_file_arrives_as_it_is(portal: SmallPortal, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_bytes(os.urandom(5_000_000))
    portal.order("c1", "file.collect", {"path": str(path)}, effect="collect")
    (artefact,) = portal.result("c1")["result"]["artefacts"]
    assert bytes(portal.files[artefact["sha256"]]) == path.read_bytes()
    assert list((folder / "var/lib/soc-agent/spool").iterdir()) == []


def large(folder: Path) -> Path:
    path = folder / "image"
    path.write_bytes(os.urandom(9_000_000))
    return path


def test_a_large_file_keeps_nothing_waiting_and_goes_on_where_the_line_broke(
    portal: SmallPortal, folder: Path, tmp_path: Path
) -> None:
    path = large(tmp_path)
    portal.files_may_come.clear()
    portal.cut_after = 4_000_000
    portal.order("c1", "file.collect", {"path": str(path)}, effect="collect")
    note = tmp_path / "note"
    note.write_bytes(b"small")
    portal.order("c2", "file.collect", {"path": str(note), "limit": 4}, effect="collect")
    assert portal.result("c2")["result"]["code"] == "too_large"
    assert "c1" not in portal.results
    portal.files_may_come.set()
    (artefact,) = portal.result("c1", within=120)["result"]["artefacts"]
    assert not portal.cut_after
    assert bytes(portal.files[artefact["sha256"]]) == path.read_bytes()
    assert list((folder / "var/lib/soc-agent/spool").iterdir()) == []


def test_what_the_portal_does_not_take_is_told_without_the_file(
    portal: SmallPortal, folder: Path, tmp_path: Path
) -> None:
    path = large(tmp_path)
    portal.refuse_files = "too_large"
    portal.order("c1", "file.collect", {"path": str(path)}, effect="collect")
    told = portal.result("c1")["result"]
    assert (told["code"], told["detail"]) == ("too_large", "The portal: The portal takes none of it.")
    portal.order("c2", "file.collect", {"path": str(path), "limit": 8_000_000}, effect="collect")
    answer = portal.result("c2")
    assert (answer["state"], answer["result"]["code"]) == ("refused", "too_large")
    assert list((folder / "var/lib/soc-agent/spool").iterdir()) == []


def test_the_heartbeat_tells_what_the_host_can_and_which_state_it_has(portal: SmallPortal, folder: Path) -> None:
    portal.want(4, {"mystery": {}})
    status = portal.status_where(lambda one: one["generation"] == 4 and one["observed"])
    assert status["observed"]["mystery"]["reached"] is False
    assert "device.isolate" in status["capabilities"]
    assert all(one["value"] and one["reason"] for one in status["health"]["spared"])
    # Engines that have nothing to compare with look at nothing: a scan is not offered.
    assert bool(status["capabilities"]["device.antivirus_scan"]) == bool(status["health"]["scanner"])
    assert status["version"]


def test_another_portal_than_the_tokens_is_told_nothing(portal: SmallPortal, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = SmallPortal(tmp_path / "other")
    with pytest.raises(EnrolmentFailed, match="not the portal"):
        enroll(other.url, read_token(portal.token), Folders(tmp_path / "host"))
    other.stop()
    assert other.device == ""


@pytest.mark.parametrize("text", ["", "soce_x", "soce_" + "x" * 30, "soce_" + "x" * 30 + ".12.34"])
def test_what_is_no_token_is_said_to_be_none(text: str) -> None:
    with pytest.raises(EnrolmentFailed):
        read_token(text)
