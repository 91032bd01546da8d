"""An account is kept out of a host, and has afterwards exactly what it had before."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from soc_agent.accounts import AccountsKeeper, give_back_all, read_entry
from soc_agent.journal import Journal
from soc_agent.processes import Ended, Process, end_politely, of_user, processes
from soc_agent.shadow import ShadowFailed, ShadowFile
from soc_agent.wanted import NotReached

SHADOW = (
    b"root:$y$j9T$x:19000:0:99999:7:::\nbackup:*:19000:0:99999:7:::\nann:$y$j9T$p\xe9:19700:0:99999:7::20900:\n"
    b"bob:!:19700:0:99999:7:::\nagent:!:19700::::::"
)
PASSWD = (
    "root:x:0:0::/root:/bin/sh\nbackup:x:34:34::/:/bin/sh\nann:x:1001:1001::/home/ann:/bin/sh\n"
    "bob:x:1002:1002::/home/bob:/bin/sh\nagent:x:1500:1500::/:/bin/false\ndirk:x:1700:1700::/:/bin/sh\n"
)


class Estate:
    """A host of this test alone: its account files and what runs on it."""

    def __init__(self, root: Path) -> None:
        self.root, self.shadow = root, root / "etc/shadow"
        (root / "etc").mkdir()
        self.shadow.write_bytes(SHADOW)
        self.shadow.chmod(0o640)
        (root / "etc/passwd").write_text(PASSWD)
        self.journal = Journal(root / "journal.sqlite")
        self.runs: dict[int, list[Process]] = {}
        self.ended: list[int] = []
        self.keeper = self.another()

    def another(self) -> AccountsKeeper:
        return AccountsKeeper(self.journal, self.root, 1500, self.end, lambda uid: self.runs.get(uid, []))

    def end(self, uid: int) -> Ended:
        self.ended.append(uid)
        return Ended(self.runs.pop(uid, []))

    def expiry(self, name: str) -> str | None:
        return ShadowFile(self.root / "etc").expiry(name)


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    return Estate(tmp_path)


def wanted(*names: str, lasts: float = 3600) -> dict[str, Any]:
    return {"entries": [{"id": f"identity:{name}", "name": name, "until": time.time() + lasts} for name in names]}


def test_it_is_kept_out_and_the_file_comes_back_byte_for_byte(estate: Estate) -> None:
    estate.runs[1001] = [Process(4711, "bash", "/bin/bash", "", False)]
    seen = estate.keeper.reach(wanted("ann", "bob"))
    assert (seen.value, seen.reached, estate.ended) == ("containing", True, [1001])
    assert [one["enforced"] for one in seen.evidence["entries"]] == [["ann"], ["bob"]]
    changed = SHADOW.replace(b"::20900:", b"::1:").replace(b"bob:!:19700:0:99999:7:::", b"bob:!:19700:0:99999:7::1:")
    assert estate.shadow.read_bytes() == changed
    assert estate.shadow.stat().st_mode & 0o777 == 0o640
    back = estate.another().reach({})
    assert (back.value, back.reached) == ("none", True)
    assert estate.shadow.read_bytes() == SHADOW


def test_asking_again_writes_nothing(estate: Estate) -> None:
    estate.keeper.reach(wanted("ann"))
    before = estate.shadow.stat().st_ino
    estate.another().reach(wanted("ann"))
    assert estate.shadow.stat().st_ino == before


def test_who_lets_it_on_again_is_seen_and_put_right(estate: Estate) -> None:
    estate.keeper.reach(wanted("ann"))
    estate.shadow.write_bytes(SHADOW)
    seen = estate.keeper.look(wanted("ann"))
    assert (seen.reached, seen.evidence["entries"][0]["missing"]) == (False, ["ann"])
    again = estate.keeper.reach(wanted("ann"))
    assert (again.reached, again.evidence["entries"][0]["again"]) == (True, 1)
    estate.keeper.reach({})
    assert estate.shadow.read_bytes() == SHADOW


def test_what_somebody_changed_since_stays_theirs(estate: Estate) -> None:
    estate.keeper.reach(wanted("ann"))
    ShadowFile(estate.root / "etc").set_expiry("ann", "21000")
    assert estate.keeper.reach({}).reached
    assert estate.expiry("ann") == "21000"


def test_it_ends_by_itself(estate: Estate) -> None:
    estate.keeper.reach(wanted("ann"))
    seen = estate.keeper.reach(wanted("ann", lasts=-1))
    assert (seen.value, seen.evidence["entries"]) == ("none", [])
    assert estate.shadow.read_bytes() == SHADOW


@pytest.mark.parametrize(("name", "why"), [("root", "root"), ("backup", "account of the system"),
                                           ("agent", "agent itself")])  # fmt: skip
def test_what_the_host_needs_is_refused_and_the_rest_is_done(estate: Estate, name: str, why: str) -> None:
    estate.runs = {0: [Process(1, "init", "", "", False)], 34: [Process(2, "x", "", "", False)]}
    seen = estate.keeper.reach(wanted(name, "bob"))
    first, second = seen.evidence["entries"]
    assert why in first["refused"][0]["reason"]
    assert (first["enforced"], second["enforced"], estate.ended) == ([], ["bob"], [])
    assert not seen.reached


def test_an_account_without_a_line_has_its_sessions_ended_and_is_told(estate: Estate) -> None:
    estate.runs[1700] = [Process(4711, "bash", "/bin/bash", "", False)]
    seen = estate.keeper.reach(wanted("dirk"))
    assert "directory" in seen.evidence["entries"][0]["refused"][0]["reason"]
    assert (estate.ended, estate.shadow.read_bytes()) == ([1700], SHADOW)


def test_who_is_not_here_is_refused_when_it_comes(estate: Estate) -> None:
    seen = estate.keeper.reach(wanted("eve"))
    assert (seen.reached, estate.shadow.read_bytes()) == (True, SHADOW)
    assert "no such account" in seen.evidence["entries"][0]["notes"][0]
    (estate.root / "etc/passwd").write_text(f"{PASSWD}eve:x:1800:1800::/:/bin/sh\n")
    estate.shadow.write_bytes(SHADOW + b"\neve:!:19700::::::\n")
    assert estate.keeper.reach(wanted("eve")).reached
    assert estate.expiry("eve") == "1"


def test_what_will_not_end_is_not_called_done(estate: Estate) -> None:
    stubborn = [Process(4711, "bash", "/bin/bash", "", False)]
    keeper = AccountsKeeper(estate.journal, estate.root, 1500, lambda _uid: Ended(left=[4711]), lambda _uid: stubborn)
    seen = keeper.reach(wanted("ann"))
    assert (seen.reached, seen.evidence["entries"][0]["missing"]) == (False, ["process 4711"])


def test_a_host_that_leaves_gives_everything_back(estate: Estate) -> None:
    estate.keeper.reach(wanted("ann", "bob"))
    give_back_all(estate.journal, estate.root)
    assert estate.shadow.read_bytes() == SHADOW
    assert estate.journal.noted("accounts") == {}


def test_a_line_that_is_none_is_left_alone(estate: Estate) -> None:
    estate.shadow.write_bytes(b"ann:!:19700\n")
    with pytest.raises(NotReached, match="fields"):
        estate.keeper.reach(wanted("ann"))
    assert estate.shadow.read_bytes() == b"ann:!:19700\n"


def test_a_file_that_cannot_be_written_is_told(estate: Estate) -> None:
    (estate.root / "etc/.pwd.lock").mkdir()
    with pytest.raises(ShadowFailed, match="cannot be written"):
        ShadowFile(estate.root / "etc").set_expiry("ann", "1")


@pytest.mark.parametrize("value", [None, {}, {"id": "x", "name": "ann"}, {"id": "x", "name": "a b", "until": 1},
                                   {"id": "x", "name": "../ann", "until": 1}])  # fmt: skip
def test_what_is_no_entry_is_refused(value: object) -> None:
    with pytest.raises(NotReached):
        read_entry(value)


# One that does not listen to a kind word.
DEAF = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); sys.stdin.read()"


@pytest.mark.parametrize("program", [DEAF, "import sys; print(1, flush=True); sys.stdin.read()"])
def test_processes_are_asked_and_then_killed(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if program == DEAF:
        monkeypatch.setattr("soc_agent.processes.ENDED_WITHIN_S", 1.0)
    with subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1) as child:
        assert child.stdout is not None
        child.stdout.readline()

        def left() -> list[Process]:
            here = child.poll() is None and child.pid in processes()
            return [Process(child.pid, "python", "", "", False)] if here else []

        ended = end_politely(left)
        assert [one.pid for one in ended.killed] == [child.pid]
        assert child.wait(30) == (-9 if program == DEAF else -15)


def test_the_processes_of_a_user_are_those_that_it_started() -> None:
    mine = {one.pid for one in of_user(os.getuid())}
    assert os.getpid() in mine
    assert of_user(4_000_000_000) == []
