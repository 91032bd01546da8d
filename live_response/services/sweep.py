"""What time alone brings: sessions in which nobody types, connections that never come, orders nobody answers."""

from datetime import timedelta

from django.db import transaction

from core import clock, options
from core.actors import Actor
from core.pagination import through
from live_response import limits
from live_response.enums import CommandState, SessionKind, SessionState
from live_response.lifecycle import move_command
from live_response.line import line
from live_response.models import LiveCommand, LiveSession
from live_response.refused import NotPossible
from live_response.services.outcome import order_changed
from live_response.services.prerequisites import go_on
from live_response.services.sessions import end_session
from live_response.services.shells import sweep_shells

CLOCK = Actor.system("live response")


def sweep() -> int:
    """Safe to run twice at once; how many rows were looked at. All of them: what goes on for now, as a file that comes
    slowly, keeps nothing behind it waiting."""
    return _idle() + _unconnected() + _lost() + sweep_shells() + _overdue()


def _idle() -> int:
    minutes = options.get(limits.IDLE_MINUTES)
    edge = clock.now() - timedelta(minutes=minutes)
    idle = LiveSession.objects.filter(
        state=SessionState.ACTIVE, kind=SessionKind.CONSOLE, last_input_at__lt=edge
    ).select_related("device", "incident")
    looked = 0
    for session in through(idle):
        looked += 1
        if not any(map(_is_moving, session.commands.open())):
            _end(session, SessionState.TIMED_OUT, f"Nobody typed for {minutes} minutes.")
    return looked


def _is_moving(command: LiveCommand) -> bool:
    """Whether a file that it fetches is on its way: who waits for it does not type."""
    told = line().told(command.order) if command.order is not None else None
    return told is not None and told.moving


def _unconnected() -> int:
    edge = clock.now() - limits.CONNECT_WITHIN
    waiting = LiveSession.objects.filter(
        state__in=[SessionState.REQUESTED, SessionState.CONNECTING], kind=SessionKind.CONSOLE, created__lt=edge
    ).select_related("device", "incident")
    looked, minutes = 0, int(limits.CONNECT_WITHIN.total_seconds() // 60)
    for session in through(waiting):
        looked += 1
        _end(session, SessionState.FAILED, f"The agent did not answer within {minutes} minutes.")
    return looked


def _lost() -> int:
    """The device is gone: its agent left, or was not heard for a while."""
    active = LiveSession.objects.filter(state=SessionState.ACTIVE, kind=SessionKind.CONSOLE)
    looked = 0
    for session in through(active.select_related("device", "incident")):
        looked += 1
        found = line().agent_of(session.device)
        silent = found is None or (
            found.last_seen is not None and clock.real_now() - found.last_seen > limits.LOST_AFTER
        )
        if silent:
            _end(session, SessionState.FAILED, "The device was lost: its agent does not answer any more.")
    return looked


def _end(session: LiveSession, state: SessionState, detail: str) -> None:
    try:
        end_session(session, actor=CLOCK, user=None, state=state, detail=detail)
    except NotPossible:
        return  # somebody else ended it meanwhile


def _overdue() -> int:
    """First the order is asked once more: its news may have been lost."""
    late = LiveCommand.objects.open().filter(due__lt=clock.real_now()).select_related("session__device", "device")
    looked = 0
    for command in through(late):
        looked += 1
        if command.order is not None:
            order_changed(command.order, command.reference)
            command.refresh_from_db()
        if command.is_open and not _is_moving(command):
            if command.order is not None:
                line().cancel(command.order, actor=CLOCK)
            with transaction.atomic():
                said = "The agent never told what came of it."
                move_command(command, CommandState.UNKNOWN, actor=CLOCK, detail=said)
                go_on(command)
    return looked
