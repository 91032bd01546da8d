"""The hosts of a lab and the real agent on them: seen from peers, from the portal and from outside."""

import sys
import time

import pytest

from soc_portal.lab import conductor
from soc_portal.lab.attacks import reaches
from soc_portal.lab.conductor import Lab
from soc_portal.lab.keeper import namespace
from soc_portal.up.errors import UpError
from soc_portal.up.processes import wait_until
from tests.lab.lab_portal import LabPortal

Joined = tuple[Lab, LabPortal]


def web(lab: Lab, one: str, address: str) -> bool:
    """Whether a fresh process on one host gets the page of another."""
    code = f"import urllib.request as u; u.urlopen('http://{address}/', timeout=2).read()"
    return conductor.run_on(lab, one, [sys.executable, "-c", code], capture=True).returncode == 0


def both_families(lab: Lab, one: str, number: int) -> tuple[bool, bool]:
    return web(lab, one, f"192.0.2.1{number}"), web(lab, one, f"[2001:db8::1{number}]")


def test_each_host_answers_the_other_over_both_families(joined: Joined) -> None:
    lab, _portal = joined
    assert both_families(lab, "lab-1", 2) == (True, True)
    assert both_families(lab, "lab-2", 1) == (True, True)


def test_status_names_device_address_and_namespaces(joined: Joined) -> None:
    lab, portal = joined
    state = conductor.status(lab)
    assert [one["name"] for one in state["hosts"]] == ["lab-1", "lab-2"]
    first = state["hosts"][0]
    assert first["device_id"] == portal.device("lab-1")
    assert first["addresses"] == ["192.0.2.11", "2001:db8::11"]
    assert first["agent"]["state"] == "answers"
    assert len({one["namespaces"]["net"] for one in state["hosts"]}) == 2
    assert namespace(first["namespaces"]["pid"], "net") == first["namespaces"]["net"]


def test_what_needs_real_root_is_told_as_unsupported(joined: Joined) -> None:
    lab, _portal = joined
    state = conductor.status(lab)
    reasons = state["hosts"][0]["unsupported"]
    assert ("real root" in reasons.get("device.restrict_execution", "")) is not state["root"]
    assert "device.isolate" not in reasons


def test_a_command_on_a_host_gives_its_exit_code_and_sees_the_host_alone(joined: Joined) -> None:
    lab, _portal = joined
    done = conductor.run_on(lab, "lab-2", ["sh", "-c", "hostname; exit 7"], capture=True)
    assert (done.stdout.strip(), done.returncode) == ("lab-2", 7)
    own = conductor.run_on(lab, "lab-2", ["ls", str(lab.data)], capture=True)
    assert own.returncode != 0


def network_is(portal: LabPortal, generation: int, value: str) -> None:
    """Wait until the host says so of that generation."""
    portal.status_where("lab-1", lambda one: one["generation"] == generation
                        and one["observed"].get("network", {}).get("value") == value
                        and one["observed"]["network"]["reached"])  # fmt: skip


def test_an_isolation_cuts_both_families_and_leaves_the_portal(joined: Joined) -> None:
    lab, portal = joined
    generation = int(time.time())
    portal.want("lab-1", generation, {"network": {"isolated": True, "type": "full", "expires_s": 600}})
    network_is(portal, generation, "isolated")
    assert both_families(lab, "lab-2", 1) == (False, False)
    assert both_families(lab, "lab-1", 2) == (False, False)
    assert not reaches(lab, "lab-1", "lab-2")
    heard = len(portal.statuses[portal.device("lab-1")])
    portal.status_where("lab-1", lambda _: len(portal.statuses[portal.device("lab-1")]) > heard)
    portal.want("lab-1", generation + 1, {"network": {"isolated": False}})
    network_is(portal, generation + 1, "connected")
    assert both_families(lab, "lab-2", 1) == (True, True)
    assert both_families(lab, "lab-1", 2) == (True, True)


def test_a_killed_half_of_the_agent_comes_back(joined: Joined) -> None:
    lab, _portal = joined
    before = conductor.status(lab)["hosts"][1]["services"]["helper"]
    assert conductor.run_on(lab, "lab-2", ["kill", "-9", str(before["pid"])]).returncode == 0
    assert wait_until(lambda: _starts(lab) > before["starts"], seconds=20)
    assert conductor.wait_for_agents(lab, 20)


def _starts(lab: Lab) -> int:
    return int(conductor.status(lab)["hosts"][1]["services"].get("helper", {}).get("starts", 0))


@pytest.mark.parametrize("name", ["lab-3", "", "../lab-1"])
def test_a_host_that_is_not_there_is_told(joined: Joined, name: str) -> None:
    with pytest.raises(UpError, match="no host"):
        conductor.run_on(joined[0], name, ["true"])
