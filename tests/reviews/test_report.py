"""What a review says about an incident."""

from datetime import timedelta

import pytest

from accounts.models import User
from core.models import AuditEvent
from incidents.enums import Classification, IncidentStatus
from incidents.models import Incident
from reviews.clocks import clocks_of
from reviews.report import build_report
from reviews.services.write import open_review
from tests.factories.reviews import NINE, resolved_incident

pytestmark = pytest.mark.django_db


def test_the_clocks_run_from_the_first_alert(db: None) -> None:
    clocks = {clock.key: clock for clock in clocks_of(resolved_incident())}

    assert clocks["acknowledge"].seconds == 6 * 60
    assert clocks["contain"].seconds == 47 * 60
    assert clocks["resolve"].seconds == 28 * 3600
    assert all(clock.started == NINE for clock in clocks.values())
    assert all(clock.met for clock in clocks.values())


def test_a_clock_that_ran_over_its_target_says_so() -> None:
    incident = resolved_incident()
    incident.contained_at = NINE + timedelta(minutes=77)

    contain = clocks_of(incident)[1]

    assert contain.met is False
    assert contain.seconds == contain.target_seconds + 17 * 60


def test_a_clock_that_still_runs_has_no_time_and_no_verdict() -> None:
    incident = resolved_incident()
    incident.contained_at = None

    contain = clocks_of(incident)[1]

    assert (contain.seconds, contain.met) == (None, None)


@pytest.mark.parametrize(
    "still",
    [{"status": IncidentStatus.IN_PROGRESS}, {"classification": Classification.UNKNOWN}],
    ids=["not resolved", "not classified"],
)
def test_a_review_is_partial_until_the_incident_is_resolved_and_classified(ada: User, still: dict[str, str]) -> None:
    incident = resolved_incident()
    Incident.objects.filter(pk=incident.pk).update(**still)
    incident.refresh_from_db()

    assert build_report(open_review(incident, actor=ada.actor))["partial"] is True


def test_the_report_names_techniques_and_people_but_not_the_system(ada: User) -> None:
    report = build_report(open_review(resolved_incident(), actor=ada.actor))

    assert report["techniques"] == [{"id": "T1564.008", "name": "Email Hiding Rules"}]
    assert report["people"] == ["Ada Lindqvist"]
    assert AuditEvent.objects.filter(verb="review.begun").count() == 1


def test_the_timeline_begins_with_the_first_alert_and_ends_with_the_close(ada: User) -> None:
    moments = build_report(open_review(resolved_incident(), actor=ada.actor))["timeline"]

    assert moments[0]["text"] == "Inbox rule moves mail"
    assert moments[0]["mark"] == "clock starts"
    assert moments[-1]["mark"] == "resolved"
