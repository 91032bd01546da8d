"""How a lab ends: whole, twice, after a crash, beside another; and what is said when there is none."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from soc_portal.lab import able, conductor, words
from soc_portal.lab.attacks import reaches
from soc_portal.lab.conductor import Lab
from soc_portal.up.data_folder import ROOT
from soc_portal.up.errors import UpError
from soc_portal.up.processes import wait_until
from tests.lab.conftest import KINDS, refuse_or_skip


@pytest.fixture(params=KINDS)
def root(request: pytest.FixtureRequest) -> bool:
    refuse_or_skip(root=request.param == "root")
    return bool(request.param == "root")


def networks(lab: Lab) -> set[int]:
    state = lab.needed_state()
    return {state["net"], *(one["net"] for one in state["hosts"])}


def test_down_leaves_nothing_and_is_no_error_twice(folder: Path, root: bool) -> None:
    lab = Lab(folder)
    mounts = Path("/proc/self/mountinfo").read_text()
    conductor.start(lab, 2, root=root)
    numbers = networks(lab)
    assert len(conductor.members(numbers)) >= 5
    assert conductor.end(lab) == 0
    assert conductor.members(numbers) == []
    assert Path("/proc/self/mountinfo").read_text() == mounts
    assert conductor.end(lab) == 0
    assert lab.state() is None


def test_a_killed_keeper_takes_everything_with_it(folder: Path, root: bool) -> None:
    lab = Lab(folder)
    conductor.start(lab, 2, root=root)
    numbers, keeper = networks(lab), lab.needed_state()["keeper"]
    os.kill(keeper, signal.SIGKILL)
    assert wait_until(lambda: conductor.members(numbers) == [], seconds=5)
    assert conductor.status(lab)["running"] is False
    conductor.start(lab, 1, root=root)
    assert conductor.end(lab) == 0


def test_a_lab_that_is_not_to_stay_ends_with_whoever_started_it(folder: Path, root: bool) -> None:
    code = ("import sys; from pathlib import Path; from soc_portal.lab import conductor as c; "
            "c.start(c.Lab(Path(sys.argv[1])), 1, root=bool(int(sys.argv[2])), stays=False); print('up', flush=True); "
            "sys.stdin.read()")  # fmt: skip
    command = [sys.executable, "-c", code, str(folder), str(int(root))]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"up\n"
        numbers = networks(Lab(folder))
        starter.kill()
    assert wait_until(lambda: conductor.members(numbers) == [], seconds=10)


def test_two_labs_side_by_side_know_nothing_of_each_other(folder: Path, tmp_path: Path, root: bool) -> None:
    one, other = Lab(folder), Lab(tmp_path)
    try:
        conductor.start(one, 2, root=root)
        conductor.start(other, 1, root=root)
        assert not networks(one) & networks(other)
        assert one.host("lab-1")["machine_id"] != other.host("lab-1")["machine_id"]
        assert conductor.end(one) == 0
        assert conductor.run_on(other, "lab-1", ["hostname"], capture=True).stdout.strip() == "lab-1"
        reached = conductor.run_on(other, "lab-1", ["ip", "-br", "neigh"], capture=True)
        assert "192.0.2.12" not in reached.stdout
    finally:
        conductor.end(one)
        conductor.end(other)


def test_a_host_whose_first_process_is_killed_is_switched_on_again(folder: Path, root: bool) -> None:
    lab = Lab(folder)
    conductor.start(lab, 1, root=root)
    try:
        before = lab.host("lab-1")["pid"]
        os.kill(before, signal.SIGKILL)
        again = lambda: lab.host("lab-1")["pid"] != before and conductor.is_ready(lab.host("lab-1"))  # noqa: E731
        assert wait_until(again, seconds=20)
        assert conductor.run_on(lab, "lab-1", ["hostname"], capture=True).stdout.strip() == "lab-1"
    finally:
        conductor.end(lab)


def test_without_a_lab_the_words_say_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert words.lab(["status", "--data", str(folder), "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["running"] is False
    with pytest.raises(UpError, match="no lab runs"):
        words.lab(["exec", "lab-1", "--data", str(folder), "--", "true"])
    assert words.lab(["down", "--data", str(folder)]) == 0


def test_words_start_run_and_end_it(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    refuse_or_skip(root=able.is_root())
    data = ["--data", str(folder)]
    assert words.lab(["up", "--hosts", "1", "--no-agent", *data]) == 0
    try:
        assert "lab-1  192.0.2.11  2001:db8::11" in capfd.readouterr().out
        assert words.lab(["exec", "lab-1", *data, "--", "sh", "-c", "echo here; exit 5"]) == 5
        assert capfd.readouterr().out == "here\n"
        assert words.lab(["up", "--hosts", "2", "--no-agent", *data]) == 0
        assert "lab-2  192.0.2.12  2001:db8::12" in capfd.readouterr().out
        assert wait_until(lambda: reaches(Lab(folder), "lab-1", "lab-2"), seconds=60)
        assert words.lab(["exec", "lab-1", *data, "--", "getent", "hosts", "lab-2"]) == 0, "known by its name"
        with pytest.raises(UpError, match="2 hosts runs already"):
            words.lab(["up", "--hosts", "2", "--no-agent", *data])
    finally:
        assert words.lab(["down", "--forget", *data]) == 0
    assert not (folder / "lab/hosts").exists()


def test_agents_need_a_portal(folder: Path) -> None:
    with pytest.raises(UpError, match="no portal runs"):
        words.lab(["up", "--data", str(folder)])


def test_a_missing_tool_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(able, "_PATH", str(tmp_path))
    assert able.missing(root=False) == "unshare is not installed: apt-get install util-linux"


@pytest.mark.parametrize(("file", "switch"), [
    ("/proc/sys/kernel/unprivileged_userns_clone", "kernel.unprivileged_userns_clone=1"),
    ("/proc/sys/user/max_user_namespaces", "user.max_user_namespaces=10000"),
])  # fmt: skip
def test_a_closed_kernel_is_told_with_what_opens_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str, switch: str
) -> None:
    closed = tmp_path / "switch"
    closed.write_text("0\n")
    monkeypatch.setattr(able, "_SWITCHES", {str(closed): able._SWITCHES[file]})
    assert switch in able._why_no_namespaces(False, "Operation not permitted")
