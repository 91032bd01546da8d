"""What a request would do, told to whoever decides on it: from what was written down with it, in the words of the
dialog in which it was asked for."""

from collections.abc import Iterator

from accounts.models import User
from connectors.services.preflight import preflight
from core.wording import counted
from remediation import policy
from remediation.catalog import get
from remediation.enums import RunStatus
from remediation.models import ActionRun
from remediation.refused import Refused
from remediation.services.cautions import Intended, cautions
from remediation.services.preview import SIMULATED, reach_in_words


def reach_of(run: ActionRun, user: User) -> str:
    """On how many devices, and which of them; those that this person may not see are counted."""
    parts = run.children.exclude(status=RunStatus.SKIPPED)
    seen = [(part.target_name, part.arguments) for part in parts.visible_to(user).order_by("pk")]
    return reach_in_words(seen, unnamed=parts.count() - len(seen))


def warnings_of(run: ActionRun) -> list[str]:
    """What somebody should know before they agree."""
    return list(_warnings(run))


def _warnings(run: ActionRun) -> Iterator[str]:
    if run.simulated:
        yield SIMULATED
    parts = run.children.count()
    skipped = run.children.filter(status=RunStatus.SKIPPED).count()
    if skipped:
        yield f"{skipped} of {counted(parts, 'device')} cannot be acted on and are skipped."
    try:
        target = policy.target_of(run)
    except Refused as refused:
        yield refused.message
        return
    yield from cautions(Intended(get(run.action), target, run.arguments, run.simulated, parts - skipped))
    if run.connection is not None:
        ahead = preflight(
            run.connection, run.action, run.target_kind, run.remote_id, name=run.target_name, arguments=run.arguments
        )
        yield from (*ahead.warnings, *ahead.blockers)
