"""Idempotent, durable, the same by either way of writing."""

from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from core import clock
from core.models import AuditEvent
from incidents.enums import AlertStatus
from incidents.ingest import accept
from incidents.ingest.store import store_alerts
from incidents.models import Alert, Evidence
from incidents.services.manage_alert import update_alert
from tests.factories.wire import SENSOR, device, file, graph_alert, ip, stored, take_in, user

pytestmark = pytest.mark.django_db
EVERYTHING = ("source", "provider_alert_id", "title", "severity", "status", "categories", "mitre_techniques",
              "first_activity", "last_activity", "device_group_ids", "additional_data", "marks", "source_state",
              "exercise", "custom_tags", "version")  # fmt: skip


def test_a_repeat_changes_nothing() -> None:
    item = graph_alert(device(), user())
    first = take_in(item)
    before = Alert.objects.values().get()
    again = take_in(item)
    assert (first.accepted, again.accepted, again.duplicates) == (1, 0, 1)
    assert [row["outcome"] for row in (*first.alerts, *again.alerts)] == ["accepted", "duplicate"]
    assert again.alerts[0]["id"] == first.alerts[0]["id"]
    assert Alert.objects.values().get() == before
    assert AuditEvent.objects.filter(verb="alerts.accepted").count() == 1


def test_a_changed_alert_updates_its_fields_and_evidence() -> None:
    item = graph_alert(device(), ip())
    alert = stored(item)[0]
    kept = alert.evidence.get(type="device").pk
    receipt = take_in({**item, "severity": "high", "evidence": [device(verdict="malicious"), user()]})
    assert (receipt.updated, receipt.accepted) == (1, 0)
    assert receipt.alerts[0]["outcome"] == "updated"
    alert.refresh_from_db()
    assert (alert.severity, alert.version) == ("high", 2)
    assert set(alert.evidence.values_list("type", "verdict")) == {("device", "malicious"), ("user", "suspicious")}
    assert alert.evidence.get(type="device").pk == kept, "what is still named keeps its row"


def test_a_batch_that_names_an_alert_twice_keeps_the_later() -> None:
    item = graph_alert(title="before")
    receipt = take_in(item, {**item, "title": "after"})
    assert (receipt.accepted, receipt.duplicates) == (1, 1)
    assert Alert.objects.get().title == "after"


def test_the_same_id_of_another_source_is_another_alert() -> None:
    item = graph_alert()
    take_in(item, source="one")
    take_in(item, source="two")
    assert Alert.objects.count() == 2


def test_an_update_leaves_alone_what_an_analyst_decided(ada: User) -> None:
    item = graph_alert(status="new")
    alert = stored(item)[0]
    changes = {"status": "inProgress", "classification": "falsePositive", "assigned_to": ada}
    update_alert(alert, changes=changes, actor=ada.actor)
    take_in({**item, "status": "resolved", "classification": "truePositive", "title": "Worse"})
    alert.refresh_from_db()
    assert (alert.status, alert.classification, alert.assigned_to) == ("inProgress", "falsePositive", ada)
    assert alert.title == "Worse"


def test_where_nobody_decided_the_status_follows_the_source() -> None:
    item = graph_alert(status="new")
    alert = stored(item)[0]
    take_in({**item, "status": "resolved"})
    alert.refresh_from_db()
    assert alert.status == AlertStatus.RESOLVED
    assert alert.resolved is not None
    assert AuditEvent.objects.filter(verb="alert.status", subject=f"alert:{alert.pk}").exists()


def test_what_an_action_did_to_evidence_survives_an_update() -> None:
    item = graph_alert(file())
    alert = stored(item)[0]
    alert.evidence.update(remediation_status="remediated", remediation_status_details="quarantined")
    take_in({**item, "title": "changed"})
    assert alert.evidence.get().remediation_status == "remediated"


def items_of_every_kind(count: int) -> list[dict[str, Any]]:
    return [
        graph_alert(
            device(f"ws-{n % 7}"), user(f"u{n % 5}"), file(f"{n % 3 + 0xABC:064x}"), ip(f"198.51.100.{n}"), id=f"a{n}"
        )
        for n in range(count)
    ]


def contents() -> list[Any]:
    rows: list[Any] = list(Alert.objects.order_by("provider_alert_id").values_list(*EVERYTHING))
    seen = Evidence.objects.order_by("alert__provider_alert_id", "type", "display")
    return rows + list(seen.values_list(
        "alert__provider_alert_id", "type", "display", "key", "data", "roles", "verdict", "device__key", "file__key",
        "identity__key",
    ))  # fmt: skip


def test_copy_and_plain_statements_store_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    items = items_of_every_kind(60)
    changed = [{**item, "title": 'changed \\ "quoted" {x}', "mitreTechniques": ['T"1', "T\\2"]} for item in items]
    results = []
    for limit in (1, 10_000):

        def store(*args: Any, limit: int = limit, **options: Any) -> Any:
            return store_alerts(*args, **options, copy_from=limit)

        monkeypatch.setattr(accept, "store_alerts", store)
        Alert.objects.all().delete()
        with clock.at(clock.real_now().replace(microsecond=0)):
            take_in(*items)
            first = contents()
            take_in(*changed[:30], *items[30:])
        results.append((first, contents()))
    assert results[0] == results[1]


@pytest.mark.parametrize(("count", "most"), [(1, 25), (49, 25), (1000, 40)])
def test_the_number_of_queries_does_not_grow_with_the_batch(count: int, most: int) -> None:
    take_in(*items_of_every_kind(2))
    items = [{**item, "id": f"{item['id']}-new"} for item in items_of_every_kind(count)]
    with CaptureQueriesContext(
        connection,
    ) as queries:
        take_in(*items)
    assert len(queries) <= most, [query["sql"][:80] for query in queries]


@pytest.mark.django_db(transaction=True)
def test_accepted_is_stored_also_with_the_broker_away() -> None:
    gone = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:9/0"}}
    with override_settings(CACHES=gone, REDIS_URL="redis://127.0.0.1:9/0"):
        receipt = take_in(graph_alert())
    assert receipt.accepted == 1
    assert not connection.in_atomic_block
    assert Alert.objects.filter(correlated=None).count() == 1


def test_each_batch_is_one_line_in_the_audit_log() -> None:
    take_in(*items_of_every_kind(3), {"broken": True})
    event = AuditEvent.objects.get(verb="alerts.accepted")
    assert (event.subject, event.actor_name) == ("source:graph", SENSOR.name)
    assert event.data == {"format": "graph", "accepted": 3, "updated": 0, "duplicates": 0, "rejected": 1}
