import pytest
from django.core.exceptions import ValidationError

from accounts.models import User
from core.models import AuditEvent
from incidents.models import Alert, CorrelationLink, Incident
from incidents.services.manage import update_incident
from incidents.services.move_alerts import move_alerts
from incidents.services.restrict import restrict_incident
from tests.factories.wire import correlated, device, graph_alert, take_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def two_of_one(db: None) -> Incident:
    """An incident of two alerts on one machine."""
    items = [graph_alert(device(), title=f"T{n}", detectorId=f"{n}", minutes=n) for n in range(2)]
    return correlated(*items)[0]


def other_incident() -> Incident:
    return correlated(graph_alert(device("other"), title="Other"))[0]


def test_an_alert_moves_with_a_link_and_lines_in_both_histories(two_of_one: Incident, ada: User) -> None:
    target, alert = other_incident(), two_of_one.alerts.earliest("id")
    assert move_alerts([alert], to=target, actor=ada.actor, comment="same actor", reason="sameActor") == target
    alert.refresh_from_db()
    link = CorrelationLink.objects.get(alert=alert, undone=None)
    assert (alert.incident, link.incident, link.rule, link.reason) == (target, target, "manual_move", "sameActor")
    verbs = {incident.pk: set(AuditEvent.objects.filter(thread=incident.thread).values_list("verb", flat=True))
             for incident in (two_of_one, target)}  # fmt: skip
    assert "incident.alert_moved_out" in verbs[two_of_one.pk]
    assert "incident.alert_moved_in" in verbs[target.pk]
    assert AuditEvent.objects.get(verb="incident.alert_moved_in").reason == "same actor"
    two_of_one.refresh_from_db()
    target.refresh_from_db()
    assert (two_of_one.alert_counts["total"], target.alert_counts["total"]) == (1, 2)


def test_a_new_incident_is_named_after_what_moved(two_of_one: Incident, ada: User) -> None:
    alert = two_of_one.alerts.get(title="T1")
    assert move_alerts([alert], to=None, actor=ada.actor, comment="").display_name == "T1 on fin-ws-014"


def test_an_incident_left_empty_leads_to_the_alerts(two_of_one: Incident, ada: User) -> None:
    target = other_incident()
    move_alerts(list(two_of_one.alerts.all()), to=target, actor=ada.actor, comment="")
    two_of_one.refresh_from_db()
    assert (two_of_one.status, two_of_one.redirect_incident) == ("redirected", target)


def test_what_a_person_parted_is_not_put_together_again(two_of_one: Incident, ada: User) -> None:
    alert = two_of_one.alerts.get(title="T1")
    parted = move_alerts([alert], to=None, actor=ada.actor, comment="")
    correlated(graph_alert(device(), title="T3", detectorId="3", minutes=2))
    parted.refresh_from_db()
    two_of_one.refresh_from_db()
    assert "redirected" not in (parted.status, two_of_one.status)


def test_the_target_gives_its_owner(two_of_one: Incident, ada: User, rita: User) -> None:
    target = update_incident(other_incident(), changes={"assigned_to": rita}, actor=rita.actor)
    alert = two_of_one.alerts.earliest("id")
    move_alerts([alert], to=target, actor=ada.actor, comment="")
    alert.refresh_from_db()
    assert alert.assigned_to == rita


def test_a_closed_incident_takes_nothing(two_of_one: Incident, ada: User) -> None:
    target = update_incident(other_incident(), changes={"status": "resolved"}, actor=ada.actor)
    with pytest.raises(ValidationError, match="closed"):
        move_alerts([two_of_one.alerts.earliest("id")], to=target, actor=ada.actor, comment="")


def test_an_alert_that_waits_cannot_move(ada: User) -> None:
    target = other_incident()
    take_in(graph_alert())
    with pytest.raises(ValidationError, match="being correlated"):
        move_alerts([Alert.objects.latest("id")], to=target, actor=ada.actor, comment="")


def test_real_alerts_do_not_move_into_an_exercise(two_of_one: Incident, ada: User) -> None:
    drill = correlated(graph_alert(device("drill")), exercise="drill")[0]
    with pytest.raises(ValidationError, match="exercise"):
        move_alerts([two_of_one.alerts.earliest("id")], to=drill, actor=ada.actor, comment="")


def test_what_is_restricted_stays_among_the_named(two_of_one: Incident, ada: User, rita: User) -> None:
    secret = restrict_incident(two_of_one, people=[rita], actor=ada.actor, reason="insider")
    alert = secret.alerts.earliest("id")
    with pytest.raises(ValidationError, match="restricted"):
        move_alerts([alert], to=other_incident(), actor=ada.actor, comment="")
    part = move_alerts([alert], to=None, actor=ada.actor, comment="")
    assert part.restricted
    assert set(part.restricted_to.all()) == {ada, rita}


@pytest.mark.parametrize("reason", ["", "because"])
def test_a_reason_is_one_of_the_list(two_of_one: Incident, ada: User, reason: str) -> None:
    with pytest.raises(ValidationError, match="reason"):
        move_alerts([two_of_one.alerts.earliest("id")], to=None, actor=ada.actor, comment="", reason=reason)


def test_what_is_restricted_does_not_move_to_other_named_people(
    two_of_one: Incident, ada: User, rita: User, mona: User
) -> None:
    other = other_incident()
    restrict_incident(two_of_one, people=[ada, rita], actor=ada.actor, reason="An insider")
    restrict_incident(other, people=[ada, mona], actor=ada.actor, reason="Another one")
    with pytest.raises(ValidationError, match="restricted"):
        move_alerts([two_of_one.alerts.get(title="T1")], to=other, actor=ada.actor, comment="")
    restrict_incident(other, people=[ada, rita], actor=ada.actor, reason="The same one")
    assert move_alerts([two_of_one.alerts.get(title="T1")], to=other, actor=ada.actor, comment="") == other
