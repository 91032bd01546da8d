"""That a rule has spoken is remembered for twice as long as what it said."""

from datetime import timedelta

from core import clock, retention
from notifications.models import RuleHit
from notifications.retention import MESSAGES


def forget_hits() -> int:
    """Drop hits older than twice the days of messages; none while those are kept for good."""
    days = retention.days_in_force()[MESSAGES]
    if not days:
        return 0
    return RuleHit.objects.filter(at__lt=clock.real_now() - timedelta(days=2 * days)).delete()[0]
