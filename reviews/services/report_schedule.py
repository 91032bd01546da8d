"""The draft of the month: on the chosen day the figures of the month before are frozen, once, for everybody who may
read reports of all device groups."""

from collections.abc import Iterable
from datetime import datetime

from django.db import connection, transaction

from accounts.models import User
from core import clock, options
from core.options import Option
from notifications.audiences import register_audience
from reviews.figures.period import CUSTOM, Period
from reviews.models import PeriodReport
from reviews.report import zone_called
from reviews.services.period_report import SCHEDULE, order_scheduled

LOCK = 7_310_245
ON = options.declare(
    Option(
        "reports.monthly",
        False,
        "Reports: draft the report of each month",
        help="The figures of the month that is over, of all device groups, frozen by the schedule.",
        kind="bool",
    )
)
DAY = options.declare(
    Option("reports.monthly_day", 1, "Reports: day on which the month before is drafted", minimum=1, maximum=28)
)


def draft_month() -> PeriodReport | None:
    """Order the report of the month before, when its day has come and there is none; safe to call at any time."""
    now = clock.now()
    if not options.get(ON.key) or now.day < options.get(DAY.key):
        return None
    until = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    since = _month_before(until)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        made = PeriodReport.objects.filter(author__kind="system", author__id=SCHEDULE.id, since=since, until=until)
        if made.exists():
            return None
        period = Period(CUSTOM, since, until, zone_called("UTC"), "day")
        return order_scheduled(period, title=f"Draft of {since:%B %Y}")


def _month_before(first: datetime) -> datetime:
    return first.replace(year=first.year - 1, month=12) if first.month == 1 else first.replace(month=first.month - 1)


def may_read(user: User, pk: int) -> bool:
    return PeriodReport.objects.visible_to(user).filter(pk=pk).exists()


def readable(user: User, pks: Iterable[int]) -> set[int]:
    return set(PeriodReport.objects.visible_to(user).filter(pk__in=list(pks)).values_list("pk", flat=True))


def register() -> None:
    register_audience("report", may_read, readable=readable)
