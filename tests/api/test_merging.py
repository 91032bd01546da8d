"""Merging over the API: what is planned, what is refused, and how a merged id still reads."""

import pytest

from accounts.models import DeviceGroup, User
from core.models import AuditEvent
from incidents.models import Incident
from incidents.services.comment import comment_on
from incidents.services.manage import update_incident
from tests.factories.api import caller
from tests.factories.incidents import DeviceFactory, incident_about

pytestmark = pytest.mark.django_db


def some(count: int = 2) -> list[Incident]:
    return [incident_about(DeviceFactory.create()) for _ in range(count)]


def named(rows: list[Incident]) -> dict[str, list[str]]:
    return {"incidents": [str(row.pk) for row in rows]}


def test_the_others_lead_to_the_one_that_stays(ada: User) -> None:
    oldest, other = some()
    comment_on(other, text="The same mail.", actor=ada.actor)
    order = {**named([other, oldest]), "comment": "One campaign.", "reasons": ["sameActor", "sharedIndicators"]}
    merged = caller(ada).post("/incidents/merge", order)
    assert (merged.status, merged.body["id"], merged.body["alert_counts"]["total"]) == (200, str(oldest.pk), 2)
    gone = caller(ada).get(f"/incidents/{other.pk}").body
    assert (gone["status"], gone["redirect_incident_id"]) == ("redirected", str(oldest.pk))
    assert [row["text"] for row in caller(ada).get(f"/incidents/{oldest.pk}/comments").body["results"]] == [
        "The same mail."
    ]
    told = AuditEvent.objects.get(thread=oldest.thread, verb="incident.merged")
    assert told.reason == "Same actor, Shared indicators. One campaign."


def test_the_plan_says_what_would_happen_and_changes_nothing(ada: User) -> None:
    oldest, other = some()
    plan = caller(ada).post("/incidents/merge/plan", named([oldest, other])).body
    assert (plan["incident"], plan["merged"], plan["why"]) == (str(oldest.pk), [str(other.pk)], "it is the oldest")
    assert plan["mergeable"]
    assert all(check["holds"] for check in plan["checks"])
    assert Incident.objects.filter(status="active").count() == 2


def test_what_stands_in_the_way_is_told_and_nothing_moves(ada: User) -> None:
    rows = some()
    update_incident(rows[1], changes={"status": "resolved"}, actor=ada.actor)
    refused = caller(ada).post("/incidents/merge", named(rows))
    assert (refused.status, refused.body["error"]["code"]) == (422, "not_mergeable")
    assert refused.body["error"]["message"] == f"{rows[1].number} is closed: reopen it first, or leave it out."
    assert not caller(ada).post("/incidents/merge/plan", named(rows)).body["mergeable"]
    assert not Incident.objects.filter(status="redirected").exists()


def test_every_incident_must_be_seen(eve: User, elsewhere: DeviceGroup) -> None:
    rows = [incident_about(DeviceFactory.create(device_group=elsewhere)), *some(1)]
    assert caller(eve).post("/incidents/merge", named(rows)).status == 404
    assert caller(eve).post("/incidents/merge/plan", named(rows)).status == 404


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"incidents": ["1"]}, "incidents"),
        ({"incidents": [str(number) for number in range(1, 7)]}, "incidents"),
        ({"reasons": []}, "reasons"),
        ({"reasons": ["hunch"]}, "reasons.0"),
        ({"into": "1"}, "into"),
    ],
)
def test_a_wrong_order_names_the_field(ada: User, changed: dict[str, object], field: str) -> None:
    answer = caller(ada).post("/incidents/merge", {**named(some()), **changed})
    assert (answer.status, answer.body["error"]["field"]) == (400, field)
