"""An IP address is contained by all devices that have an agent, and whatever has it stands in the list of devices."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import DeviceGroup, User
from connectors.models import Agent
from incidents.models import Device, Evidence, Incident
from remediation.address_slots import contain_button
from remediation.catalog import get
from remediation.enums import RunStatus
from remediation.lifecycle import move_run
from remediation.models import ActionRun, ControlState
from remediation.policy.peers import enforcers
from remediation.policy.protection import shields_of
from remediation.refused import Refused
from remediation.services.contain_address import contain_address
from remediation.services.drift import look_at
from remediation.services.fan_out import derive_parent
from remediation.services.follow_containments import follow_containments
from remediation.services.protect import protect
from remediation.services.request import request_action
from remediation.services.undo import undo_run
from remediation.views.story import story_of
from tests.conftest import SignedIn
from tests.factories.api import caller
from tests.factories.people import DeviceGroupFactory
from tests.factories.remediation import SETTER, Company, DeviceFactory, approve, ask, company, incident_naming
from tests.factories.small_agent import SmallAgent, device_with_agent, make_keys, settled

pytestmark = pytest.mark.django_db
ADDRESS = "198.51.100.23"


@pytest.fixture(autouse=True)
def keys(settings: Any, tmp_path: Path) -> None:
    make_keys(settings, tmp_path)


@pytest.fixture
def simulated() -> Company:
    return company()


@pytest.fixture
def machine() -> Callable[..., tuple[Device, SmallAgent]]:
    return device_with_agent


def wanted(user: User, address: str = ADDRESS, **more: Any) -> ActionRun:
    return contain_address(address, arguments={}, comment="It beacons", actor=user.actor, user=user, **more)


def test_an_address_is_contained_by_every_peer_and_given_free_again(machine: Any, ada: User, rita: User) -> None:
    peers = [machine()[1], machine()[1]]
    run = settled(approve(rita, wanted(ada)), *peers)
    assert (run.status, run.status_detail) == ("succeeded", "2 of 2 devices enforce it")
    device = Device.objects.get(pk=run.target_id)
    assert (str(device), device.category, device.ip_addresses) == (ADDRESS, "undiscovered", [ADDRESS])
    assert [small.wanted["contain"]["entries"][0]["addresses"] for small in peers] == [[ADDRESS], [ADDRESS]]
    back = settled(approve(rita, undo_run(run, actor=ada.actor, user=ada, comment="Clean")), *peers)
    assert back.status == "succeeded"
    assert [small.wanted["contain"]["entries"] for small in peers] == [[], []]


def test_it_is_called_contained_only_while_a_peer_keeps_it_out(machine: Any, ada: User, rita: User) -> None:
    peers = [machine()[1], machine()[1]]
    run = settled(approve(rita, wanted(ada)), *peers)

    def held() -> bool:
        return bool(Device.objects.get(pk=run.target_id).mitigation["contain"]["active"])

    peers[0].refuses[ADDRESS] = "It is my own"
    peers[0].tell()
    first, second = run.children.order_by("pk")
    assert look_at(ControlState.objects.get(run_id=first.pk)).is_drifting
    assert held(), "the other still does"
    case = incident_naming(Device.objects.get(pk=second.target_id))
    settled(approve(rita, undo_run(second, actor=ada.actor, user=ada, comment="Too much")), peers[1])
    assert not held()
    said = Evidence.objects.get(alert__incident=case, device=second.target_id).remediation_status
    assert said == "none", "of the peer itself nothing was taken back"
    peers[0].refuses.clear()
    peers[0].tell()
    look_at(ControlState.objects.get(run_id=first.pk))
    assert held()


def test_the_story_tells_each_step_by_the_devices_that_took_it(machine: Any, ada: User, rita: User) -> None:
    machine(), machine()
    run = approve(rita, wanted(ada))

    def told() -> dict[str, str]:
        return {step["title"]: step["text"] for step in story_of(ActionRun.objects.get(pk=run.pk), None)}

    assert told()["Delivered"] == "Handed over to 0 of 2 devices."
    first, second = run.children.order_by("pk")
    move_run(first, RunStatus.DELIVERED, actor=SETTER)
    move_run(first, RunStatus.STARTED, actor=SETTER)
    move_run(second, RunStatus.DELIVERED, actor=SETTER)
    derive_parent(run.pk, actor=SETTER)
    assert told()["Delivered"] == "Handed over to 2 of 2 devices."
    assert told()["Started"] == "Begun on 1 of 2 devices."
    assert "0 of 2 devices enforce it" in told()["Verified"]


def test_a_peer_that_must_not_says_why_and_the_others_enforce(machine: Any, ada: User, rita: User) -> None:
    willing, unwilling = machine()[1], machine()[1]
    unwilling.refuses[ADDRESS] = "It is the gateway."
    run = settled(approve(rita, wanted(ada)), willing, unwilling)
    told = "1 of 2 devices enforce it. The device refused: 198.51.100.23: It is the gateway"
    assert (run.status, run.status_detail) == ("partially_succeeded", told)


@pytest.mark.parametrize("reason", ["This is the portal.", "This is the gateway of this host."])
def test_what_every_peer_needs_is_refused_before_anybody_is_asked(machine: Any, ada: User, reason: str) -> None:
    for small in (machine()[1], machine()[1]):
        small.spares[ADDRESS] = reason
        small.tell()
    with pytest.raises(Refused, match=f"198.51.100.23 cannot be cut off: t{reason[1:]} None of the 2 devices"):
        wanted(ada)
    assert not Device.objects.filter(category="undiscovered").exists(), "no row stays of it"


def test_the_dialog_and_the_pane_say_that_it_is_the_portal(
    client: Client, signed_in: SignedIn, rf: Any, machine: Any, ada: User
) -> None:
    small = machine()[1]
    small.spares[ADDRESS] = "This is the portal."
    small.tell()
    case: Incident = incident_naming(DeviceFactory.create())
    page = signed_in(client, ada).get(f"/actions/contain/?address={ADDRESS}&incident={case.pk}")
    assert f"{ADDRESS} cannot be cut off: this is the portal." in page.content.decode()
    request = rf.get("/")
    request.user = ada
    button = contain_button(request, ("ip", ADDRESS, case))
    assert button is not None
    assert "this is the portal" in button["refusal"]


def test_a_known_device_with_such_an_address_is_refused_too(machine: Any, ada: User) -> None:
    small = machine()[1]
    small.spares["2001:db8::53"] = "This is a resolver of this host."
    small.tell()
    resolver = DeviceFactory.create(ip_addresses=["2001:DB8:0::53"])
    with pytest.raises(Refused, match="a resolver of this host"):
        ask(ada, "device.contain", resolver)


def test_a_peer_that_needs_it_is_left_out_and_the_others_enforce_it(machine: Any, ada: User, rita: User) -> None:
    willing, (needing, small) = machine()[1], machine()
    small.spares[ADDRESS] = "This is the gateway of this host."
    small.tell()
    run = settled(approve(rita, wanted(ada)), willing, small)
    assert (run.status, run.children.get(target_id=needing.pk).status) == ("partially_succeeded", "skipped")
    assert run.status_detail == (
        f"1 of 2 devices enforce it. {ADDRESS} cannot be cut off: this is the gateway of this host"
    )
    assert follow_containments() == 0, "it is not asked again and again"
    assert "contain" not in small.wanted


def test_the_reason_of_a_device_hides_nothing_among_our_words(machine: Any, ada: User) -> None:
    small = machine()[1]
    small.spares[ADDRESS] = "x\u202eevil"
    small.tell()
    with pytest.raises(Refused, match="‹U\\+202E›evil"):
        wanted(ada)


@pytest.mark.parametrize("told", ["x", [1, {"value": 2}, {"value": "x"}, {"value": ADDRESS, "reason": ""}], {"a": 1}])
def test_what_a_device_tells_of_it_may_have_any_shape(machine: Any, ada: User, told: Any) -> None:
    small = machine()[1]
    Agent.objects.filter(pk=small.agent.pk).update(status={**small.agent.status, "health": {"spared": told}})
    assert wanted(ada).pk


def test_simulated_devices_are_not_counted_where_a_real_one_can(machine: Any, ada: User, simulated: Company) -> None:
    played = [simulated.device() for _ in range(3)]
    action = get("device.contain")
    assert set(enforcers(action, exercise="")) == set(played), "among simulated ones they are who enforces it"
    real = machine()[0]
    assert list(enforcers(action, exercise="")) == [real]
    assert wanted(ada).children.count() == 1


def test_the_dialog_counts_those_alone_that_would_enforce_it(
    client: Client, signed_in: SignedIn, machine: Any, ada: User, simulated: Company
) -> None:
    machine()
    for _ in range(3):
        simulated.device()
    page = signed_in(client, ada).get(f"/actions/contain/?address={ADDRESS}").content.decode()
    assert "1 device with an agent would enforce it" in page


def test_the_same_address_is_the_same_device(machine: Any, ada: User) -> None:
    machine()
    first = wanted(ada, "2001:db8:0:0::9")
    with pytest.raises(Refused) as refused:
        wanted(ada, "2001:DB8::9")
    assert refused.value.run == first
    assert Device.objects.filter(category="undiscovered").count() == 1


def test_the_address_of_a_known_device_is_that_device(machine: Any, ada: User) -> None:
    machine()
    known = DeviceFactory.create(ip_addresses=[ADDRESS, "198.51.100.24"])
    assert wanted(ada).target_id == known.pk
    assert not Device.objects.filter(category="undiscovered").exists()


def test_who_has_an_agent_is_isolated_instead(machine: Any, ada: User) -> None:
    machine(ip_addresses=[ADDRESS])
    with pytest.raises(Refused, match="which has an endpoint agent: isolate it instead"):
        wanted(ada)


def test_a_simulated_device_has_no_endpoint_agent_and_is_told_so(ada: User, simulated: Company) -> None:
    with pytest.raises(Refused, match="has a simulated sensor: isolate it instead"):
        request_action(
            "device.contain", target=simulated.device(), arguments={}, comment="x", actor=ada.actor, user=ada
        )


def test_an_address_of_two_is_not_guessed(machine: Any, ada: User) -> None:
    machine()
    DeviceFactory.create_batch(2, ip_addresses=[ADDRESS])
    with pytest.raises(Refused, match="the one that is meant"):
        wanted(ada)


def test_a_device_out_of_scope_is_not_reached_by_its_address(machine: Any, eve: User) -> None:
    elsewhere = DeviceGroup.objects.get(name="Elsewhere")
    machine(device_group=elsewhere)
    DeviceFactory.create(ip_addresses=[ADDRESS])
    with pytest.raises(Refused) as refused:
        wanted(eve)
    assert refused.value.code == "out_of_scope"


def test_who_does_not_see_what_is_discovered_leaves_no_row_of_it(machine: Any, eve: User) -> None:
    machine(device_group=DeviceGroup.objects.get(name="Elsewhere"))
    with pytest.raises(Refused) as refused:
        wanted(eve)
    assert refused.value.code == "out_of_scope"
    assert not Device.objects.filter(category="undiscovered").exists()


def test_a_rule_for_a_group_protects_its_addresses_also_before_they_are_known(machine: Any, ada: User) -> None:
    machine()
    group = DeviceGroupFactory.create()
    protect(kind="dns", match_by="address", target_kind="device", pattern="198.51.100.0/24", note="Resolvers",
            device_group_ids=[group.pk], actor=SETTER)  # fmt: skip
    device = Device.objects.get(pk=wanted(ada).target_id)
    assert device.device_group != group
    assert list(shields_of([device])) == [device.pk]


def test_who_may_not_ask_makes_no_device(machine: Any, mona: User) -> None:
    machine()
    with pytest.raises(Refused):
        wanted(mona)
    assert not Device.objects.filter(category="undiscovered").exists()


@pytest.mark.parametrize("text", ["", "x", "10.0.0.0/8", "127.0.0.1", "224.0.0.1", "0.0.0.0", "fe80::1%eth0", None])
def test_what_is_no_address_of_another_host_is_refused(ada: User, text: Any) -> None:
    with pytest.raises(ValidationError):
        wanted(ada, text)


def test_the_dialog_asks_for_it_in_the_incident(client: Client, signed_in: SignedIn, machine: Any, ada: User) -> None:
    machine()
    case: Incident = incident_naming(DeviceFactory.create())
    url = f"/actions/contain/?address={ADDRESS}&incident={case.pk}"
    page = signed_in(client, ada).get(url)
    assert "drop all traffic" in page.content.decode()
    assert f'action="/actions/contain/?address={ADDRESS}"' in page.content.decode()
    values = {"reason": "It beacons", "peers": "all", "days": "5", "incident": case.pk}
    assert client.post(url, values, follow=True).status_code == 200
    run = ActionRun.objects.get(action="device.contain", parent=None)
    assert (run.incident, run.target_name) == (case, ADDRESS)
    assert client.get("/actions/contain/?address=nothing").status_code == 404


def test_the_pane_of_an_address_offers_it_and_says_why_not(rf: Any, machine: Any, ada: User) -> None:
    case = incident_naming(DeviceFactory.create())
    request = rf.get("/")
    request.user = ada
    without = contain_button(request, ("ip", ADDRESS, case))
    assert without is not None
    assert "No device has an agent" in without["refusal"]
    machine()
    offered = contain_button(request, ("ip", ADDRESS, case))
    assert offered is not None
    assert (offered["refusal"], f"?address={ADDRESS}&" in offered["url"]) == ("", True)
    assert contain_button(request, ("url", "http://x.test/", case)) is None


def test_the_api_asks_for_it(machine: Any, ada: User) -> None:
    machine()
    body = {"address": ADDRESS, "comment": "It beacons", "arguments": {"days": "1"}}
    answer = caller(ada).post("/actions/contain-address", body)
    assert answer.status == 201, answer.body
    assert (answer.body["action"], answer.body["arguments"]["days"]) == ("device.contain", "1")
    assert caller(ada).post("/actions/contain-address", {**body, "address": "10.0.0.0/8"}).status == 400
