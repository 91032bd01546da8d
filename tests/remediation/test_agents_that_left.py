"""A device whose agent was revoked or has left enforces nothing: it is asked for nothing, nothing is called in force
there, and who joins in its place begins anew with what should hold."""

from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from connectors.enums import AgentState
from connectors.services.agents.decide import decide_agent
from core.models import AuditEvent
from incidents.models import Device, DeviceBinding, Identity
from incidents.services.bindings import bind, unbind
from remediation.models import ControlState
from remediation.services.follow_agents import agent_changed
from remediation.services.follow_containments import follow_containments
from reviews.containment import asset_states
from tests.factories.people import person
from tests.factories.remediation import SETTER, DeviceFactory, IdentityFactory, approve, ask, incident_naming
from tests.factories.small_agent import SmallAgent, device_with_agent, joined, make_keys, settled

pytestmark = pytest.mark.django_db
Machine = tuple[Device, SmallAgent]


@pytest.fixture(autouse=True)
def keys(settings: Any, tmp_path: Path) -> None:
    make_keys(settings, tmp_path)


@pytest.fixture
def ann() -> Identity:
    return IdentityFactory.create(account_name="Ann", upn="ann@corp.example", key="ann@corp.example")


def revoke(machine: Machine) -> None:
    decide_agent(machine[1].agent, to=AgentState.REVOKED, actor=SETTER, reason="Stolen key")


def leave(machine: Machine, adam: User, other: User) -> None:
    run = settled(approve(other, ask(adam, "device.offboard", machine[0])), machine)
    assert run.status == "succeeded"
    agent_changed(agent_id=machine[1].agent.pk)


def join_again(machine: Machine) -> SmallAgent:
    """The same device, with a key and an agent of its own."""
    for binding in DeviceBinding.objects.filter(device=machine[0]):
        unbind(binding, entity=machine[0], actor=SETTER)
    small = joined(str(machine[0]), group=machine[0].device_group)
    bind(machine[0], connection=small.agent.connection, remote_id=small.id, actor=SETTER)
    return small


def test_who_is_revoked_is_no_part_of_what_every_device_does(ada: User, rita: User, ann: Identity) -> None:
    here, gone = device_with_agent(), device_with_agent()
    revoke(gone)
    run = settled(approve(rita, ask(ada, "identity.contain", ann)), here)
    assert (run.status, run.status_detail) == ("succeeded", "1 of 1 devices enforce it")


def test_a_device_whose_agent_is_revoked_is_contained_by_the_others(ada: User, rita: User) -> None:
    here, gone = device_with_agent(), device_with_agent(ip_addresses=["198.51.100.7"])
    revoke(gone)
    run = settled(approve(rita, ask(ada, "device.contain", gone[0])), here)
    assert run.status == "succeeded"
    assert here[1].wanted["contain"]["entries"][0]["addresses"] == ["198.51.100.7"]


def test_what_an_agent_enforced_ends_when_it_leaves(ada: User, rita: User, adam: User) -> None:
    here, other = device_with_agent(), person("bert", "admin")
    isolated = settled(approve(rita, ask(ada, "device.isolate", here[0], isolation_type="full")), here)
    leave(here, adam, other)
    state = ControlState.objects.get(target_id=here[0].pk, facet="network")
    assert (state.desired, state.observed, state.drift_since) == ("connected", "connected", None)
    here[0].refresh_from_db()
    assert here[0].mitigation["network"]["active"] is False
    ended = AuditEvent.objects.get(verb="control.ended")
    assert ended.subject == f"run:{isolated.pk}"
    agent_changed(agent_id=here[1].agent.pk)
    assert AuditEvent.objects.filter(verb="control.ended").count() == 1, "told twice, done once"


