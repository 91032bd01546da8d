"""What a review says about an incident."""

from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import User
from core.models import AuditEvent
from core.wording import duration
from incidents.enums import Classification, IncidentStatus
from incidents.models import Incident
from incidents.services.manage import update_incident
from remediation.enums import RecoveryState
from remediation.models import Recovery
from reviews.clocks import clocks_of
from reviews.report import build_report
from reviews.services.write import open_review
from reviews.timeline import timeline_of
from tests.conftest import SignedIn
from tests.factories.incidents import DeviceFactory, incident_about
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
    assert (contain.seconds, contain.target_seconds) == (77 * 60, 60 * 60)


def test_a_time_reads_in_the_review_as_in_the_figures() -> None:
    incident = resolved_incident()
    incident.contained_at = NINE + timedelta(seconds=489.7)

    assert duration(clocks_of(incident)[1].seconds) == duration(489.7) == "8 min 10 s"


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


def recovered(incident: Incident, user: User, hours: int | None, state: str) -> None:
    """A device on its way back since nine, at its end after so many hours."""
    device = DeviceFactory.create(display_name=f"FIN-{state}")
    ended = NINE + timedelta(hours=hours) if hours else None
    Recovery.objects.create(incident=incident, device=device, state=state, began=NINE, began_by=user.actor.as_json(),
                            watch_hours=24, ended=ended)  # fmt: skip


def test_the_report_tells_how_long_each_device_took_to_come_back(
    client: Client, signed_in: SignedIn, ada: User
) -> None:
    incident = resolved_incident()
    recovered(incident, ada, 30, RecoveryState.RECOVERED)
    recovered(incident, ada, None, RecoveryState.WATCHED)
    review = open_review(incident, actor=ada.actor)
    told = {row["name"]: (row["recovered"], row["took_s"]) for row in build_report(review)["recovery"]}
    assert told == {"FIN-recovered": (True, 30 * 3600.0), "FIN-watched": (False, None)}
    page = signed_in(client, ada).get(f"/reviews/{incident.pk}/").content.decode()
    shown = page.partition('<section id="recovery">')[2].partition("</section>")[0]
    assert "FIN-recovered" in shown
    assert duration(timedelta(hours=30)) in shown
    assert "FIN-watched" in shown


def test_the_timeline_begins_with_the_first_alert_and_ends_with_the_close(ada: User) -> None:
    moments = build_report(open_review(resolved_incident(), actor=ada.actor))["timeline"]

    assert moments[0]["text"] == "Inbox rule moves mail"
    assert moments[0]["mark"] == "Clock starts"
    assert moments[-1]["mark"] == "Resolved"


def test_the_timeline_names_the_first_owner_and_not_who_closed(ada: User, rita: User, mona: User) -> None:
    incident = incident_about(DeviceFactory.create())
    update_incident(incident, changes={"assigned_to": ada}, actor=mona.actor)
    update_incident(incident, changes={"status": "resolved", "classification": "truePositive"}, actor=rita.actor)
    incident.refresh_from_db()

    texts = [moment.text for moment in timeline_of(incident)]

    assert "Ada Lindqvist takes the incident" in texts
    assert "Resolved by Rita Moreno" in texts


def test_the_timeline_names_who_began_when_nobody_owned_it(ada: User, rita: User) -> None:
    incident = incident_about(DeviceFactory.create())
    update_incident(incident, changes={"status": "inProgress"}, actor=ada.actor)
    update_incident(incident, changes={"assigned_to": rita}, actor=rita.actor)
    incident.refresh_from_db()

    assert "Ada Lindqvist takes the incident" in [moment.text for moment in timeline_of(incident)]
