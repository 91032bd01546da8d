"""Keeping an incident to named people without locking everybody out."""

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import DeviceGroup, User
from core.models import AuditEvent
from incidents.models import Incident
from incidents.services.restrict import restrict_incident
from tests.conftest import SignedIn
from tests.factories.incidents import DeviceFactory, IncidentFactory, incident_about
from tests.factories.people import person

pytestmark = pytest.mark.django_db
WHY = "An insider"


@pytest.fixture
def case(ada: User, rita: User) -> Incident:
    """Kept to ada and rita."""
    return restrict_incident(
        IncidentFactory.create(display_name="Data theft"), people=[rita], actor=ada.actor, reason=WHY
    )


def sees(user: User, incident: Incident) -> bool:
    return Incident.objects.visible_to(User.objects.get(pk=user.pk)).filter(pk=incident.pk).exists()


def leave(*people: User) -> None:
    User.objects.filter(pk__in=[one.pk for one in people]).update(is_active=False)


def recover(incident: Incident, user: User, reason: str = "Both have left") -> None:
    call_command("name_reader", incident.number, user.username, reason=reason)


def test_the_dialog_asks_for_a_second_person(
    client: Client, ada: User, rita: User, mona: User, signed_in: SignedIn
) -> None:
    incident = IncidentFactory.create()
    page, address = signed_in(client, ada), f"/incidents/{incident.pk}/restrict/"
    for people in ([], [ada.pk]):
        assert page.post(address, {"people": people, "reason": WHY}).status_code == 422
    assert sees(mona, incident)
    page.post(address, {"people": [rita.pk], "reason": WHY})
    assert [sees(ada, incident), sees(rita, incident), sees(mona, incident)] == [True, True, False]


def test_somebody_who_could_not_open_it_does_not_count(ada: User, rita: User, elsewhere: DeviceGroup) -> None:
    incident = incident_about(DeviceFactory.create())
    outside, sensor = person("olga", "analyst", groups=[elsewhere]), person("sensor", "ingest")
    leave(rita)
    for other in (outside, sensor, User.objects.get(pk=rita.pk)):
        with pytest.raises(ValidationError, match="at least two people"):
            restrict_incident(incident, people=[other], actor=ada.actor, reason=WHY)
    incident.refresh_from_db()
    assert (incident.restricted, incident.restricted_to.count()) == (False, 0)


def test_a_further_person_is_named_when_all_have_left(
    case: Incident, ada: User, rita: User, mona: User, capsys: pytest.CaptureFixture[str]
) -> None:
    leave(ada, rita)
    recover(case, mona)
    assert sees(mona, case)
    said = capsys.readouterr().out
    assert case.number in said
    assert "Data theft" not in said
    told = AuditEvent.objects.filter(verb__in=["incident.reader_named", "incident.restricted"], reason="Both have left")
    assert {event.thread for event in told} == {case.thread, f"user:{mona.pk}"}


def test_every_auditor_sees_who_was_let_in_and_nothing_of_the_incident(
    case: Incident, ada: User, rita: User, mona: User, adam: User, client: Client, signed_in: SignedIn
) -> None:
    leave(ada, rita)
    recover(case, mona)
    rows = signed_in(client, adam).get("/admin/audit/").context["rows"]
    told = [row["event"] for row in rows if row["event"].verb == "incident.reader_named"]
    assert [(event.subject, event.data) for event in told] == [(f"user:{mona.pk}", {"incident": case.number})]
    assert not sees(adam, case)


def test_nobody_is_named_while_somebody_can_still_open_it(case: Incident, ada: User, mona: User) -> None:
    leave(ada)
    with pytest.raises(CommandError, match="can still open it"):
        recover(case, mona)
    assert not sees(mona, case)


def test_only_somebody_who_may_read_is_named_and_only_with_a_reason(
    case: Incident, ada: User, rita: User, mona: User
) -> None:
    leave(ada, rita)
    with pytest.raises(CommandError, match="is not an active person"):
        recover(case, person("sensor", "ingest"))
    with pytest.raises(CommandError, match="Say why"):
        recover(case, mona, reason=" ")
    assert set(case.restricted_to.all()) == {ada, rita}


def test_an_incident_that_is_open_to_all_needs_no_way_in(mona: User) -> None:
    for number in (IncidentFactory.create().number, "INC-999999"):
        with pytest.raises(CommandError, match="no restricted incident"):
            call_command("name_reader", number, mona.username, reason="x")
    with pytest.raises(CommandError, match="named by its number"):
        call_command("name_reader", "title", mona.username, "--reason", "x")
