"""Which state a session and a command may go to. The only writer of both columns."""

from typing import Any

from core import clock, live
from core.actors import Actor
from core.lifecycle import Lifecycle
from live_response.enums import OPEN_COMMANDS, CommandState, SessionState
from live_response.models import LiveCommand, LiveSession

_SESSION_ENDS = {SessionState.DISCONNECTED, SessionState.TIMED_OUT, SessionState.FAILED}
SESSION = Lifecycle(
    field="state",
    subject="live_session",
    moves={
        SessionState.REQUESTED: {SessionState.CONNECTING, *_SESSION_ENDS},
        SessionState.CONNECTING: {SessionState.ACTIVE, *_SESSION_ENDS},
        SessionState.ACTIVE: _SESSION_ENDS,
    },
)
_ENDS = {state for state in CommandState if state not in OPEN_COMMANDS}
COMMAND = Lifecycle(
    field="state",
    subject="live_command",
    moves={
        CommandState.WAITING: {CommandState.QUEUED, CommandState.STARTED, *_ENDS},
        CommandState.QUEUED: {CommandState.STARTED, *_ENDS},
        CommandState.STARTED: _ENDS,
        CommandState.UNKNOWN: _ENDS - {CommandState.UNKNOWN},
    },
)


def move_session(session: LiveSession, wanted: SessionState, *, actor: Actor, detail: str = "", **also: Any) -> None:
    stamps: dict[str, Any] = {"started": clock.now()} if wanted == SessionState.ACTIVE else {}
    stamps |= {"ended": clock.now()} if wanted in _SESSION_ENDS else {}
    SESSION.move(
        session, wanted, actor=actor, thread=session.thread, reason=detail, state_detail=detail[:500], **stamps, **also
    )
    announce_session(session)


def move_command(command: LiveCommand, wanted: CommandState, *, actor: Actor, detail: str = "", **also: Any) -> None:
    stamps: dict[str, Any] = {"started": clock.now()} if wanted == CommandState.STARTED else {}
    stamps |= {"ended": clock.now(), "due": None} if wanted in _ENDS else {}
    thread = thread_of(command)
    COMMAND.move(command, wanted, actor=actor, thread=thread, reason=detail, detail=detail[:500], **stamps, **also)
    announce_command(command)


def thread_of(command: LiveCommand) -> str:
    """Where its story is told: with the session, or with the device that was asked."""
    return command.session.thread if command.session else f"device:{command.device_id}"


def announce_session(session: LiveSession) -> None:
    live.publish("live_session.changed", session.pk, **listeners(session))
    live.publish("target.changed", f"device:{session.device_id}", **listeners(session))


def announce_command(command: LiveCommand) -> None:
    if command.session is not None:
        live.publish("live_command.changed", command.pk, **listeners(command.session))
        live.publish("live_commands.changed", command.session.pk, **listeners(command.session))
    else:
        live.publish("live_query.changed", str(command.query_id), groups=[command.device.device_group_id])


def listeners(session: LiveSession) -> dict[str, Any]:
    """Who may hear of it."""
    incident = session.incident
    if incident is not None and incident.restricted:
        return {"people": list(incident.restricted_to.values_list("pk", flat=True))}
    return {"groups": [session.device.device_group_id]}
