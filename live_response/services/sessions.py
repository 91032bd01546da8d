"""Opening and ending a session."""

from dataclasses import replace

from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from accounts import keys
from accounts.models import User
from connectors.services import halt
from core import audit, clock, options
from core.actors import Actor
from core.personal import in_history
from incidents.models import Device, Incident
from live_response import limits
from live_response.enums import CommandState, Level, SessionKind, SessionState, Where
from live_response.lifecycle import announce_session, move_command, move_session
from live_response.line import CONNECT, Seen, line
from live_response.models import LiveCommand, LiveSession
from live_response.refused import NotPossible
from live_response.services.orders import give_command
from live_response.services.record import SHOWN, TYPED, record_line
from remediation.services.request import clean_comment

# Whoever opens a session holds this lock, so that two cannot both be the last that may.
OPENING = 0x50C_11FE


def why_not(device: Device, user: User) -> str:
    """Why this person cannot open a session on the device now; empty when they can."""
    try:
        check_may_open(device, user)
    except NotPossible as refusal:
        return refusal.message
    return ""


def check_may_open(device: Device, user: User, *, waits: bool = False) -> Seen:
    """The device's agent; `waits` says that one that is away will do. Raises `NotPossible`."""
    if not user.holds(keys.LIVE_BASIC):
        raise NotPossible("forbidden", "This needs the right to live response.")
    found = line().agent_of(device)
    if found is None:
        raise NotPossible("no_agent", "No endpoint agent has joined from this device.")
    if reason := found.cannot.get(CONNECT, ""):
        raise NotPossible("cannot", reason)
    if found.away and not waits:
        raise NotPossible("away", found.away)
    held = LiveSession.objects.open().filter(device=device).first()
    if held is not None:
        raise taken(held)
    return found


def taken(held: LiveSession) -> NotPossible:
    link = reverse("live_response:console", args=[held.pk])
    return NotPossible("taken", f"{held.number} of {held.opener.name} is open on this device.", link=link)


def open_session(
    device: Device, *, reason: object, actor: Actor, user: User, incident: Incident | None = None,
    kind: SessionKind = SessionKind.CONSOLE,
) -> LiveSession:  # fmt: skip
    """Begin a session and order the agent to connect. Raises `NotPossible`, and `ValidationError` without a reason."""
    said = clean_comment(reason)
    frozen = replace(actor, person_id=user.pk)
    with transaction.atomic():
        _lock_opening()
        found = check_may_open(device, user, waits=kind == SessionKind.BATCH)
        _check_room(user)
        session = _store(device, found, said, frozen, user, incident, kind)
        record_line(session, kind=SHOWN, data=f"{session.number} on {device.display_name}: {said}\r\n")
        _connect(session, user)
    return session


def _lock_opening() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [OPENING])


def _check_room(user: User) -> None:
    most, mine = options.get(limits.MOST_SESSIONS), options.get(limits.MOST_OF_A_PERSON)
    opened = LiveSession.objects.open()
    if opened.count() >= most:
        raise NotPossible("too_many", f"{most} sessions are open in the portal; end one first.")
    if opened.filter(user=user).count() >= mine:
        raise NotPossible("too_many", f"{mine} sessions of yours are open; end one first.")
    if halt.in_force() is not None:
        raise NotPossible("stopped", "Stop-all is in force: no new session is opened.")


def _store(
    device: Device, found: Seen, said: str, actor: Actor, user: User, incident: Incident | None, kind: SessionKind
) -> LiveSession:
    level = Level.ADVANCED if user.holds(keys.LIVE_ADVANCED) else Level.BASIC
    try:
        with transaction.atomic():
            session = LiveSession.objects.create(
                device=device, agent_id=found.agent_id, incident=incident, kind=kind, level=level, reason=said,
                opened_by=actor.as_json(), user=user, exercise=device.exercise,
            )  # fmt: skip
    except IntegrityError:
        raise taken(LiveSession.objects.open().get(device=device)) from None
    audit.record(
        "live_session.opened", subject=f"live_session:{session.pk}", thread=session.thread, actor=actor, reason=said,
        data={"device": f"device:{device.pk}", "device_name": in_history("device", device.pk, device.display_name),
              "level": level, "kind": kind},
    )  # fmt: skip
    announce_session(session)
    return session


def _connect(session: LiveSession, user: User) -> None:
    command = LiveCommand.objects.create(
        session=session, device=session.device, agent_id=session.agent_id, number=1, line="connect", name="connect",
        level=Level.BASIC, where=Where.AGENT, action=CONNECT, arguments={"session": session.number}, run_s=60,
        typed_by=session.opened_by, user=user,
    )  # fmt: skip
    record_line(session, kind=TYPED, data="connect\r\n")
    within = limits.BATCH_EXPIRES if session.kind == SessionKind.BATCH else limits.CONNECT_WITHIN
    give_command(command, actor=session.opener, reason=session.reason, within=within)
    move_session(session, SessionState.CONNECTING, actor=session.opener)


def check_may_end(session: LiveSession, user: User) -> None:
    """Who opened it ends it; so does who may remediate, because a device has one session only."""
    if session.user_id != user.pk and not user.holds(keys.LIVE_ADVANCED):
        raise NotPossible("not_yours", f"{session.number} is {session.opener.name}'s.")


def end_session(
    session: LiveSession, *, actor: Actor, user: User | None, detail: str = "",
    state: SessionState = SessionState.DISCONNECTED,
) -> None:  # fmt: skip
    """End it, and what still runs in it on the device. Without `user` it is the portal that ends it. Raises
    `NotPossible`."""
    if user is not None:
        check_may_end(session, user)
    with transaction.atomic():
        locked = LiveSession.objects.select_for_update(of=("self",)).get(pk=session.pk)
        if not locked.is_open:
            raise NotPossible("ended", f"{locked.number} has ended already.")
        for command in locked.commands.open().select_related("session", "device"):
            _stop(command, actor)
        said = detail or f"Ended by {actor.name}."
        record_line(locked, kind=SHOWN, data=f"{said}\r\n")
        move_session(locked, state, actor=actor, detail=said)
        audit.record(
            "live_session.recorded", subject=f"live_session:{locked.pk}", thread=locked.thread, actor=actor,
            data={"sha256": locked.recording_head, "lines": locked.recorded.count()},
        )  # fmt: skip
    session.refresh_from_db()


def _stop(command: LiveCommand, actor: Actor) -> None:
    """Its order is taken back or ended; an action of the Action center goes its own way."""
    if command.order is not None:
        line().cancel(command.order, actor=actor)
    if command.run_id is None:
        move_command(command, CommandState.CANCELLED, actor=actor, detail="The session ended.")


def touch(session: LiveSession) -> None:
    """Somebody typed."""
    session.last_input_at = clock.now()
    session.save(update_fields=["last_input_at"])
