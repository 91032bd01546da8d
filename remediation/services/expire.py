"""The clock of undecided requests: seven days, then they count as rejected."""

from core import clock
from core.actors import Actor
from remediation.models import ActionRun
from remediation.services.decide import expire_undecided

CLOCK = Actor.system("clock")


def expire_due(limit: int = 200) -> int:
    """Close what nobody decided in time; returns how many."""
    due = ActionRun.objects.top_level().pending().filter(expires_at__lte=clock.now()).order_by("expires_at", "id")
    return sum(expire_undecided(run, actor=CLOCK) for run in due[:limit])
