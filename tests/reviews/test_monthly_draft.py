"""The draft of the month: on its day, once, by nobody, told to whoever may read it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from core import clock, options
from core.actors import Actor
from core.models import AuditEvent
from notifications.models import Notice
from notifications.services.route import route_due
from reviews.models import PeriodReport
from reviews.services.period_report import make_report
from reviews.services.report_schedule import draft_month
from tests.conftest import SignedIn

pytestmark = pytest.mark.django_db
TESTS = Actor.system("tests")


def switched_on(day: int = 3) -> None:
    options.put("reports.monthly", True, actor=TESTS)
    options.put("reports.monthly_day", day, actor=TESTS)


def on(year: int, month: int, day: int) -> Any:
    return clock.at(datetime(year, month, day, 9, tzinfo=UTC))


def test_nothing_is_drafted_unless_it_is_switched_on_and_its_day_has_come() -> None:
    with on(2026, 1, 20):
        assert draft_month() is None
        switched_on(day=21)
        assert draft_month() is None


def test_the_month_before_is_drafted_once_by_the_schedule() -> None:
    switched_on()
    with on(2026, 1, 3):
        made = draft_month()
        assert draft_month() is None
    assert made is not None
    assert (made.title, made.author["name"], made.everything) == ("Draft of December 2025", "schedule", True)
    assert (made.since, made.until) == (datetime(2025, 12, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
    with on(2026, 2, 5):
        assert draft_month() is not None
    assert AuditEvent.objects.filter(verb="report.ordered", actor_name="schedule").count() == 2


def test_its_figures_are_of_all_groups_and_those_who_may_read_it_are_told(
    client: Client, signed_in: SignedIn, mona: User, eve: User
) -> None:
    switched_on(day=1)
    made = draft_month()
    assert made is not None
    make_report(made.pk)
    report = PeriodReport.objects.get()
    assert (report.state, report.content is not None) == ("ready", True)
    route_due()
    assert list(Notice.objects.filter(topic="report.drafted").values_list("user", flat=True)) == [mona.pk]
    assert report.title in signed_in(client, mona).get(Notice.objects.get().url).content.decode()
