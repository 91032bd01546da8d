"""What live response does on a host: it looks without harm, stops when it is told, and gives back what it took."""

import asyncio
import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from soc_agent.host import Host
from soc_agent.journal import State
from soc_agent.live import remedies, scripts, system
from soc_agent.live.answer import MAX_ANSWER, Answer, outcome, table
from soc_agent.live.stoppable import Stop, Stopped, in_thread
from soc_agent.live.works import works
from soc_agent.orders import Command, Effect, Refused
from tests.agent.hosts import a_host

SESSION = "LR-7"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    found = a_host(tmp_path / "host")
    yield found
    found.journal.close()


def order(action: str, **arguments: Any) -> Command:
    told = {"session": SESSION, **arguments}
    return Command("live-1", "d" * 64, action, told, Effect.COLLECT, 0, 2**39, 60)


def do(host: Host, action: str, **arguments: Any) -> tuple[State, dict[str, Any]]:
    """The outcome, with the rows and the text of an answer that went as a file."""
    state, result = asyncio.run(_do(host, order(action, **arguments)))
    if "answer" in result:
        result |= json.loads((host.folders.spool / result["answer"]).read_bytes())
    return state, result


async def _do(host: Host, command: Command) -> tuple[State, dict[str, Any]]:
    return await works(host)[command.action](command)


def in_library(host: Host, content: bytes) -> str:
    """A file of the library that has come already; its digest."""
    digest = hashlib.sha256(content).hexdigest()
    place = host.folders.state / "library" / digest
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(content)
    return digest


# ---- looking ----


def test_a_folder_and_a_file_are_told(host: Host, tmp_path: Path) -> None:
    (tmp_path / "seen").write_text("x" * 10)
    (tmp_path / "link").symlink_to("/etc/passwd")
    _, result = do(host, "live.dir", path=str(tmp_path))
    rows = {row["name"]: row for row in result["rows"]}
    assert rows["seen"]["size"] == 10
    assert rows["link -> /etc/passwd"]["type"] == "link"
    _, result = do(host, "live.fileinfo", path=str(tmp_path / "seen"))
    assert result["sha256"] == hashlib.sha256(b"x" * 10).hexdigest()
    facts = {row["fact"]: row["value"] for row in result["rows"]}
    assert (facts["type"], facts["size"], len(facts["md5"])) == ("file", 10, 32)


def test_a_folder_that_is_not_there_is_refused(host: Host) -> None:
    for action in ("live.cd", "live.dir", "live.fileinfo", "live.getfile"):
        with pytest.raises(Refused):
            do(host, action, path="/does/not/exist")


@pytest.mark.parametrize("path", ["relative", "", "/a\x00b", 7, None])
def test_a_path_is_absolute(host: Host, path: Any) -> None:
    with pytest.raises(Refused, match="absolute"):
        do(host, "live.dir", path=path)


def test_files_are_found_by_pattern(host: Host, tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/Evil.SH").touch()
    (tmp_path / "round").symlink_to(tmp_path)
    _, result = do(host, "live.findfile", name="evil.*", path=str(tmp_path))
    assert [row["name"] for row in result["rows"]] == [str(tmp_path / "a/b/Evil.SH")]


def test_this_process_is_among_the_processes(host: Host) -> None:
    _, result = do(host, "live.processes", pid=os.getpid())
    assert [row["pid"] for row in result["rows"]] == [os.getpid()]
    _, result = do(host, "live.processes", name="no-such-process")
    assert (result["rows"], result["text"]) == ([], "No process fits.")


@pytest.mark.parametrize(
    "action", ["connect", "connections", "drivers", "services", "scheduledtasks", "persistence", "startupfolders"]
)
def test_every_question_has_an_answer(host: Host, action: str) -> None:
    state, result = do(host, f"live.{action}")
    assert state is State.SUCCEEDED
    assert result["rows"] or result["text"]


def test_services_and_cron_are_read_from_their_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "evil.service").write_text("[Service]\nExecStart=/tmp/x\nExecStart=/tmp/y\nUser=root\n")
    (tmp_path / "cron").write_text("PATH=/bin\n# no\n* * * * * root /tmp/x --a\n@reboot root /tmp/y\nshort\n")
    monkeypatch.setattr(system, "UNITS", (str(tmp_path),) * 2)
    monkeypatch.setattr(system, "CRON_FILES", (str(tmp_path / "cron"),))
    (service,) = system.services("evil", Stop()).rows
    assert (service["service"], service["user"], service["enabled"]) == ("evil.service", "root", False)
    entries = [(row["when"], row["user"], row["runs"]) for row in system.scheduled("", Stop()).rows]
    assert entries == [("* * * * *", "root", "/tmp/x --a"), ("@reboot", "root", "/tmp/y")]


