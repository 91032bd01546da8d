"""Giving a command to the agent, and asking whether a command may still be carried out when its order is signed."""

from datetime import datetime, timedelta

from accounts import keys
from connectors.services import halt
from core import clock
from core.actors import Actor
from incidents.models import Device
from live_response.enums import CommandState, Level, SessionKind, SessionState
from live_response.lifecycle import move_command
from live_response.limits import BATCH_EXPIRES, MOST_RUNNING, TYPED_EXPIRES
from live_response.line import CONNECT, line
from live_response.models import LiveCommand
from live_response.refused import NotPossible
from live_response.seal import seal_fits, seal_of
from live_response.services.standing import why_not_opened
from live_response.words import WORDS

RIGHTS = {Level.BASIC: keys.LIVE_BASIC, Level.ADVANCED: keys.LIVE_ADVANCED, Level.RAW: keys.LIVE_RAW}
# After its own time is over, an order is waited for so long.
GRACE = timedelta(minutes=1)


def give_command(command: LiveCommand, *, actor: Actor, reason: str, within: timedelta = TYPED_EXPIRES) -> None:
    """Seal it and order it; it is queued afterwards. Raises `NotPossible`."""
    once = is_once(command)
    if once and halt.in_force() is not None:
        raise NotPossible("stopped", "Stop-all is in force: nothing that changes a device leaves the portal.")
    expires = clock.real_now() + within
    command.due = expires + timedelta(seconds=command.run_s) + GRACE
    command.seal = seal_of(command)
    command.save(update_fields=["seal", "due", "arguments"])
    try:
        order = line().give(command, expires=expires, once=once, reason=reason)
    except LookupError as error:
        raise NotPossible("no_agent", str(error)) from None
    move_command(command, CommandState.QUEUED, actor=actor, order=order)


def good_until(command: LiveCommand) -> datetime | None:
    """How long its order is good for; both of what it is counted from are sealed."""
    return command.due - GRACE - timedelta(seconds=command.run_s) if command.due else None


def order_typed(command: LiveCommand, *, actor: Actor) -> None:
    """Give a command of a session that is open. Raises `NotPossible`."""
    session = command.session
    if session is None or not session.is_open:
        raise NotPossible("ended", "The session has ended.")
    if session.commands.open().exclude(state=CommandState.WAITING).count() > MOST_RUNNING:
        raise NotPossible("too_many", f"{MOST_RUNNING} commands are running; wait for one, or cancel it.")
    found = line().agent_of(session.device)
    if found is None or found.agent_id != session.agent_id:
        raise NotPossible("no_agent", "The agent of this session is gone; open a new session.")
    if reason := found.cannot.get(command.action, ""):
        raise NotPossible("cannot", reason)
    if found.away and session.kind == SessionKind.CONSOLE:
        raise NotPossible("away", f"{found.away} Try again when it is back; the session ends when it stays away.")
    within = BATCH_EXPIRES if session.kind == SessionKind.BATCH else TYPED_EXPIRES
    give_command(command, actor=actor, reason=session.reason, within=within)


def is_once(command: LiveCommand) -> bool:
    """Whether doing it twice would do harm."""
    return command.action == f"live.{command.name}" and WORDS[command.name].once


def why_not_signed(command: LiveCommand) -> str:
    """What the signer is told: empty when a person who may do so has typed this, and it still stands; else why not."""
    if not seal_fits(command):
        return "The command does not fit its seal."
    if not command.is_open:
        return "The command has ended."
    return _why_not_now(command) or why_not_opened(command)


def _why_not_now(command: LiveCommand) -> str:
    session = command.session
    if session is not None:
        connecting = {SessionState.REQUESTED, SessionState.CONNECTING}
        if session.state not in (connecting if command.action == CONNECT else {SessionState.ACTIVE}):
            return "The session is not open."
    user = command.user
    if user is None or not user.is_active or not user.holds(RIGHTS[Level(command.level)]):
        return "The person who typed it lacks the right by now."
    if not Device.objects.visible_to(user).filter(pk=command.device_id).exists():
        return "The device is outside the scope of the person who typed it."
    return ""
