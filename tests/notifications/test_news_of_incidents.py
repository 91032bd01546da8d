"""What people hear of incidents, and what those outside the scope never hear."""

import pytest
from django.test import Client

from accounts.models import DeviceGroup, User
from core.actors import Actor
from incidents.enums import Severity
from incidents.models import Incident
from incidents.services.comment import comment_on
from incidents.services.create_incident import create_incident
from incidents.services.manage import update_incident
from incidents.services.restrict import restrict_incident
from notifications.models import Dispatch, Message, Notice, Preference, Watch
from notifications.services.route import route_due
from tests.conftest import SignedIn
from tests.factories.api import caller
from tests.factories.incidents import DeviceFactory
from tests.factories.people import DeviceGroupFactory, person

pytestmark = pytest.mark.django_db
SENSOR = Actor.system("sensor")


def heard_by(user: User) -> list[tuple[str, str]]:
    """(topic, title), oldest first."""
    route_due()
    return list(Notice.objects.filter(user=user).order_by("pk").values_list("topic", "title"))


def opened(severity: str = Severity.LOW, **given: object) -> Incident:
    return create_incident("Odd sign-in", severity=severity, actor=SENSOR, **given)  # type: ignore[arg-type]


def test_a_new_high_incident_is_told_to_those_who_work_on_alerts(ada: User, mona: User) -> None:
    row = opened(Severity.HIGH)
    assert heard_by(ada) == [("incident.high", f"New High incident {row.number}: Odd sign-in")]
    assert heard_by(mona) == []


def test_a_new_incident_of_less_is_told_to_those_who_asked_for_it(ada: User, mona: User) -> None:
    opened()
    assert not Message.objects.exists()
    Preference.objects.create(user=mona, topic="incident.created", channel="page", wanted=True)
    row = opened()
    assert heard_by(mona) == [("incident.created", f"New incident {row.number}: Odd sign-in")]
    assert heard_by(ada) == []


def test_an_incident_that_becomes_high_is_told(ada: User) -> None:
    row = opened()
    update_incident(row, changes={"severity": Severity.HIGH}, actor=SENSOR)
    assert heard_by(ada) == [("incident.high", f"{row.number} is High now: Odd sign-in")]


def test_the_new_owner_hears_of_it_and_not_of_what_they_took_themselves(ada: User, rita: User) -> None:
    row = opened()
    update_incident(row, changes={"assigned_to": ada}, actor=rita.actor)
    assert heard_by(ada) == [("incident.assigned", f"{row.number} is yours: Odd sign-in")]
    update_incident(row, changes={"assigned_to": rita}, actor=rita.actor)
    assert heard_by(rita) == []


def test_reopening_is_told_to_owner_and_followers(ada: User, rita: User, mona: User) -> None:
    row = opened(assigned_to=ada)
    Watch.objects.create(user=mona, subject=row.thread)
    update_incident(row, changes={"status": "resolved", "classification": "falsePositive",
                                  "determination": "other"}, actor=ada.actor)  # fmt: skip
    update_incident(row, changes={"status": "active"}, actor=rita.actor)
    title = f"{row.number} was reopened: Odd sign-in"
    assert ("incident.reopened", title) in heard_by(ada)
    assert ("incident.reopened", title) in heard_by(mona)
    assert heard_by(rita) == []


def test_who_is_mentioned_hears_of_it_once_and_only_if_they_may_read_it(ada: User, rita: User, eve: User) -> None:
    here = DeviceGroupFactory.create(name="Here")
    row = opened(entities=[DeviceFactory.create(device_group=here)])
    comment_on(row, text="@rita and @Rita, @eve, @nobody: look, rita@corp.example", actor=ada.actor)
    assert heard_by(rita) == [("incident.mention", f"Ada Lindqvist mentioned you on {row.number}")]
    assert heard_by(eve) == []