# ---- fetching ----


def test_a_file_is_fetched_as_it_is(host: Host, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(os.urandom(5_000))
    _, result = do(host, "live.getfile", path=str(tmp_path / "x"))
    (kept,) = result["artefacts"]
    assert (host.folders.spool / kept["sha256"]).read_bytes() == (tmp_path / "x").read_bytes()


def test_what_a_process_runs_is_fetched_also_when_its_file_is_gone(host: Host, tmp_path: Path) -> None:
    program = tmp_path / "evil"
    program.write_bytes(Path("/bin/sleep").read_bytes())
    program.chmod(0o755)
    running = subprocess.Popen([program, "300"])
    content = program.read_bytes()
    program.unlink()
    _, result = do(host, "live.getfile", pid=running.pid)
    running.kill()
    running.wait(5)
    assert (host.folders.spool / result["artefacts"][0]["sha256"]).read_bytes() == content
    with pytest.raises(Refused, match="no process"):
        do(host, "live.getfile", pid=2**30)


def make_sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10_000_000)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda path: path.touch(), "empty"),
        (make_sparse, "sparse"),
        (os.mkfifo, "no_file"),
        (lambda path: path.mkdir(), "no_file"),
        (lambda path: path.symlink_to("/etc/passwd"), "link"),
    ],
)
def test_what_is_no_plain_file_is_not_fetched(
    host: Host, tmp_path: Path, make: Callable[[Path], Any], code: str
) -> None:
    make(tmp_path / "x")
    with pytest.raises(Refused) as refused:
        do(host, "live.getfile", path=str(tmp_path / "x"))
    assert refused.value.code == code


def test_a_device_is_not_fetched(host: Host) -> None:
    with pytest.raises(Refused, match="device"):
        do(host, "live.getfile", path="/dev/zero")


# ---- bounds ----


def test_an_answer_is_bounded(host: Host) -> None:
    answer = table({"line": "x" * 3_000} for _ in range(5_000))
    assert answer.truncated
    assert len(json.dumps(answer.rows)) <= MAX_ANSWER
    _, result = outcome(Answer(text="y" * (MAX_ANSWER + 5)), "live-1", host.folders)
    assert result["truncated"] is True
    told = json.loads((host.folders.spool / result["answer"]).read_bytes())
    assert (told["order"], len(told["text"])) == ("live-1", MAX_ANSWER)


def test_work_in_a_thread_ends_when_it_is_cancelled() -> None:
    ended = []

    def endless(stop: Stop) -> None:
        try:
            while True:
                stop.check()
        except Stopped:
            ended.append(True)
            raise

    async def cancelled() -> None:
        running = asyncio.create_task(in_thread(endless))
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancelled())
    assert ended == [True]


# ---- putting files and running scripts ----


def test_a_file_is_put_for_its_owner_alone(host: Host) -> None:
    digest = in_library(host, b"data")
    _, result = do(host, "live.putfile", name="tool", library=digest)
    path = Path(result["path"])
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"data", 0o600)
    with pytest.raises(Refused, match="is there already"):
        do(host, "live.putfile", name="tool", library=digest)
    path.unlink()
    path.symlink_to(host.folders.state / "victim")
    do(host, "live.putfile", name="tool", library=digest, overwrite=True)
    assert not path.is_symlink()
    assert not (host.folders.state / "victim").exists()


def test_what_was_put_goes_with_the_boot_unless_it_is_kept(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = in_library(host, b"data")
    _, gone = do(host, "live.putfile", name="a", library=digest)
    _, kept = do(host, "live.putfile", name="b", library=digest, keep=True)
    monkeypatch.setattr(scripts, "boot_id", lambda: "another-boot")
    scripts.forget_earlier_boots(host.folders)
    assert not Path(gone["path"]).exists()
    assert Path(kept["path"]).exists()


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a b", 7])
def test_a_name_of_the_library_leads_nowhere_else(host: Host, name: Any) -> None:
    with pytest.raises(Refused, match="plain name"):
        do(host, "live.putfile", name=name, library=in_library(host, b"x"))


def test_a_script_is_given_its_words_and_no_shell_reads_them(host: Host) -> None:
    digest = in_library(host, b'printf "%s|" "$@"; exit 3\n')
    state, result = do(host, "live.run", name="a.sh", library=digest, parameters=["two words", "*", "$(id)"])
    assert (state, result["text"], result["exit_code"]) == (State.FAILED, "two words|*|$(id)|", 3)
    assert list(scripts.session_folder({"session": SESSION}, host.folders).iterdir()) == []


def test_what_a_script_says_is_told_while_it_runs(host: Host) -> None:
    digest = in_library(host, b"echo one; echo two\n")
    do(host, "live.run", name="a.sh", library=digest, parameters=[])
    assert [line for entry in host.news.said for line in entry["lines"]] == ["one", "two"]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_cancelling_a_script_ends_its_children_too(host: Host) -> None:
    digest = in_library(host, b"sleep 300 & echo $! $$; wait\n")

    async def cancelled() -> None:
        host.news.bind()
        seen = host.news.number
        running = asyncio.create_task(_do(host, order("live.run", name="a.sh", library=digest, parameters=[])))
        assert await host.news.after(seen, 20) != seen
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancelled())
    pids = [int(pid) for pid in host.news.said[0]["lines"][0].split()]
    assert [pid for pid in pids if is_alive(pid)] == []
    assert len(pids) == 2


