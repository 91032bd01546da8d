"""Somebody changes a target behind the portal's back: the portal sees it, says so, and asks before it does anything."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from connectors.kinds.simulator import world
from core import clock, outbox
from core.models import AuditEvent
from incidents.models import Alert, Device
from notifications.models import Message
from remediation.models import ActionRun, ControlState
from remediation.refused import Refused
from remediation.services import drift
from remediation.services.carry_out import carry_out
from remediation.services.drift import EVERY, LOOKS, look_at, look_at_due
from remediation.services.reconcile import Way, propose, reconcile
from remediation.services.stop import stop_everything
from remediation.services.undo import undo_run
from tests.conftest import SignedIn
from tests.factories.api import caller
from tests.factories.remediation import (
    Company,
    FileFactory,
    approve,
    ask,
    company,
    done,
    incident_naming,
    saw,
)
from tests.factories.small_agent import device_with_agent, make_keys, settled, sign_all

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(db: None) -> Company:
    return company()


def reconnected(place: Company, ada: User, rita: User) -> tuple[Device, ControlState]:
    """Isolated by us, connected again by somebody else, and seen so."""
    device = place.device()
    done(ada, rita, "device.isolate", device)
    world.change_behind_our_back(place.connection, "device", device.key, network="connected", isolation_type="")
    return device, look_at(ControlState.objects.get(target_id=device.pk))


def test_what_a_device_tells_of_itself_counts_at_once(ada: User, rita: User, settings: Any, tmp_path: Path) -> None:
    make_keys(settings, tmp_path)
    device, small = device_with_agent()
    run = approve(rita, ask(ada, "device.isolate", device))
    for _ in range(3):
        carry_out(run)
        sign_all()
        small.turn()
    state = ControlState.objects.get(target_id=device.pk)
    assert (state.observed, state.is_drifting) == ("isolated", False)
    small.wanted["network"] = {"isolated": False}  # somebody opened it on the host
    small.tell()
    outbox.deliver()
    for row in (state, device):
        row.refresh_from_db()
    assert (state.observed, state.is_drifting) == ("connected", True)
    assert device.mitigation["network"]["state"] == "connected"


def test_a_device_that_says_now_this_and_now_that_fills_neither_history_nor_bell(
    ada: User, rita: User, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_keys(settings, tmp_path)
    monkeypatch.setattr(drift, "MOST_NEWS", 3)
    device, small = device_with_agent()
    settled(approve(rita, ask(ada, "device.isolate", device)), small)
    for number in range(8):
        small.wanted["network"] = {"isolated": bool(number % 2)}
        small.tell()
        drift.agent_told(agent_id=small.agent.pk)
    assert AuditEvent.objects.filter(verb__in=["control.drifted", "control.agrees"]).count() == 3
    state = ControlState.objects.get(target_id=device.pk)
    assert not look_at(state).is_drifting, "the ordinary look sees what is so by then"


def test_what_is_as_the_action_left_it_does_not_drift(place: Company, ada: User, rita: User) -> None:
    done(ada, rita, "device.isolate", place.device())
    state = look_at(ControlState.objects.get())
    assert (state.is_drifting, state.observed, state.detail) == (False, "isolated", "")
    assert state.checked_at is not None


def test_a_change_behind_the_back_is_drift(place: Company, ada: User, rita: User) -> None:
    device, state = reconnected(place, ada, rita)
    assert state.is_drifting
    assert state.detail == "isolated is wanted, connected was seen."
    device.refresh_from_db()
    assert device.mitigation["network"]["active"] is False
    assert AuditEvent.objects.filter(verb="control.drifted").count() == 1


def test_drift_is_told_once_to_those_who_ask_for_actions(place: Company, ada: User, rita: User) -> None:
    _, state = reconnected(place, ada, rita)
    look_at(look_at(state))
    told = Message.objects.filter(topic="control.drift")
    assert [message.subject for message in told] == [f"run:{state.run_id}"]


def test_drift_ends_when_it_is_as_wanted_again(place: Company, ada: User, rita: User) -> None:
    device, state = reconnected(place, ada, rita)
    world.change_behind_our_back(place.connection, "device", device.key, network="isolated", isolation_type="full")
    state = look_at(state)
    assert (state.is_drifting, state.detail) == (False, "")
    assert AuditEvent.objects.filter(verb="control.agrees").count() == 1


def test_a_weaker_isolation_than_the_one_asked_for_is_drift(place: Company, ada: User, rita: User) -> None:
    device = place.device()
    done(ada, rita, "device.isolate", device, isolation_type="full")
    world.change_behind_our_back(place.connection, "device", device.key, isolation_type="selective")
    state = look_at(ControlState.objects.get())
    assert state.detail == "isolation type full is wanted, selective was seen."


def test_a_target_that_cannot_be_looked_at_says_so_and_does_not_drift(place: Company, ada: User, rita: User) -> None:
    device = place.device()
    done(ada, rita, "device.isolate", device)
    place.behave(device, unobservable=True)
    state = look_at(ControlState.objects.get())
    assert not state.is_drifting
    assert state.detail.startswith("Could not be looked at:")


def test_a_run_under_way_is_no_drift(place: Company, ada: User, rita: User) -> None:
    device = place.device()
    run = done(ada, rita, "device.isolate", device)
    place.behave(device, start_after_s=600, finish_after_s=900)
    approve(rita, undo_run(run, actor=ada.actor, user=ada, comment="Clean"))
    world.change_behind_our_back(place.connection, "device", device.key, network="connected")
    assert not look_at(ControlState.objects.get()).is_drifting


def test_the_sweep_looks_at_so_many_and_at_each_again_only_after_a_while(place: Company, ada: User, rita: User) -> None:
    for _ in range(2):
        done(ada, rita, "device.isolate", place.device())
    ControlState.objects.update(checked_at=clock.now())
    assert look_at_due() == 0
    ControlState.objects.update(checked_at=clock.now() - EVERY - timedelta(seconds=1))
    assert look_at_due() == 2
    assert look_at_due() == 0
    assert LOOKS == 20


def test_the_portal_proposes_to_ask_again_and_does_nothing_by_itself(place: Company, ada: User, rita: User) -> None:
    device, state = reconnected(place, ada, rita)
    (found,) = propose([state], ada)
    assert (found.way, found.open_ways) == (Way.REAPPLY, [Way.REAPPLY, Way.ACCEPT])
    assert found.asks is not None
    assert found.asks.needs_approval
    assert ActionRun.objects.count() == 1
    assert place.state(device)["network"] == "connected"


def test_asking_again_is_an_ordinary_request_that_another_person_approves(
    place: Company, ada: User, rita: User
) -> None:
    device, state = reconnected(place, ada, rita)
    run = reconcile(state, way=Way.REAPPLY, actor=ada.actor, user=ada, comment="Still infected")
    assert run is not None
    assert (run.action, run.decision) == ("device.isolate", "pending")
    carry_out(approve(rita, run))
    state.refresh_from_db()
    assert (state.is_drifting, place.state(device)["network"]) == (False, "isolated")


def test_accepting_is_the_opposite_action_with_its_approval(place: Company, ada: User, rita: User) -> None:
    _, state = reconnected(place, ada, rita)
    run = reconcile(state, way=Way.ACCEPT, actor=ada.actor, user=ada, comment="The owner released it")
    assert run is not None
    assert (run.action, run.decision, run.undoes_id) == ("device.release", "pending", state.run_id)
    carry_out(approve(rita, run))
    state.refresh_from_db()
    assert (state.is_drifting, state.desired) == (False, "connected")


def test_what_no_order_leads_to_is_accepted_by_a_person_who_may_decide(place: Company, ada: User, rita: User) -> None:
    device, file = place.device(), FileFactory.create()
    world.put_file(place.connection, device.key, file.key, name=file.display_name)
    saw(file, device)
    done(ada, rita, "file.quarantine", file)
    world.change_behind_our_back(place.connection, "device", device.key, files={file.key: "absent"})
    state = look_at(ControlState.objects.get())
    assert state.is_drifting
    with pytest.raises(Refused, match="lacks the right"):
        reconcile(state, way=Way.ACCEPT, actor=ada.actor, user=ada, comment="Deleted by the admin")
    assert reconcile(state, way=Way.ACCEPT, actor=rita.actor, user=rita, comment="Deleted by the admin") is None
    state.refresh_from_db()
    assert (state.desired, state.is_drifting, state.by) == ("absent", False, "Rita Moreno")
    assert AuditEvent.objects.filter(verb="control.accepted", reason="Deleted by the admin").exists()


def test_a_file_that_nobody_saw_for_long_is_held_until_it_is_released(place: Company, ada: User, rita: User) -> None:
    device, file = place.device(), FileFactory.create()
    world.put_file(place.connection, device.key, file.key, name=file.display_name)
    saw(file, device)
    done(ada, rita, "file.quarantine", file)
    long_ago = clock.now() - timedelta(days=90)
    Alert.objects.update(first_activity=long_ago, last_activity=long_ago)
    ControlState.objects.update(since=long_ago, checked_at=None)
    world.put_file(place.connection, device.key, file.key, name=file.display_name)
    assert look_at_due() == 1
    state = ControlState.objects.get()
    (found,) = propose([state], ada)
    assert (state.is_drifting, found.way) == (True, Way.REAPPLY)
    run = reconcile(state, way=Way.REAPPLY, actor=ada.actor, user=ada, comment="Put back by its installer")
    assert run is not None
    carry_out(approve(rita, run))
    state.refresh_from_db()
    assert (state.is_drifting, state.observed) == (False, "quarantined")


def test_a_file_that_was_released_long_ago_reaches_no_device(place: Company, ada: User, rita: User) -> None:
    device, file = place.device(), FileFactory.create()
    world.put_file(place.connection, device.key, file.key, name=file.display_name)
    saw(file, device)
    run = done(ada, rita, "file.quarantine", file)
    carry_out(approve(rita, undo_run(run, actor=ada.actor, user=ada, comment="Ours after all")))
    long_ago = clock.now() - timedelta(days=90)
    Alert.objects.update(first_activity=long_ago, last_activity=long_ago)
    with pytest.raises(Refused, match="No device has seen"):
        ask(ada, "file.quarantine", file)


def test_what_a_person_undid_is_not_proposed_to_be_redone(place: Company, ada: User, rita: User) -> None:
    device = place.device()
    run = done(ada, rita, "device.isolate", device)
    carry_out(approve(rita, undo_run(run, actor=ada.actor, user=ada, comment="False alarm")))
    world.change_behind_our_back(place.connection, "device", device.key, network="isolated")
    state = look_at(ControlState.objects.get())
    (found,) = propose([state], ada)
    assert found.way == Way.NOTHING
    assert "took it back by hand" in found.why


def test_nothing_is_proposed_while_everything_is_stopped(place: Company, ada: User, rita: User) -> None:
    _, state = reconnected(place, ada, rita)
    stop_everything(actor=rita.actor, reason="Wrong rule")
    (found,) = propose([state], ada)
    assert found.way == Way.NOTHING
    with pytest.raises(Refused, match="Everything is stopped"):
        reconcile(state, way=Way.REAPPLY, actor=ada.actor, user=ada, comment="Again")


def test_an_open_request_there_closes_both_ways(place: Company, ada: User, rita: User) -> None:
    device, state = reconnected(place, ada, rita)
    open_run = ask(ada, "device.isolate", device)
    (found,) = propose([state], ada)
    assert found.way == Way.NOTHING
    assert found.why == f"{open_run.number} is open there already."


def test_somebody_of_another_group_sees_no_state_and_no_drift(
    client: Client, place: Company, ada: User, rita: User, eve: User, signed_in: SignedIn
) -> None:
    device, state = reconnected(place, ada, rita)
    assert propose([state], eve) == []
    page = signed_in(client, eve).get("/actions/in-force/").content.decode()
    assert str(device) not in page
    assert client.get(f"/actions/in-force/{state.pk}/reconcile/").status_code == 404
    assert caller(eve).get(f"/control-states/{state.pk}").status == 404
    assert caller(eve).get("/control-states").ids == []


def test_a_program_reads_what_is_in_force_the_plan_and_reconciles(place: Company, ada: User, rita: User) -> None:
    _, state = reconnected(place, ada, rita)
    done(ada, rita, "device.isolate", place.device())
    caller_of_ada = caller(ada)
    assert len(caller_of_ada.get("/control-states", in_force="true").ids) == 2
    (row,) = caller_of_ada.get("/control-states", drift="true").body["results"]
    assert (row["id"], row["desired"], row["observed"], row["in_force"]) == (
        str(state.pk), "isolated", "connected", False)  # fmt: skip
    (plan,) = caller_of_ada.get("/control-states/plan").body["results"]
    assert (plan["proposal"], plan["needs_approval"]) == ("reapply", True)
    assert ActionRun.objects.pending().count() == 0
    answer = caller_of_ada.post(f"/control-states/{state.pk}/reconcile", {"way": "reapply", "comment": "Infected"})
    assert (answer.status, answer.body["run"]["decision"]) == (200, "pending")
    assert caller_of_ada.post(f"/control-states/{state.pk}/reconcile", {"way": "reapply", "comment": "x"}).status == 422
    assert caller_of_ada.post(f"/control-states/{state.pk}/reconcile", {"way": "other", "comment": "x"}).status == 400


def test_a_run_of_a_restricted_incident_is_not_named_by_its_state(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn
) -> None:
    device = place.device()
    incident = incident_naming(device)
    run = carry_out(approve(rita, ask(ada, "device.isolate", device, incident=incident)))
    incident.restricted_to.set([ada])
    incident.restricted = True
    incident.save()
    (row,) = caller(rita).get("/control-states").body["results"]
    assert (row["run_id"], row["by"]) == (None, "")
    page = signed_in(client, rita).get("/actions/in-force/").content.decode()
    assert run.number not in page
    assert "Ada Lindqvist" not in page
