"""Whether a raw shell stands: two people who may do so, one after the other, wanted this one, and still may."""

from accounts import keys
from accounts.models import User
from connectors.services import halt
from core import clock
from live_response.enums import SessionState, ShellDecision
from live_response.models import LiveCommand, LiveSession, RawShell
from live_response.seal import approval_fits

ACTION = "live.shell"


def why_over(shell: RawShell) -> str:
    """Why it must not be open, or not be opened; empty when it may."""
    asker, decider, command = shell.command.user, shell.decider, shell.command
    if shell.decision != ShellDecision.APPROVED or not approval_fits(shell):
        return "Nobody approved it."
    if decider is None or asker is None or asker.pk == decider.pk:
        return "Nobody else approved it."
    if shell.until is None or clock.real_now() >= shell.until:
        return "Its time is over."
    if command.session is None or command.session.state != SessionState.ACTIVE:
        return "The session has ended."
    lacking = _lacks(asker, command) or _lacks(decider, command)
    return lacking or ("Stop-all is in force." if halt.in_force() is not None else "")


def _lacks(person: User, command: LiveCommand) -> str:
    if not (person.is_active and person.holds(keys.LIVE_RAW)):
        return f"{person} lacks the right to raw shells by now."
    rows = LiveSession.objects.visible_to(person)
    seen = rows.filter(pk=command.session_id or 0, device=command.device_id).exists()
    return "" if seen else f"The session is outside the scope of {person} by now."


def why_not_opened(command: LiveCommand) -> str:
    """For the signer: empty for every other command."""
    if command.action != ACTION:
        return ""
    rows = RawShell.objects.select_related("command__session", "command__user", "decider").filter(command=command)
    return why_over(found) if (found := rows.first()) else "Nobody asked for this shell."
