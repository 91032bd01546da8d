"""What the portal says it did happened on the host, seen from outside: from a peer, from a fresh process."""

import json
from collections.abc import Callable

import pytest

from soc_portal.up.processes import wait_until
from tests.lab.estate import Estate

pytestmark = pytest.mark.slow


def test_an_isolated_host_reaches_nobody_but_the_portal_and_comes_back(lab: Estate) -> None:
    both = ("192.0.2.12", "2001:db8::12")
    assert all(lab.reaches("lab-1", address) for address in both)
    lab.done(lab.ask("device.isolate", "lab-1", isolation_type="full"))
    assert not any(lab.reaches("lab-1", address) for address in both)
    assert not lab.reaches("lab-2", "192.0.2.11")
    assert not lab.reaches("lab-3", "2001:db8::11")
    assert lab.reaches("lab-2", "192.0.2.13"), "the others go on"
    package = lab.ask("device.collect_package", "lab-1")
    assert lab.ended(package) in {"succeeded", "partially_succeeded"}, "an isolated device stays within reach"
    lab.done(lab.ask("device.release", "lab-1"))
    assert all(lab.reaches("lab-1", address) for address in both)


def test_a_flushed_ruleset_is_put_back_and_a_killed_agent_changes_nothing(lab: Estate) -> None:
    lab.done(lab.ask("device.isolate", "lab-2", isolation_type="full"))
    for halves in ("flushed", "killed"):
        if halves == "flushed":
            lab.on("lab-2", "nft", "flush", "ruleset")
            until_not(lambda: lab.reaches("lab-2", "192.0.2.13"))
        else:
            lab.on("lab-2", "sh", "-c", "pkill -9 -f soc_agent")
        assert not lab.reaches("lab-2", "192.0.2.13"), halves
    lab.done(lab.ask("device.release", "lab-2"))
    assert lab.reaches("lab-2", "192.0.2.13")


PROGRAM = """
import hashlib, os, subprocess, sys
path = "/tmp/scratch program"
content = open("/bin/sleep", "rb").read() + os.urandom(16)
open(path, "wb").write(content)
os.chmod(path, 0o750)
os.utime(path, (1_700_000_000, 1_700_000_000))
subprocess.Popen([path, "600"], start_new_session=True, stdin=-3, stdout=-3, stderr=-3)
print(hashlib.sha256(content).hexdigest())
"""
LOOK = """
import hashlib, json, os, sys
path = "/tmp/scratch program"
found = {}
if os.path.exists(path):
    seen = os.stat(path)
    found = {"sha256": hashlib.sha256(open(path, "rb").read()).hexdigest(), "mode": seen.st_mode & 0o7777,
             "mtime": int(seen.st_mtime), "owner": seen.st_uid}
runs = []
for pid in os.listdir("/proc"):
    try:
        if pid.isdigit() and "scratch program" in os.readlink(f"/proc/{pid}/exe"):
            runs.append(int(pid))
    except OSError:
        pass
print(json.dumps({"file": found, "runs": len(runs)}))
"""


def test_a_file_is_stopped_and_quarantined_where_it_was_seen_and_comes_back_as_it_was(lab: Estate) -> None:
    sha256 = lab.on("lab-3", "python3", "-c", PROGRAM).stdout.strip()
    assert len(sha256) == 64
    before = look(lab)
    assert before["runs"] == 1
    lab.alert("scratch-1", "lab-3", "/tmp/scratch program", sha256)
    taken = lab.ask_of_file("file.quarantine", sha256)
    lab.done(taken)
    assert look(lab) == {"file": {}, "runs": 0}
    lab.done(lab.ask_of_file("file.restore", sha256))
    assert look(lab) == {"file": before["file"], "runs": 0}


def look(lab: Estate) -> dict[str, object]:
    told = lab.on("lab-3", "python3", "-c", LOOK)
    assert told.returncode == 0, told.stderr
    return dict(json.loads(told.stdout))


def until_not(true: Callable[[], bool]) -> None:
    assert wait_until(lambda: not true(), seconds=15)
