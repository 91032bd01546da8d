"""After the database was restored from a backup: nobody is connected, and nothing is asked a second time."""

from core.actors import Actor
from live_response.enums import CommandState, SessionState
from live_response.lifecycle import move_command, move_session
from live_response.models import LiveCommand, LiveSession
from live_response.services.record import SHOWN, record_line


def hold_sessions(*, actor: Actor, reason: str) -> int:
    """Open sessions have failed, and what was under way in them is unknown; how many sessions. Runs in the caller's
    transaction."""
    for command in LiveCommand.objects.open().select_for_update(of=("self",)).select_related("session", "device"):
        ended = CommandState.SKIPPED if command.state == CommandState.WAITING else CommandState.UNKNOWN
        move_command(command, ended, actor=actor, detail=reason)
    opened = LiveSession.objects.open().select_for_update(of=("self",)).select_related("device", "incident")
    found = list(opened.order_by("pk"))
    for session in found:
        record_line(session, kind=SHOWN, data=f"{reason}\r\n")
        move_session(session, SessionState.FAILED, actor=actor, detail=reason)
    return len(found)
