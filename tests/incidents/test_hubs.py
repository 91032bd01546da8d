from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core import clock, options
from incidents.correlation import hubs
from incidents.correlation.engine import correlate_waiting
from incidents.correlation.hubs import forget_quiet_hubs
from incidents.models import Device, Evidence, Identity
from tests.factories.wire import NINE, SENSOR, correlated, device, graph_alert, ip, take_in, user

pytestmark = pytest.mark.django_db
SERVICE = user("svc-backup")


def told(n: int, *evidence: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Detections that have nothing else in common."""
    return graph_alert(*evidence, minutes=n / 10, title=f"Detection {n}", detectorId=f"{n}", **fields)


def noise(count: int, severity: str = "informational") -> None:
    """The service account on many machines."""
    take_in(*(told(n, SERVICE, device(f"m{n:03d}"), severity=severity) for n in range(count)))
    correlate_waiting()


def test_an_account_that_is_everywhere_joins_nothing() -> None:
    noise(30)
    first = graph_alert(SERVICE, device("a"), minutes=5, title="One", detectorId="x")
    second = graph_alert(SERVICE, device("b"), minutes=6, title="Two", detectorId="y")
    one, other = correlated(first, second)
    assert one != other
    assert Identity.objects.get(key="svc-backup@corp.example").is_hub


def test_below_the_threshold_it_joins() -> None:
    noise(5)
    first = graph_alert(SERVICE, device("a"), minutes=5, title="One", detectorId="x")
    second = graph_alert(SERVICE, device("b"), minutes=6, title="Two", detectorId="y")
    one, other = correlated(first, second)
    assert one == other
    assert not Identity.objects.get(key="svc-backup@corp.example").is_hub


def test_a_large_batch_is_not_glued_by_its_hub() -> None:
    noise(60, severity="medium")
    assert Identity.objects.get(key="svc-backup@corp.example").is_hub


def test_a_proxy_address_joins_nothing() -> None:
    proxied = [told(n, ip(), user(f"u{n}")) for n in range(40)]
    assert len(set(correlated(*proxied))) == 40


def test_one_machine_under_fire_is_no_hub() -> None:
    attack = [told(n, device(), ip(f"198.51.100.{n}")) for n in range(80)]
    assert len(set(correlated(*attack))) == 1


def nightly_round(machines: int, **fields: Any) -> dict[str, Any]:
    """One alert that lists all machines on which the account was."""
    listed = (device(f"m{n:03d}") for n in range(machines))
    return told(500, SERVICE, *listed, **{"severity": "informational", **fields})


def test_one_quiet_alert_that_lists_many_machines_makes_their_account_a_hub() -> None:
    correlated(nightly_round(30))
    assert Identity.objects.get(key="svc-backup@corp.example").is_hub


def test_machines_of_one_list_are_no_hubs_for_it() -> None:
    correlated(*(told(n, device("m000"), user(f"u{n % 3}")) for n in range(25)))
    correlated(nightly_round(30))
    correlated(*(told(n, device("m000"), user(f"u{n % 3}")) for n in range(30, 40)))
    assert not Device.objects.filter(is_hub=True).exists()


def test_accounts_of_one_list_are_no_hubs_for_it() -> None:
    correlated(*(told(n, user("u0"), device(f"m{n % 3}")) for n in range(25)))
    correlated(told(50, *(user(f"u{n}") for n in range(40)), ip()))
    assert not Identity.objects.filter(is_hub=True).exists()


def test_a_machine_on_which_everybody_signs_in_is_a_hub() -> None:
    correlated(*(told(n, device("dc"), user(f"u{n}"), severity="low") for n in range(40)))
    assert Device.objects.get().is_hub


def test_an_account_on_many_machines_stays_a_hub_however_seldom_it_is_told() -> None:
    correlated(nightly_round(30))
    with clock.at(NINE + timedelta(days=2)):
        assert forget_quiet_hubs() == 0
    with clock.at(NINE + timedelta(days=30)):
        assert forget_quiet_hubs() == 1


def plan_of(statement: str) -> list[dict[str, Any]]:
    """All steps of the planner for a statement."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}")
        waiting = [cursor.fetchone()[0][0]["Plan"]]
    steps = []
    while waiting:
        steps.append(waiting.pop())
        waiting += steps[-1].get("Plans", [])
    return steps


@pytest.mark.parametrize("column", ["device_id", "identity_id", "key"])
def test_neighbours_are_searched_by_index_while_the_tables_seem_empty(column: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE incidents_alert, incidents_evidence")
    take_in(*(told(n, device(f"m{n % 40}"), user(f"u{n % 50}"), ip(f"198.51.100.{n % 200}")) for n in range(900)))
    values = list(Evidence.objects.exclude(**{column: "" if column == "key" else None}).values_list(column, flat=True))
    with CaptureQueriesContext(connection) as asked:
        hubs._neighbours(column, values[:80])
    steps = plan_of(asked.captured_queries[-1]["sql"])
    assert {step["Node Type"] for step in steps if step.get("Relation Name")} <= {"Index Scan", "Index Only Scan"}
    assert not any("Hash Join" in step["Node Type"] or "Merge Join" in step["Node Type"] for step in steps)


def test_thresholds_are_options() -> None:
    options.put("correlation.hub_neighbours", 5, actor=SENSOR)
    noise(8)
    assert Identity.objects.get(key="svc-backup@corp.example").is_hub


def test_the_mark_goes_when_the_noise_stops() -> None:
    noise(30, severity="medium")
    with clock.at(NINE + timedelta(days=1)):
        assert forget_quiet_hubs() == 0
    with clock.at(NINE + timedelta(days=30)):
        assert forget_quiet_hubs() >= 1
    assert not Identity.objects.get(key="svc-backup@corp.example").is_hub