def test_who_joins_in_its_place_can_be_isolated_at_once(ada: User, rita: User, adam: User) -> None:
    here, other = device_with_agent(), person("bert", "admin")
    settled(approve(rita, ask(ada, "device.isolate", here[0], isolation_type="full")), here)
    leave(here, adam, other)
    again = join_again(here)
    run = settled(approve(rita, ask(ada, "device.isolate", here[0], isolation_type="full")), (here[0], again))
    assert (run.status, again.wanted["network"]["isolated"]) == ("succeeded", True)


def test_a_device_that_could_not_lift_everything_is_not_called_open(
    ada: User, rita: User, adam: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, other = device_with_agent(), person("bert", "admin")
    settled(approve(rita, ask(ada, "device.isolate", here[0], isolation_type="full")), here)
    half = ("partially_succeeded", {"failed": {"soc_isolation": "It is still there."}})
    monkeypatch.setattr(SmallAgent, "_do_device_offboard", lambda *_: half)
    settled(approve(other, ask(adam, "device.offboard", here[0])), here)
    agent_changed(agent_id=here[1].agent.pk)
    assert ControlState.objects.get(target_id=here[0].pk, facet="network").observed == "isolated"


def test_who_joins_in_its_place_takes_part_in_what_is_contained(
    ada: User, rita: User, adam: User, ann: Identity
) -> None:
    here, there, other = device_with_agent(), device_with_agent(), person("bert", "admin")
    stranger = DeviceFactory.create(ip_addresses=["192.0.2.77"])
    runs = [settled(approve(rita, ask(ada, *what)), here, there)
            for what in (("identity.contain", ann), ("device.contain", stranger))]  # fmt: skip
    leave(here, adam, other)
    assert follow_containments() == 0, "who has left is asked for nothing"
    again = join_again(here)
    assert follow_containments() == len(runs)
    for run in runs:
        settled(run, (here[0], again), there)
    assert [again.wanted[facet]["entries"][0]["id"] for facet in ("accounts", "contain")] == [
        f"identity:{ann.pk}", f"device:{stranger.pk}",
    ]  # fmt: skip
    assert follow_containments() == 0


def is_contained(device: Device) -> bool:
    device.refresh_from_db()
    return bool(device.mitigation["contain"]["active"])


def test_nothing_is_called_contained_when_the_last_device_that_kept_it_out_has_left(
    ada: User, rita: User, adam: User
) -> None:  # fmt: skip
    here, there, other = device_with_agent(), device_with_agent(), person("bert", "admin")
    stranger = DeviceFactory.create(ip_addresses=["192.0.2.77"])
    settled(approve(rita, ask(ada, "device.contain", stranger)), here, there)
    leave(here, adam, other)
    assert is_contained(stranger)
    leave(there, adam, other)
    assert not is_contained(stranger)


def test_the_attack_reached_what_is_held_no_longer(ada: User, rita: User, adam: User) -> None:
    here, there, other = device_with_agent(), device_with_agent(), person("bert", "admin")
    stranger = DeviceFactory.create(ip_addresses=["192.0.2.77"])
    case = incident_naming(here[0], stranger)
    settled(approve(rita, ask(ada, "device.isolate", here[0], incident=case, isolation_type="full")), here)
    settled(approve(rita, ask(ada, "device.contain", stranger, incident=case)), here, there)

    def contained() -> dict[str, bool]:
        return {state.name: state.contained for state in asset_states(case)}

    assert contained() == {str(here[0]): True, str(stranger): True}
    leave(here, adam, other)
    leave(there, adam, other)
    assert contained() == {str(here[0]): False, str(stranger): False}


def test_a_device_of_two_agents_is_asked_for_nothing_more(ada: User, rita: User) -> None:
    here = device_with_agent()
    settled(approve(rita, ask(ada, "device.contain", DeviceFactory.create(ip_addresses=["192.0.2.77"]))), here)
    second = joined("second", group=here[0].device_group)
    bind(here[0], connection=second.agent.connection, remote_id=second.id, actor=SETTER)
    assert follow_containments() == 0