def test_who_follows_hears_of_changes_by_others_and_of_comments(ada: User, mona: User) -> None:
    row = opened()
    Watch.objects.create(user=mona, subject=row.thread)
    Watch.objects.create(user=ada, subject=row.thread)
    update_incident(row, changes={"status": "inProgress"}, actor=ada.actor)
    comment_on(row, text="looking", actor=ada.actor)
    assert [title for _, title in heard_by(mona)] == [
        f"{row.number}: status: In progress", f"{row.number}: a comment by Ada Lindqvist",
    ]  # fmt: skip
    assert heard_by(ada) == []


def test_a_person_outside_the_scope_hears_nothing_by_any_way(eve: User, elsewhere: DeviceGroup, adam: User) -> None:
    """Owner, follower, mentioned, told of everything: of what eve may not see, no row of hers is made."""
    eve.email = "eve@example.org"
    eve.save()
    for topic in ("incident.created", "incident.high", "incident.followed"):
        for channel in ("page", "mail"):
            Preference.objects.create(user=eve, topic=topic, channel=channel, wanted=True)
    row = opened(entities=[DeviceFactory.create(device_group=DeviceGroupFactory.create(name="Here"))])
    Watch.objects.create(user=eve, subject=row.thread)
    update_incident(row, changes={"assigned_to": eve, "severity": Severity.HIGH}, actor=adam.actor)
    comment_on(row, text="@eve", actor=adam.actor)
    assert heard_by(eve) == []
    assert Message.objects.count() >= 4
    assert not Dispatch.objects.filter(user=eve).exists()


def test_somebody_who_sees_a_part_reads_the_neutral_name(adam: User, elsewhere: DeviceGroup, eve: User) -> None:
    here = DeviceGroupFactory.create(name="Here")
    devices = [DeviceFactory.create(device_group=here), DeviceFactory.create(device_group=elsewhere)]
    row = create_incident("x", severity=Severity.LOW, actor=SENSOR, entities=devices)
    Incident.objects.filter(pk=row.pk).update(
        name_source="auto", display_name="Malware on CANARY-HOST", neutral_name="Malware on several devices"
    )
    update_incident(Incident.objects.get(pk=row.pk), changes={"assigned_to": eve}, actor=adam.actor)
    assert heard_by(eve) == [
        ("incident.assigned", f"An incident was assigned to me: {row.number} Malware on several devices")
    ]
    assert Notice.objects.get(user=eve).severity == ""


def test_who_sees_a_part_by_now_reads_what_was_told_before_in_neutral_words(
    adam: User, elsewhere: DeviceGroup, client: Client, signed_in: SignedIn
) -> None:
    here = DeviceGroupFactory.create(name="Here")
    lee = person("lee", "analyst", groups=[here, elsewhere])
    devices = [DeviceFactory.create(device_group=here), DeviceFactory.create(device_group=elsewhere)]
    row = create_incident("x", severity=Severity.LOW, actor=SENSOR, entities=devices)
    Incident.objects.filter(pk=row.pk).update(
        name_source="auto", display_name="Malware on CANARY-HOST", neutral_name="Malware on several devices"
    )
    update_incident(Incident.objects.get(pk=row.pk), changes={"assigned_to": lee}, actor=adam.actor)
    assert "CANARY-HOST" in heard_by(lee)[0][1]
    page = signed_in(client, lee)
    for seen in (True, False):
        texts = (page.get("/notices/").content.decode(), str(caller(lee).get("/notices").body))
        assert [("CANARY-HOST" in text, row.number in text) for text in texts] == [(seen, True)] * 2
        lee.device_groups.set([elsewhere])


def test_of_a_restricted_incident_only_the_named_hear(ada: User, rita: User, adam: User) -> None:
    row = opened()
    restrict_incident(row, people=[ada, adam], actor=adam.actor, reason="insider")
    for user in (ada, rita):
        Watch.objects.create(user=user, subject=row.thread)
    comment_on(row, text="@rita @ada look", actor=adam.actor)
    assert [topic for topic, _ in heard_by(ada)] == ["incident.mention"]
    assert heard_by(rita) == []


def test_a_service_account_has_no_notices(db: None) -> None:
    person("sync", "analyst", kind="service")
    opened(Severity.HIGH)
    route_due()
    assert not Notice.objects.exists()
