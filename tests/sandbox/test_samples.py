"""Real samples in the real sandbox: what is seen of them, what is kept from them, and that nothing of them stays."""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.limits import MEBI
from connectors.sandbox.run import AnalysisFailed, analyse
from connectors.sandbox.stage import TRACED

Run = Callable[..., dict[str, Any]]


def deeds(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["key"]: one for one in report["behaviours"]}


def left_behind() -> tuple[set[str], set[str]]:
    """Processes and folders that an analysis may have left."""
    running = set()
    for one in Path("/proc").iterdir():
        if one.name.isdigit():
            try:
                words = (one / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if "sandbox.inside" in words or "bwrap" in words or "/sample/" in words:
                running.add(words)
    return running, {one.name for one in Path(tempfile.gettempdir()).glob("soc-analysis-*")}


def test_an_elf_is_seen_through_and_kept_in(run: Run, compiled: bytes) -> None:
    report = run(compiled, "sample")
    done, network = deeds(report), report["network"]
    assert report["dynamic"]["exit_code"] == 7, report["dynamic"]
    assert {"cron", "reads_accounts", "mounts", "namespaces", "traces_others", "memory_file", "runs_dropped", "http",
            "raw", "names", "odd_port"} <= set(done)  # fmt: skip
    prevented = ("reads_accounts", "mounts", "namespaces", "traces_others")
    assert {key: done[key]["worked"] for key in prevented} == dict.fromkeys(prevented, False)
    assert network["names"] == ["c2.example"]
    by_kind = {one["kind"]: one for one in network["connections"]}
    assert by_kind["http"]["summary"] == "GET /gate?id=7 HTTP/1.1"
    assert (by_kind["http"]["name"], by_kind["http"]["invented"]) == ("c2.example", True)
    assert (by_kind["raw"]["address"], by_kind["raw"]["port"]) == ("203.0.113.5", 4444)
    assert by_kind["raw"]["summary"] == "hello there"
    files = {one["path"]: one for one in report["files"]}
    assert files["/tmp/.payload"]["mode"] == "-rwxr-xr-x"
    assert files["/etc/cron.d/update"]["head"].endswith("/tmp/.payload\n")
    assert [one["command"] for one in report["processes"]][-1] == "payload --quiet"
    assert report["processes"][-1]["parent"] == report["processes"][0]["pid"]


def test_a_script_sees_nothing_of_the_machine(run: Run) -> None:
    report = run(
        "#!/bin/sh\nid -u; ls /; ls /root /home; hostname; cat /proc/1/environ; env; ls /proc/self/fd | wc -l\n"
    )
    said = report["dynamic"]["said"]
    assert said.startswith("1000\n")
    assert "ws-114" in said
    assert os.uname().nodename not in said
    assert "user\n" in said  # the only home
    assert not [name for name in ("DATABASE_URL", "SOC_", "REDIS") if name in said]
    assert said.rstrip().endswith("4")  # three of its own and the listing's


def test_a_python_script_talks_to_the_sink_alone(run: Run) -> None:
    content = """
import socket, ssl, urllib.request
print(urllib.request.urlopen("http://update.example:8080/a/b?c=d", timeout=3).read())
s = socket.create_connection(("198.51.100.7", 443), 3)
try:
    ssl._create_unverified_context().wrap_socket(s, server_hostname="hidden.example")
except OSError:
    pass
open("Documents/budget.csv", "wb").write(b"x" * 100)
"""
    report = run(content, "talks.py")
    kinds = {one["kind"]: one for one in report["network"]["connections"]}
    assert (kinds["http"]["name"], kinds["http"]["port"]) == ("update.example", 8080)
    assert (kinds["tls"]["host"], kinds["tls"]["address"]) == ("hidden.example", "198.51.100.7")
    assert deeds(report)["decoys"]["severity"] == "high"
    assert "b'ok\\n'" in report["dynamic"]["said"]


def test_what_runs_on_is_ended_with_the_time(run: Run) -> None:
    began = time.monotonic()
    report = run("#!/bin/sh\nsleep 300\n", run_s=2)
    assert (report["dynamic"]["ended"], "outlives" in deeds(report)) == ("time", True)
    assert 2 <= report["dynamic"]["seconds"] < 100
    assert time.monotonic() - began < 150


def test_what_it_leaves_running_is_seen_and_ended(run: Run) -> None:
    report = run("#!/bin/sh\n(setsid sh -c 'sleep 0.3; echo late > /tmp/late; sleep 200' &) \nexit 0\n")
    assert report["dynamic"]["ended"] == "left running"
    assert "/tmp/late" in {one["path"] for one in report["files"]}
    assert left_behind() == (set(), set())


def test_a_fork_bomb_is_held_and_ended(run: Run) -> None:
    report = run("#!/bin/sh\nb() { b | b & }; b; sleep 20\n", run_s=3)
    assert report["dynamic"]["ended"] == "time"
    assert "process_limit" in deeds(report)
    assert len(report["processes"]) <= 200
    assert left_behind() == (set(), set())


def test_a_memory_hog_is_ended(run: Run) -> None:
    hog = """
import os, time
for _ in range(8):
    if os.fork() == 0:
        x = bytearray(100_000_000)
        time.sleep(30)
time.sleep(30)
"""
    report = run(hog, "hog.py", all_bytes=200 * MEBI, run_s=15)
    assert report["dynamic"]["ended"] == "memory"
    assert "memory_limit" in deeds(report)


def test_a_full_disk_is_the_samples_alone(run: Run) -> None:
    script = """#!/bin/sh
for i in 1 2 3 4 5 6; do dd if=/dev/zero of=/tmp/f$i bs=1M count=20 2>&1; done
mkdir -p /tmp/a; for i in $(seq 900); do echo > /tmp/a/$i; done
"""
    report = run(script, disk_bytes=48 * MEBI)
    assert "No space left" in report["dynamic"]["said"]
    assert "files" in report["cut"]
    assert sum(one["size"] for one in report["files"]) <= 48 * MEBI


def test_it_cannot_write_its_own_trace_or_reach_its_jailer(run: Run) -> None:
    report = run(
        "#!/bin/sh\nfor f in /proc/self/fd/*; do readlink $f; done\nkill -9 1 2>&1; ls /proc | grep -c '^[0-9]'\n"
        "find / -name trace -type p 2>/dev/null\necho 1 > /proc/sys/kernel/printk\n"
    )
    said = report["dynamic"]["said"]
    assert "trace" not in said
    assert report["dynamic"]["ended"] == "exited"
    assert "printk" in said
    assert {"mount", "ptrace", "unshare"} <= set(TRACED)


def test_a_name_that_is_a_trick_is_only_a_name(run: Run) -> None:
    report = run("#!/bin/sh\necho \"$0\"; touch '/tmp/<script>alert(1)'\n", "../../etc/$(id);x.sh")
    assert report["dynamic"]["said"].startswith("/sample/")
    assert "uid=" not in report["dynamic"]["said"]
    assert [one["path"] for one in report["files"]] == ["/tmp/<script>alert(1)"]


def test_windows_files_are_looked_at_and_not_run() -> None:
    report = analyse(b"MZ" + b"\0" * 400, "setup.exe")
    assert report["dynamic"]["ran"] is False
    assert "Windows" in report["dynamic"]["why_not"]
    assert report["static"]["kind"] == "pe"


def test_what_is_too_large_is_refused() -> None:
    with pytest.raises(AnalysisFailed, match="over the limit"):
        analyse(bytes(64 * MEBI + 1), "large")


def test_many_files_of_chance_end_in_a_report(run: Run) -> None:
    for content in (b"\x7fELF" + os.urandom(4_000), b"#!/bin/sh\n" + os.urandom(500), b"#!/no/such/thing\nx"):
        report = analyse(content, "noise")
        assert report["static"]["size"] == len(content)
    assert left_behind() == (set(), set())
