"""A file of many parts from a host to its evidence, over a line that breaks in the middle of it."""

import os
import signal

import pytest

from soc_portal.up.processes import wait_until
from tests.lab.estate import Estate

pytestmark = pytest.mark.slow
# On the disk of the host, where the agent's own things lie: the rest of it is memory.
PLACE, SIZE = "/var/lib/soc-agent/image.raw", 96 * 1024 * 1024
MAKE = """
import hashlib, os, sys
found = hashlib.sha256()
with open(sys.argv[1], "wb") as file:
    for _ in range(int(sys.argv[2]) // 2**20):
        file.write(part := os.urandom(2**20))
        found.update(part)
print(found.hexdigest())
"""


def test_a_large_file_goes_on_where_the_line_broke_and_shows_how_far_it_is(lab: Estate) -> None:
    digest = lab.python("lab-1", MAKE, PLACE, str(SIZE))
    lab.alert(f"large-{digest[:8]}", "lab-1", PLACE, digest)
    run = lab.ask_of_file("file.collect", digest)
    begun = lab.seen("SELECT EXISTS (SELECT FROM connectors_agentupload WHERE received > 0 AND sha256 = %s)", digest)
    assert wait_until(begun, seconds=150, pause=0.02), lab.portal.last_lines()
    os.kill(lab.pid_of("agent_line"), signal.SIGKILL)
    came = lab.ledger.value("SELECT received FROM connectors_agentupload WHERE sha256 = %s", digest)
    assert 0 < came < SIZE, "the line broke in the middle"
    lab.done(run, seconds=300)
    rows = lab.ledger.rows(
        "SELECT u.whole, o.key, o.percent FROM connectors_agentupload u JOIN connectors_agentorder o "
        "ON o.id = u.order_id WHERE u.sha256 = %s", digest,
    )  # fmt: skip
    assert [(whole, percent) for whole, _, percent in rows] == [(True, 100)]
    kept = lab.ledger.rows("SELECT size FROM core_blob WHERE sha256 = %s AND place <> ''", digest)
    assert kept == [(SIZE,)]
    lab.on("lab-1", "rm", "-f", PLACE)
