"""An account is kept out of devices by their agents: one part for each, verified by what each says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from incidents.models import Device, Evidence, Identity
from remediation.catalog import get
from remediation.models import ActionRun, ControlState
from remediation.refused import Refused
from remediation.services.drift import look_at
from remediation.services.follow_containments import follow_containments
from remediation.services.protect import protect
from remediation.services.undo import undo_run
from remediation.views.titles import deed_on
from tests.conftest import SignedIn
from tests.factories.people import DeviceGroupFactory, person
from tests.factories.remediation import SETTER, IdentityFactory, approve, ask, incident_naming
from tests.factories.small_agent import SmallAgent, device_with_agent, make_keys, settled

pytestmark = pytest.mark.django_db
Machine = tuple[Device, SmallAgent]


@pytest.fixture(autouse=True)
def keys(settings: Any, tmp_path: Path) -> None:
    make_keys(settings, tmp_path)


@pytest.fixture
def machine() -> Callable[..., Machine]:
    return device_with_agent


@pytest.fixture
def ann() -> Identity:
    return IdentityFactory.create(account_name="Ann", upn="ann@corp.example", key="ann@corp.example")


def done(ada: User, rita: User, whom: Identity, *machines: Machine, **arguments: Any) -> ActionRun:
    return settled(approve(rita, ask(ada, "identity.contain", whom, **arguments)), *machines)


def entries(machine: Machine) -> list[Any]:
    return list(machine[1].wanted["accounts"]["entries"])


def test_every_agent_is_asked_and_each_is_verified(machine: Any, ada: User, rita: User, ann: Identity) -> None:
    peers = [machine(), machine()]
    run = done(ada, rita, ann, *peers)
    assert (run.status, run.status_detail) == ("succeeded", "2 of 2 devices enforce it")
    assert [child.verification["observed"] for child in run.children.all()] == ["contained", "contained"]
    assert [entries(one)[0]["name"] for one in peers] == ["Ann", "Ann"]
    assert entries(peers[0])[0]["id"] == f"identity:{ann.pk}"
    ann.refresh_from_db()
    assert ann.mitigation["accounts"]["state"] == "contained"


def test_it_is_taken_back_everywhere(machine: Any, ada: User, rita: User, ann: Identity) -> None:
    peers = [machine(), machine()]
    run = done(ada, rita, ann, *peers)
    back = settled(approve(rita, undo_run(run, actor=ada.actor, user=ada, comment="It was her")), *peers)
    assert (back.status, back.action) == ("succeeded", "identity.uncontain")
    assert [entries(one) for one in peers] == [[], []]
    ann.refresh_from_db()
    assert ann.mitigation["accounts"]["active"] is False


def test_one_account_leaves_the_other_as_it_is(machine: Any, ada: User, rita: User, ann: Identity) -> None:
    peer, bob = machine(), IdentityFactory.create(account_name="bob")
    first, _second = done(ada, rita, ann, peer), done(ada, rita, bob, peer)
    assert len(entries(peer)) == 2
    settled(approve(rita, undo_run(first, actor=ada.actor, user=ada, comment="It was her")), peer)
    assert [one["name"] for one in entries(peer)] == ["bob"]


def test_a_device_that_refuses_says_why(machine: Any, ada: User, rita: User, ann: Identity) -> None:
    willing, unwilling = machine(), machine()
    unwilling[1].refuses["Ann"] = "It is an account of the system (number 12)."
    run = done(ada, rita, ann, willing, unwilling)
    assert run.status == "partially_succeeded"
    assert run.status_detail.startswith("1 of 2 devices enforce it. The device refused: ")
    assert "account of the system" in run.children.get(target_id=unwilling[0].pk).status_detail


def test_a_device_that_cannot_is_left_out_with_its_reason(machine: Any, ada: User, rita: User, ann: Identity) -> None:
    able, unable = machine(), machine()
    unable[1].agent.refresh_from_db()
    unable[1].agent.status["capabilities"] = {"identity.contain": "This host has no shadow file."}
    unable[1].agent.save(update_fields=["status"])
    run = ask(ada, "identity.contain", ann)
    child = run.children.get(target_id=unable[0].pk)
    assert (child.status, "no shadow file" in child.status_detail) == ("skipped", True)
    assert settled(approve(rita, run), able).status_detail == (
        "1 of 2 devices enforce it. This host has no shadow file"
    )


def test_what_a_refusing_device_says_hides_nothing_in_the_whole(
    machine: Any, ada: User, rita: User, ann: Identity
) -> None:
    willing, unwilling = machine(), machine()
    unwilling[1].refuses["Ann"] = "x\u202eevil"
    assert done(ada, rita, ann, willing, unwilling).status_detail.endswith("x‹U+202E›evil")


def test_only_devices_of_ones_own_groups_are_asked(machine: Any, rita: User, ann: Identity) -> None:
    mine, foreign = DeviceGroupFactory.create(), DeviceGroupFactory.create()
    near = machine(device_group=mine)
    machine(device_group=foreign)
    nell = person("nell", "responder", groups=[mine])
    run = ask(nell, "identity.contain", ann)
    assert [child.target_id for child in run.children.all()] == [near[0].pk]


def test_it_may_be_for_the_devices_that_saw_it(machine: Any, ada: User, rita: User, ann: Identity) -> None:
    near, _far = machine(), machine()
    alert = incident_naming().alerts.get()
    Evidence.objects.create(alert=alert, type="user", display="ann", key=ann.key, identity=ann)
    Evidence.objects.create(alert=alert, type="device", display="near", key=near[0].key, device=near[0])
    run = ask(ada, "identity.contain", ann, peers="seen")
    assert [child.target_id for child in run.children.all()] == [near[0].pk]


def test_a_protected_account_is_refused(machine: Any, ada: User, ann: Identity) -> None:
    machine()
    protect(kind="portal", match_by="name", target_kind="identity", pattern="ann", note="Ours", actor=SETTER)
    with pytest.raises(Refused, match="protected"):
        ask(ada, "identity.contain", ann)


def test_a_name_that_no_host_has_is_refused(machine: Any, ada: User) -> None:
    machine()
    with pytest.raises(Refused, match="No device has an account"):
        ask(ada, "identity.contain", IdentityFactory.create(account_name="a b;c", upn="", key="x y"))


def test_without_an_agent_nobody_can_enforce_it(ada: User, ann: Identity) -> None:
    with pytest.raises(Refused):
        ask(ada, "identity.contain", ann)


def test_a_device_that_joins_later_enforces_it_too(machine: Any, ada: User, rita: User, ann: Identity) -> None:
    first = machine()
    run = done(ada, rita, ann, first)
    later = machine()
    assert follow_containments() == 1
    for child in run.children.all():
        settled(child, first, later)
    run.refresh_from_db()
    assert run.status_detail == "2 of 2 devices enforce it"
    assert entries(later)[0]["name"] == "Ann"
    assert follow_containments() == 0


def test_somebody_who_lets_it_on_again_is_seen(machine: Any, ada: User, rita: User, ann: Identity) -> None:
    peer = machine()
    done(ada, rita, ann, peer)
    peer[1].wanted["accounts"]["entries"] = []
    peer[1].tell()
    assert look_at(ControlState.objects.get(facet="accounts", target_kind="device")).is_drifting


def test_the_dialog_says_what_it_does(
    client: Client, signed_in: SignedIn, machine: Any, ada: User, ann: Identity
) -> None:
    machine()
    page = signed_in(client, ada).get(f"/actions/ask/identity/{ann.pk}/identity.contain/")
    assert page.status_code == 200
    assert "refuse new logons" in page.content.decode()


def test_the_title_names_the_account_before_the_devices() -> None:
    assert [deed_on(get(key), "Ann") for key in ("identity.contain", "identity.uncontain", "device.isolate")] == [
        "Contain Ann on devices", "Let Ann on devices again", "Isolate Ann",
    ]  # fmt: skip
