"""What a person merges: which one stays, what moves, what stands in the way."""

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import User
from core import audit, outbox
from core.models import AuditEvent
from incidents.models import Alert, Comment, CorrelationLink, Incident
from incidents.services.comment import comment_on
from incidents.services.manage import update_incident
from incidents.services.merge import MergePlan, merge_incidents, plan_merge
from incidents.services.restrict import restrict_incident
from reviews.services.write import open_review
from tests.conftest import SignedIn
from tests.factories.incidents import DeviceFactory, IncidentFactory, incident_about
from tests.factories.people import DeviceGroupFactory, person
from tests.factories.remediation import ask, company

pytestmark = pytest.mark.django_db


def some(count: int = 2) -> list[Incident]:
    return [incident_about(DeviceFactory.create()) for _ in range(count)]


def plan(incidents: list[Incident], user: User) -> MergePlan:
    for one in incidents:
        one.refresh_from_db()
    return plan_merge(incidents, user=user)


def test_everything_goes_to_the_oldest_and_the_others_lead_there(ada: User) -> None:
    oldest, other = some()
    comment_on(other, text="The same mail.", actor=ada.actor)
    merged = merge_incidents([other, oldest], actor=ada.actor, user=ada, comment="One campaign.")
    other.refresh_from_db()
    assert merged == oldest
    assert (other.status, other.redirect_incident, other.system_tags) == ("redirected", oldest, ["Redirected"])
    assert merged.alert_counts["total"] == Alert.objects.filter(incident=oldest).count() == 2
    assert Comment.objects.get().incident == oldest
    assert CorrelationLink.objects.get(rule="manual_merge").incident == oldest


def test_the_history_of_a_source_is_told_in_both(ada: User) -> None:
    oldest, other = some()
    update_incident(other, changes={"custom_tags": ["vip"]}, actor=ada.actor)
    merge_incidents([oldest, other], actor=ada.actor, user=ada, comment="One campaign.")
    copied = AuditEvent.objects.get(thread=oldest.thread, verb="incident.changed", subject=other.thread)
    first = AuditEvent.objects.get(thread=other.thread, verb="incident.changed")
    assert (copied.at, copied.actor_name, copied.data["copied_from"]) == (first.at, str(ada), other.thread)
    told = AuditEvent.objects.get(thread=oldest.thread, verb="incident.merged")
    assert told.reason == "Same campaign. One campaign."
    audit.seal()
    assert audit.verify().broken_at is None


def test_what_somebody_works_on_stays_and_gets_what_it_lacks(ada: User, rita: User) -> None:
    oldest, owned = some()
    update_incident(oldest, changes={"classification": "truePositive", "determination": "malware",
                                     "custom_tags": ["vip"]}, actor=rita.actor)  # fmt: skip
    update_incident(owned, changes={"assigned_to": ada, "custom_tags": ["VIP", "mail"]}, actor=ada.actor)
    oldest.refresh_from_db()
    owned.refresh_from_db()
    merged = merge_incidents([oldest, owned], actor=ada.actor, user=ada)
    assert merged == owned
    assert (merged.classification, merged.determination, merged.custom_tags) == ("truePositive", "malware",
                                                                                 ["VIP", "mail"])  # fmt: skip
    assert set(Alert.objects.values_list("assigned_to", flat=True)) == {ada.pk}


def test_runs_and_a_begun_review_go_along(ada: User) -> None:
    device = company().device()
    oldest, other = incident_about(DeviceFactory.create()), incident_about(device)
    run = ask(ada, "device.isolate", device, incident=other, isolation_type="full")
    review = open_review(other, actor=ada.actor)
    merge_incidents([oldest, other], actor=ada.actor, user=ada)
    outbox.deliver()
    run.refresh_from_db()
    review.refresh_from_db()
    assert (run.incident, review.incident) == (oldest, oldest)


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ({"status": "resolved"}, {}, "is closed: reopen it first"),
        ({"classification": "truePositive"}, {"classification": "falsePositive"}, "Classified differently"),
        (
            {"classification": "truePositive", "determination": "malware"},
            {"classification": "truePositive", "determination": "phishing"},
            "Classified differently",
        ),
    ],
)
def test_what_differs_is_in_the_way(ada: User, first: dict[str, str], second: dict[str, str], said: str) -> None:
    incidents = some()
    for one, changes in zip(incidents, (first, second), strict=True):
        update_incident(one, changes=changes, actor=ada.actor)
    assert said in " ".join(plan(incidents, ada).refusals)
    with pytest.raises(ValidationError):
        merge_incidents(incidents, actor=ada.actor, user=ada)
    assert not Incident.objects.filter(status="redirected").exists()


