from datetime import timedelta
from typing import Any

import pytest

from core import clock, options
from incidents.correlation.engine import correlate_waiting
from incidents.correlation.hubs import forget_quiet_hubs
from incidents.models import Identity
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
