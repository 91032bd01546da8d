"""The timeline of a review tells what was done in every room: sessions, fetched files, indicators, the way back."""

from datetime import timedelta

import pytest

from accounts.models import User
from core import blobs, clock
from incidents.moments import MOST_EACH, Moment, moments_from, told_moments
from live_response.enums import SessionState
from live_response.models import LiveArtefact, LiveSession
from remediation.enums import StepState
from remediation.services.recover import set_step, start_recovery
from remediation.services.remove_indicator import remove_indicator
from remediation.services.set_indicator import create_indicator
from reviews.timeline import timeline_of
from tests.factories.incidents import AlertFactory, DeviceFactory, IncidentFactory, evidence, incident_about

pytestmark = pytest.mark.django_db


def session_of(ada: User) -> LiveSession:
    device = DeviceFactory.create()
    incident = incident_about(device)
    now = clock.now()
    return LiveSession.objects.create(
        device=device, agent_id="a" * 64, incident=incident, reason="What runs there?", user=ada, started=now,
        opened_by=ada.actor.as_json(), state=SessionState.DISCONNECTED, ended=now,
    )  # fmt: skip


def test_a_session_is_told_with_who_why_and_its_end(ada: User) -> None:
    session = session_of(ada)
    assert session.incident is not None
    told = {moment.text: moment.detail for moment in timeline_of(session.incident)}
    assert told[f"Live response on {session.device}: {session.number}"] == "Ada Lindqvist: What runs there?"
    assert told[f"Live response on {session.device} ended: {session.number}"].startswith("0 commands in ")


def test_a_fetched_file_is_told_with_its_place_and_digest(ada: User) -> None:
    session = session_of(ada)
    assert session.incident is not None
    blob = blobs.keep(b"MZ", name="dropper", media_type="application/octet-stream")
    command = session.commands.create(
        device=session.device,
        number=1,
        line="getfile /tmp/dropper",
        name="getfile",
        level="basic",
        where="agent",
        typed_by=ada.actor.as_json(),
    )
    LiveArtefact.objects.create(command=command, name="dropper", path="/tmp/dropper", blob=blob)
    (moment,) = [one for one in timeline_of(session.incident) if one.text.startswith("File fetched")]
    assert moment.text == f"File fetched from {session.device}: /tmp/dropper"
    assert blob.sha256 in moment.detail


def test_an_indicator_is_told_when_it_was_made_and_when_it_went(rita: User) -> None:
    incident = incident_about(DeviceFactory.create())
    fields = {"type": "ipAddress", "value": "198.51.100.9", "action": "block", "title": "Sink"}
    made = create_indicator(fields=fields, reason="Sink of the attack", incident=incident, actor=rita.actor, user=rita)
    remove_indicator(made, reason="Was ours", actor=rita.actor, user=rita)
    texts = [moment.text for moment in timeline_of(incident)]
    assert f"{made.number} made: block 198.51.100[.]9" in texts
    assert f"{made.number} removed: block 198.51.100[.]9" in texts


def test_the_way_back_of_a_device_is_told_step_by_step(ada: User) -> None:
    device = DeviceFactory.create()
    incident = incident_about(device)
    (recovery,) = start_recovery(incident, devices=[device], actor=ada.actor, user=ada)
    step = recovery.steps.all()[0]
    set_step(step, state=StepState.SKIPPED, note="Image is clean", actor=ada.actor, user=ada)
    told = {moment.text: moment.detail for moment in timeline_of(incident)}
    assert told[f"Recovery of {device} begun"] == "Ada Lindqvist"
    assert told[f"Recovery of {device}: {step.label}: not needed"] == "Ada Lindqvist: Image is clean"


def test_of_very_many_moments_of_a_kind_the_first_are_told_and_how_many_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("incidents.moments._tellers", {})
    at = clock.now()
    moments_from("many", lambda _incident: [Moment(at, "us", f"deed {n}") for n in range(MOST_EACH + 3)])
    told = told_moments(incident_about())
    assert len(told) == MOST_EACH + 1
    assert told[-1].text == "and 3 more of this kind, see Activities"


def test_a_room_tells_its_moments_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("incidents.moments._tellers", {})
    moments_from("mine", lambda _incident: [])
    with pytest.raises(LookupError):
        moments_from("mine", lambda _incident: [])


def test_the_timeline_tells_when_the_attack_came_to_another_device() -> None:
    first, second = DeviceFactory.create_batch(2)
    incident = IncidentFactory.create()
    for minute, device in enumerate((first, first, second)):
        at = clock.now() + timedelta(minutes=minute)
        alert = AlertFactory.create(incident=incident, title="Many files were rewritten", first_activity=at)
        evidence(alert, device)
    told = [(moment.text, moment.detail) for moment in timeline_of(incident)]
    assert told[0][1].endswith(", 3 times")
    assert told[1:] == [(f"First alert on {second}", "Many files were rewritten")]