def test_two_owners_are_named(ada: User, rita: User) -> None:
    incidents = some()
    for one, owner in zip(incidents, (ada, rita), strict=True):
        update_incident(one, changes={"assigned_to": owner}, actor=owner.actor)
    assert plan(incidents, ada).refusals == [
        "Different owners: Ada Lindqvist and Rita Moreno. Assign them to one person, or to nobody, first."
    ]


def test_a_restricted_one_does_not_join_an_open_one(ada: User, rita: User) -> None:
    incidents = some()
    restrict_incident(incidents[0], people=[rita], actor=ada.actor, reason="An insider.")
    assert "A restricted incident stays among its named people" in plan(incidents, ada).refusals[0]


def test_demo_data_and_real_alerts_stay_apart(ada: User) -> None:
    incidents = [incident_about(DeviceFactory.create()), incident_about(DeviceFactory.create(), exercise="demo")]
    assert plan(incidents, ada).refusals == ["Alerts of an exercise and real ones never share an incident."]


def test_six_are_too_many_and_one_too_few(ada: User) -> None:
    assert plan(some(6), ada).refusals == ["Merge 2 to 5 at once; 6 are chosen."]
    assert plan(some(1), ada).refusals == ["Merge 2 to 5 at once; 1 is chosen."]


def test_who_sees_a_part_does_not_merge_the_whole() -> None:
    inside, outside = DeviceGroupFactory.create(), DeviceGroupFactory.create()
    noor = person("noor", "analyst", groups=[inside])
    shared = incident_about(DeviceFactory.create(device_group=inside))
    Incident.objects.filter(pk=shared.pk).update(device_group_ids=sorted([inside.pk, outside.pk]))
    incidents = [shared, incident_about(DeviceFactory.create(device_group=inside))]
    assert f"Part of {shared.number} lies outside your device groups" in plan(incidents, noor).refusals[0]


@pytest.fixture
def desk(client: Client, ada: User, signed_in: SignedIn) -> Client:
    return signed_in(client, ada)


def test_the_dialog_says_what_will_happen_and_then_does_it(desk: Client) -> None:
    oldest, other = some()
    page = desk.get(f"/incidents/merge/?id={other.pk}&id={oldest.pk}", headers={"HX-Request": "true"})
    assert f"Merge into {oldest.number}" in page.content.decode()
    posted = {"id": [oldest.pk, other.pk], "reason": "sameActor", "comment": ""}
    answer = desk.post("/incidents/merge/", posted, headers={"HX-Request": "true"})
    assert answer.status_code == 204
    assert "#rows" in answer["HX-Trigger"]
    assert desk.get(f"/incidents/{other.pk}/")["Location"] == f"/incidents/{oldest.pk}/"


def test_a_refused_merge_has_no_button(desk: Client, ada: User) -> None:
    incidents = some()
    update_incident(incidents[0], changes={"status": "resolved"}, actor=ada.actor)
    ids = "&".join(f"id={one.pk}" for one in incidents)
    page = desk.get(f"/incidents/merge/?{ids}", headers={"HX-Request": "true"}).content.decode()
    assert "is closed: reopen it first" in page
    assert "Merge into" not in page


def test_from_its_page_the_others_are_named(desk: Client) -> None:
    one, other = some()
    asked = desk.get(f"/incidents/merge/?id={one.pk}&from=page", headers={"HX-Request": "true"}).content.decode()
    assert "Merge with" in asked
    posted = {"id": one.pk, "from": "page", "others": f"inc-{other.pk}"}
    shown = desk.post("/incidents/merge/", posted, headers={"HX-Request": "true"})
    assert f"Merge into {one.number}" in shown.content.decode()
    assert Incident.objects.filter(status="redirected").count() == 0


@pytest.mark.parametrize("others", ["", "INC-x", "999999", "1,2"])
def test_a_number_that_is_none_is_said_back(desk: Client, others: str) -> None:
    one = IncidentFactory.create()
    answer = desk.post("/incidents/merge/", {"id": one.pk, "others": others}, headers={"HX-Request": "true"})
    assert answer.status_code == 422


def test_an_incident_out_of_reach_is_not_found(client: Client, eve: User, signed_in: SignedIn) -> None:
    incidents = some()
    ids = "&".join(f"id={one.pk}" for one in incidents)
    assert signed_in(client, eve).get(f"/incidents/merge/?{ids}").status_code == 404
