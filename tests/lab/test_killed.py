"""Every process of the portal, and both halves of an agent, may die at any moment: nothing is lost, nothing done twice,
no host is left half-way."""

import os
import signal
from pathlib import Path

import pytest

from soc_portal.up.processes import wait_until
from tests.lab.estate import Estate

pytestmark = pytest.mark.slow
# A word of the command line of each process of the portal.
VICTIMS = {
    "web": "soc_portal.up.web", "worker": "soc_portal.up.worker", "line": "soc_portal.up.agent_line",
    "broker": "valkey-server",
}  # fmt: skip


@pytest.mark.parametrize("victim", VICTIMS)
def test_an_isolation_arrives_whichever_process_of_the_portal_dies_meanwhile(lab: Estate, victim: str) -> None:
    run = lab.ask("device.isolate", "lab-1", isolation_type="full")
    os.kill(lab.pid_of(VICTIMS[victim]), signal.SIGKILL)
    lab.done(run, seconds=120)
    assert not lab.reaches("lab-1", "192.0.2.12")
    lab.done(lab.ask("device.release", "lab-1"), seconds=120)
    assert lab.reaches("lab-1", "192.0.2.12")


@pytest.mark.parametrize("half", ["helper", "network"])
def test_a_package_is_collected_once_for_each_order_whichever_half_of_the_agent_dies(lab: Estate, half: str) -> None:
    run = lab.ask("device.collect_package", "lab-2")
    found = "SELECT count(*) FROM connectors_agentorder WHERE state IN ('ready', 'handed')"
    assert wait_until(lambda: bool(lab.ledger.value(found)), seconds=30)
    lab.on("lab-2", "pkill", "-9", "-f", f"soc_agent.{half}")
    assert lab.ended(run, seconds=120) in {"succeeded", "partially_succeeded"}
    packages = "SELECT count(*) FROM remediation_runartefact WHERE run_id = %s AND name LIKE '%%package%%'"
    assert lab.ledger.value(packages, run) == 1


def test_a_host_that_is_away_gets_one_document_when_it_comes_back_not_every_instruction(lab: Estate) -> None:
    lab.on("lab-2", "pkill", "-STOP", "-f", "soc_agent.network")
    try:
        runs = [lab.ask("device.isolate", "lab-2", isolation_type="full")]
        assert lab.reaches("lab-2", "192.0.2.11"), "it has not heard of it yet"
    finally:
        lab.on("lab-2", "pkill", "-CONT", "-f", "soc_agent.network")
    lab.done(runs[0], seconds=120)
    assert not lab.reaches("lab-2", "192.0.2.11")
    lab.done(lab.ask("device.release", "lab-2"), seconds=120)


def test_a_stopped_signer_holds_orders_back_and_none_is_lost(lab: Estate) -> None:
    signer = next(pid for pid in lab.portal.children().values() if is_signer(pid))
    os.kill(signer, signal.SIGSTOP)
    try:
        run = lab.ask("device.isolate", "lab-1", isolation_type="full")
        unsigned = "SELECT count(*) FROM connectors_agentorder WHERE state = 'unsigned'"
        assert wait_until(lambda: lab.ledger.value(unsigned) == 1, seconds=30)
        assert lab.reaches("lab-1", "192.0.2.12")
    finally:
        os.kill(signer, signal.SIGKILL)
    lab.done(run, seconds=120)
    assert not lab.reaches("lab-1", "192.0.2.12")
    lab.done(lab.ask("device.release", "lab-1"), seconds=120)


def is_signer(pid: int) -> bool:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").split()
    return words[-2:] == [b"soc_portal.up.worker", b"signer"]
