"""A session begins with a reason and an agent, holds its device alone, and ends."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import User
from connectors.services import halt
from core import clock, options
from core.models import AuditEvent
from incidents.models import Device
from live_response import limits
from live_response.enums import CommandState, SessionState
from live_response.line import Told
from live_response.models import LiveCommand, LiveSession
from live_response.refused import NotPossible
from live_response.services.after_restore import hold_sessions
from live_response.services.follow_merge import incident_merged
from live_response.services.sessions import end_session, open_session
from live_response.services.sweep import sweep
from tests.factories.incidents import DeviceFactory
from tests.factories.live import SETTER, HeldLine, connected, open_on, typed
from tests.factories.remediation import incident_naming

pytestmark = pytest.mark.django_db


def test_it_is_connected_when_the_agent_says_so(held: HeldLine, device: Device, ada: User) -> None:
    session = open_on(device, ada)
    assert session.state == SessionState.CONNECTING
    held.answer(session.commands.get(), host="lab-1", folder="/root")
    session.refresh_from_db()
    assert (session.state, session.folder, session.facts["host"]) == (SessionState.ACTIVE, "/root", "lab-1")
    assert session.level == "basic"


def test_the_story_is_told_with_the_device(held: HeldLine, device: Device, rita: User) -> None:
    session = connected(held, device, rita)
    typed(session, "processes")
    told = AuditEvent.objects.filter(thread=f"device:{device.pk}").values_list("verb", flat=True)
    assert {"live_session.opened", "live_session.state", "live_command.typed"} <= set(told)
    assert session.level == "advanced"


def test_a_device_has_one_session(held: HeldLine, device: Device, ada: User, rita: User) -> None:
    session = connected(held, device, ada)
    with pytest.raises(NotPossible, match=r"of Ada Lindqvist is open") as refused:
        open_on(device, rita)
    assert refused.value.code == "taken"
    assert refused.value.link == f"/live-response/{session.pk}/"
    end_session(session, actor=ada.actor, user=ada)
    assert open_on(device, rita).pk != session.pk


def test_without_a_reason_or_an_agent_there_is_none(held: HeldLine, device: Device, ada: User, mona: User) -> None:
    held.missing.add(device.pk)
    with pytest.raises(NotPossible, match="No endpoint agent has joined"):
        open_on(device, ada)
    held.missing.clear()
    held.away = "The agent is away."
    with pytest.raises(NotPossible, match="away"):
        open_on(device, ada)
    held.away = ""
    with pytest.raises(NotPossible, match="right to live response"):
        open_on(device, mona)
    with pytest.raises(ValidationError):
        open_session(device, reason="  ", actor=ada.actor, user=ada)
    assert not LiveSession.objects.exists()


def test_there_are_only_so_many_at_once(held: HeldLine, ada: User, rita: User) -> None:
    options.put(limits.MOST_OF_A_PERSON, 2, actor=SETTER)
    options.put(limits.MOST_SESSIONS, 3, actor=SETTER)
    for _ in range(2):
        open_on(DeviceFactory.create(), ada)
    with pytest.raises(NotPossible, match="2 sessions of yours"):
        open_on(DeviceFactory.create(), ada)
    open_on(DeviceFactory.create(), rita)
    with pytest.raises(NotPossible, match="3 sessions are open in the portal"):
        open_on(DeviceFactory.create(), rita)


def test_who_opened_it_ends_it_and_who_may_remediate(held: HeldLine, device: Device, ada: User, rita: User) -> None:
    other = User.objects.create(username="otto", display_name="Otto")
    session = connected(held, device, ada)
    with pytest.raises(NotPossible, match="Ada Lindqvist's"):
        end_session(session, actor=other.actor, user=other)
    running = typed(session, "findfile *")
    end_session(session, actor=rita.actor, user=rita)
    running.refresh_from_db()
    assert (session.state, running.state) == (SessionState.DISCONNECTED, CommandState.CANCELLED)
    assert held.cancelled == [running.order]


def test_idle_counts_what_is_typed_and_not_what_comes_back(held: HeldLine, device: Device, ada: User) -> None:
    session = connected(held, device, ada)
    running = typed(session, "findfile *")
    later = clock.now() + timedelta(minutes=20)
    with clock.at(later):
        held.answer(running, rows=[])
    with clock.at(later + timedelta(minutes=9)):
        sweep()
    session.refresh_from_db()
    assert session.is_open
    with clock.at(later + timedelta(minutes=11)):
        sweep()
    session.refresh_from_db()
    assert (session.state, session.state_detail) == (SessionState.TIMED_OUT, "Nobody typed for 30 minutes.")


def test_who_waits_for_a_file_that_comes_is_not_idle_and_it_is_not_overdue(
    held: HeldLine, device: Device, ada: User
) -> None:
    session = connected(held, device, ada)
    fetching = typed(session, "getfile /srv/image &")
    assert fetching.order is not None
    LiveCommand.objects.filter(pk=fetching.pk).update(due=clock.real_now() - timedelta(minutes=1))
    held.answers[fetching.order] = Told("started", percent=40, moving=True)
    states = []
    for _ in range(2):
        with clock.at(clock.now() + timedelta(minutes=31)):
            sweep()
        session.refresh_from_db()
        fetching.refresh_from_db()
        states.append((session.is_open, fetching.is_open))
        held.answers[fetching.order] = Told("started", percent=40)
    assert states == [(True, True), (False, False)]


def test_a_connection_that_never_comes_fails(held: HeldLine, device: Device, ada: User) -> None:
    session = open_on(device, ada)
    with clock.at(clock.now() + timedelta(minutes=4)):
        sweep()
    session.refresh_from_db()
    assert session.state == SessionState.FAILED
    assert "did not answer" in session.state_detail


def test_an_agent_that_refuses_says_why(held: HeldLine, device: Device, ada: User) -> None:
    session = open_on(device, ada)
    held.answer(session.commands.get(), "failed", detail="The helper is away.")
    session.refresh_from_db()
    assert (session.state, session.state_detail) == (SessionState.FAILED, "The helper is away.")


def test_stop_all_opens_no_session(held: HeldLine, device: Device, ada: User, adam: User) -> None:
    halt.stop_all(actor=adam.actor, reason="Something is wrong")
    with pytest.raises(NotPossible, match="Stop-all"):
        open_on(device, ada)


def test_after_a_restore_nobody_is_connected_and_nothing_is_asked_again(
    held: HeldLine, device: Device, ada: User
) -> None:
    session = connected(held, device, ada)
    running = typed(session, "findfile *")
    with transaction.atomic():
        assert hold_sessions(actor=SETTER, reason="Restored.") == 1
    session.refresh_from_db()
    running.refresh_from_db()
    assert (session.state, running.state) == (SessionState.FAILED, CommandState.UNKNOWN)
    assert held.cancelled == []


def test_sessions_go_where_their_incident_went(held: HeldLine, device: Device, ada: User) -> None:
    source, target = incident_naming(device), incident_naming(device)
    session = connected(held, device, ada, incident=source)
    for _ in range(2):
        incident_merged(source_id=source.pk, target_id=target.pk)
    session.refresh_from_db()
    assert session.incident == target


def test_a_device_that_is_lost_ends_the_session(held: HeldLine, device: Device, ada: User) -> None:
    session = connected(held, device, ada)
    held.away = "The agent is away."
    held.last_seen = clock.real_now() - timedelta(minutes=5)
    assert typed(session, "processes").code == "away"
    sweep()
    session.refresh_from_db()
    assert session.is_open
    held.last_seen = clock.real_now() - timedelta(minutes=11)
    sweep()
    session.refresh_from_db()
    assert (session.state, "was lost" in session.state_detail) == (SessionState.FAILED, True)
