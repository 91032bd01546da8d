"""Live response on hosts of the lab: what is remediated is gone and comes back, what is typed into a raw shell happens
on the host, and a shell ends with all that it started."""

from collections.abc import Iterator

import pytest

from soc_portal.up.processes import wait_until
from tests.lab.estate import Estate
from tests.lab.live_console import Console, Said, opened, shell_of
from tests.lab.on_a_host import look_for, put

pytestmark = pytest.mark.slow
HOST = "lab-4"
UNIT = b"[Unit]\nDescription=Stand-in\n[Service]\nExecStart=/bin/sleep 600\n[Install]\nWantedBy=multi-user.target\n"
ENABLE = """
import os
os.makedirs("/etc/systemd/system/multi-user.target.wants", exist_ok=True)
os.symlink("/etc/systemd/system/standin.service", "/etc/systemd/system/multi-user.target.wants/standin.service")
"""
START = """
import subprocess
print(subprocess.Popen(["/bin/sleep", "617"], start_new_session=True, stdin=-3, stdout=-3, stderr=-3).pid)
"""
ALIVE = """
import os, sys
found = 0
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        words = open(f"/proc/{pid}/cmdline", "rb").read().split(b"\\0")
    except OSError:
        continue
    found += words[:2] in ([b"/bin/sleep", sys.argv[1].encode()], [b"sleep", sys.argv[1].encode()])
print(found)
"""


@pytest.fixture
def console(lab: Estate) -> Iterator[Console]:
    with opened(lab, lab.devices[HOST]) as found:
        yield found


def test_a_process_a_service_and_a_cron_entry_go_and_come_back(console: Console) -> None:
    lab = console.lab
    lab.python(HOST, START)
    assert lab.python(HOST, ALIVE, "617") == "1"
    console.done("remediate process sleep -auto")
    assert lab.python(HOST, ALIVE, "617") == "0"

    put(lab, HOST, "/etc/systemd/system/standin.service", UNIT, 0o644)
    lab.python(HOST, ENABLE)
    before = look_for(lab, HOST, "/etc/systemd/system/standin.service")
    console.done("remediate service standin -auto")
    assert look_for(lab, HOST, "/etc/systemd/system/standin.service") == {}
    console.done("undo service standin -auto")
    assert look_for(lab, HOST, "/etc/systemd/system/standin.service") == before
    wants = "/etc/systemd/system/multi-user.target.wants/standin.service"
    assert look_for(lab, HOST, wants)["sha256"] == before["sha256"], "it is wanted at start as before"
    lab.on(HOST, "rm", wants, "/etc/systemd/system/standin.service")

    lines = b"# kept\n*/5 * * * * root /bin/true keep\n*/7 * * * * root /bin/sh /tmp/standin-beacon\n"
    put(lab, HOST, "/etc/cron.d/standin", lines, 0o644)
    console.done("remediate cron standin-beacon -auto")
    assert lab.on(HOST, "cat", "/etc/cron.d/standin").stdout.encode() == b"".join(lines.splitlines(True)[:2])
    console.done("undo cron standin-beacon -auto")
    assert lab.on(HOST, "cat", "/etc/cron.d/standin").stdout.encode() == lines
    lab.on(HOST, "rm", "/etc/cron.d/standin")


def test_a_file_is_fetched_as_it_was_seen_and_analysed(console: Console) -> None:
    lab = console.lab
    put(lab, HOST, "/tmp/standin sample", b"#!/bin/sh\necho standin\n")
    digest = look_for(lab, HOST, "/tmp/standin sample")["sha256"]
    row = console.done('getfile "/tmp/standin sample" -auto')
    assert [one["sha256"] for one in row["artefacts"]] == [digest]
    console.done('analyze file "/tmp/standin sample"')
    made = (
        "SELECT count(*) > 0 FROM remediation_deepanalysis a JOIN incidents_file f ON f.id = a.file_id "
        "WHERE f.sha256 = %s AND a.source = 'live_response'"
    )
    assert lab.seen(made, digest)(), console.state(row["number"])
    lab.on(HOST, "rm", "/tmp/standin sample")


def test_a_raw_shell_types_on_the_host_and_ends_with_what_it_started(console: Console) -> None:
    lab, told = console.lab, console.type('shell "A stand-in has to be looked at" -minutes 10')
    pk, number = told["id"], told["number"]
    assert (told["state"], told["run_id"]) == ("waiting", None)
    shell_of(lab, f"approve({pk})")
    assert wait_until(lambda: console.state(number)["state"] == "started", seconds=90), console.state(number)
    said = Said(lab, int(console.number))
    shell_of(lab, f"press({pk}, 1, 'echo $((6*7)).$(tty); sleep 613 & nohup sleep 613 >/dev/null 2>&1 &\\r')")
    assert wait_until(lambda: "42./dev/pts/" in said.text(), seconds=90), said.text()
    assert wait_until(lambda: lab.python(HOST, ALIVE, "613") == "2", seconds=60)
    lab.done_by("second", f"/live-sessions/{console.number}/cancel", {"number": number})
    assert wait_until(lambda: console.state(number)["state"] == "cancelled", seconds=90), console.state(number)
    assert wait_until(lambda: lab.python(HOST, ALIVE, "613") == "0", seconds=60)