# ---- remedies ----


def test_a_process_is_ended_and_its_program_stays(host: Host) -> None:
    running = subprocess.Popen(["sleep", "300"])
    state, result = do(host, "live.remediate", what="process", thing=str(running.pid))
    assert state is State.SUCCEEDED
    assert running.wait(5) < 0
    assert Path(result["path"]).exists()


@pytest.mark.parametrize("thing", ["1", "0", "abc", "", "99999999999"])
def test_a_process_that_must_live_or_is_not_there_is_refused(host: Host, thing: str) -> None:
    with pytest.raises(Refused):
        do(host, "live.remediate", what="process", thing=thing)


@pytest.fixture
def units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "units"
    (place / "multi-user.target.wants").mkdir(parents=True)
    (place / "evil.service").write_text("[Service]\nExecStart=/tmp/x\n")
    (place / "multi-user.target.wants/evil.service").symlink_to(place / "evil.service")
    monkeypatch.setattr(remedies, "UNITS", (str(place),))
    monkeypatch.setattr(remedies, "_systemctl", lambda *_words: False)
    return place


def test_a_service_is_switched_off_and_comes_back_as_it_was(host: Host, units: Path) -> None:
    link = units / "multi-user.target.wants/evil.service"
    before = (units / "evil.service").read_bytes(), link.readlink()
    _, result = do(host, "live.remediate", what="service", thing="evil")
    assert not (units / "evil.service").exists()
    assert not link.is_symlink()
    do(host, "live.undo", what="service", thing=result["item"])
    assert ((units / "evil.service").read_bytes(), link.readlink()) == before
    with pytest.raises(Refused, match="no item"):
        do(host, "live.undo", what="service", thing=result["item"])


@pytest.mark.parametrize("thing", ["soc-agent-helper.service", "../../x.service", "nothing.service"])
def test_a_service_that_is_not_ours_to_take_is_refused(host: Host, units: Path, thing: str) -> None:
    with pytest.raises(Refused):
        do(host, "live.remediate", what="service", thing=thing)


def test_a_cron_entry_is_taken_out_and_put_back_in_its_place(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "crontab"
    file.write_text("# mine\n* * * * * root /tmp/x\n5 4 * * * root /bin/true\n")
    file.chmod(0o640)
    before = file.read_bytes(), file.stat().st_mode
    monkeypatch.setattr(remedies, "cron_files", lambda: iter([file]))
    _, result = do(host, "live.remediate", what="cron", thing=f"{file}:2")
    assert "/tmp/x" not in file.read_text()
    do(host, "live.undo", what="cron", thing=result["item"])
    assert (file.read_bytes(), file.stat().st_mode) == before
    for thing in (f"{file}:1", f"{file}:99", "/etc/passwd:1", "x"):
        with pytest.raises(Refused):
            do(host, "live.remediate", what="cron", thing=thing)


def test_what_changed_since_it_was_looked_at_is_left_alone(host: Host, tmp_path: Path) -> None:
    file = tmp_path / "evidence"
    file.write_bytes(b"evidence")
    told = hashlib.sha256(b"evidence").hexdigest()
    state, _ = do(host, "live.getfile", path=str(file), seen={"sha256": told})
    assert state == State.SUCCEEDED
    file.write_bytes(b"something else")
    with pytest.raises(Refused, match="changed"):
        do(host, "live.getfile", path=str(file), seen={"sha256": told})
    assert [one for one in host.folders.spool.iterdir() if one.name != told] == []


def test_a_process_that_is_another_by_now_is_not_ended(host: Host) -> None:
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        with pytest.raises(Refused, match="changed"):
            do(host, "live.remediate", what="process", thing=str(sleeper.pid), seen={"path": "/tmp/miner"})
        assert sleeper.poll() is None
        seen = {"path": str(Path(f"/proc/{sleeper.pid}/exe").readlink()), "started": system.started_at(sleeper.pid)}
        state, _ = do(host, "live.remediate", what="process", thing=str(sleeper.pid), seen=seen)
        assert state == State.SUCCEEDED
    finally:
        sleeper.kill()
        sleeper.wait()
