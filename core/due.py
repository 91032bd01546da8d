"""What is due, also after the machine's clock was set back: a time further ahead than anybody plans was written by a
clock that ran ahead, and waiting for it would hold the work up for as long as the clock was wrong."""

from datetime import timedelta

from django.db.models import Q

from core import clock

# Nobody plans a next try, a look or an event further ahead.
LONGEST_PLAN = timedelta(hours=6)
# A lease lasts seconds; so much may the clocks of two machines differ.
LONGEST_LEASE = timedelta(minutes=10)
# So much may the clocks of two machines differ; what is further ahead was written by one that was wrong.
SKEW = timedelta(minutes=2)


def due(column: str) -> Q:
    """Rows whose planned time has come."""
    return _passed(column, LONGEST_PLAN)


def lapsed(column: str) -> Q:
    """Rows that nobody holds any more."""
    return _passed(column, LONGEST_LEASE)


def not_since(column: str, span: timedelta) -> Q:
    """Rows that were never looked at, not within `span`, or by a clock that ran ahead."""
    now = clock.real_now()
    looked = Q(**{f"{column}__lte": now - span}) | Q(**{f"{column}__gt": now + SKEW})
    return Q(**{column: None}) | looked


def _passed(column: str, furthest: timedelta) -> Q:
    now = clock.real_now()
    return Q(**{f"{column}__lte": now}) | Q(**{f"{column}__gt": now + furthest})
