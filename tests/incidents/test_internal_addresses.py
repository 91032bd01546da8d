"""What an address of our own networks proves: it is the machine that has it, and as a target it is nothing."""

from typing import Any

import pytest

from incidents.correlation.engine import correlate_waiting
from incidents.models import CorrelationLink, Device, Incident
from tests.factories.wire import correlated, device, graph_alert, ip, take_in, user, wazuh_alert

pytestmark = pytest.mark.django_db
OURS = "10.1.2.3"


def told(n: int, *evidence: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return graph_alert(*evidence, minutes=n, title=f"Detection {n}", detectorId=f"d{n}", **fields)


def seen_on_the_wire(n: int, source: str, target: str) -> dict[str, Any]:
    """A network sensor knows addresses and no machines."""
    rule = {"level": 10, "description": f"Odd traffic {n}", "id": f"{n}", "groups": ["ids"]}
    sensor = {"id": "000", "name": "sensor"}
    return wazuh_alert(minutes=n, rule=rule, agent=sensor, data={"srcip": source, "dstip": target})


def known_device(name: str = "fin-ws-014", *addresses: str) -> dict[str, Any]:
    return device(name, lastIpAddress=addresses[0] if addresses else OURS, ipInterfaces=list(addresses))


def test_the_address_of_a_known_machine_is_that_machine() -> None:
    first = correlated(told(1, known_device()))[0]
    second = correlated(seen_on_the_wire(5, OURS, "203.0.113.9"), format="wazuh")[0]
    assert first == second
    assert CorrelationLink.objects.get().evidence.startswith(f"Same device: fin-ws-014 ({OURS}), 4 min apart")


def test_it_is_that_machine_also_when_the_address_was_seen_first() -> None:
    first = correlated(seen_on_the_wire(5, OURS, "203.0.113.9"), format="wazuh")[0]
    assert correlated(told(8, known_device()))[0] == first


@pytest.mark.parametrize("together", [True, False])
def test_two_alerts_that_know_the_address_only_do_not_tell_whose_it_is(together: bool) -> None:
    correlated(told(0, known_device(), severity="informational"))
    seen = [seen_on_the_wire(n, OURS, f"203.0.113.{n}") for n in (5, 6)]
    for items in [seen] if together else [[one] for one in seen]:
        correlated(*items, format="wazuh")
    assert CorrelationLink.objects.get().evidence.startswith(f"Same device: {OURS}, 1 min apart")


def test_it_is_that_machine_within_one_batch() -> None:
    correlated(told(1, known_device(), severity="informational"))
    take_in(told(4, known_device()))
    take_in(seen_on_the_wire(5, OURS, "203.0.113.9"), format="wazuh")
    correlate_waiting()
    assert Incident.objects.exclude(severity="informational").count() == 1


def test_an_address_that_two_machines_have_is_neither() -> None:
    one = correlated(told(1, known_device("a")))[0]
    other = correlated(told(2, known_device("b")))[0]
    seen = correlated(seen_on_the_wire(5, OURS, "203.0.113.9"), format="wazuh")[0]
    assert len({one.pk, other.pk, seen.pk}) == 3


def test_a_machine_of_an_exercise_has_no_real_traffic() -> None:
    drill = correlated(told(1, known_device()), exercise="drill")[0]
    one, other = correlated(seen_on_the_wire(5, OURS, "203.0.113.9"), seen_on_the_wire(6, OURS, "203.0.113.8"),
                            format="wazuh")  # fmt: skip
    assert one == other != drill
    assert CorrelationLink.objects.get(incident=one).rule == "address"


def test_an_internal_target_joins_nothing() -> None:
    one, other = correlated(seen_on_the_wire(1, "10.0.0.8", OURS), seen_on_the_wire(2, "10.0.0.9", OURS),
                            format="wazuh")  # fmt: skip
    assert one != other


def test_a_scanner_does_not_glue_its_targets_together() -> None:
    targets = {f"srv-{n}": f"10.4.0.{n}" for n in range(1, 6)}
    servers = correlated(*(told(n, known_device(name, targets[name])) for n, name in enumerate(targets)))
    scans = [seen_on_the_wire(20 + n, "10.9.9.9", address) for n, address in enumerate(targets.values())]
    scanned = correlated(*scans, format="wazuh")
    assert len(set(servers)) == 5
    assert len(set(scanned)) == 1
    assert not set(scanned) & set(servers)


def test_an_answer_belongs_to_its_question() -> None:
    asked, answered = correlated(
        seen_on_the_wire(1, "10.0.0.8", OURS), seen_on_the_wire(2, OURS, "10.0.0.8"), format="wazuh"
    )
    assert asked == answered
    link = CorrelationLink.objects.get()
    assert (link.rule, link.reason) == ("connection", "networkProximity")


def test_a_target_on_the_internet_is_an_indicator() -> None:
    one, other = correlated(
        seen_on_the_wire(1, "10.0.0.8", "203.0.113.77"), seen_on_the_wire(2, "10.0.0.9", "203.0.113.77"), format="wazuh"
    )
    assert one == other


def test_an_address_of_the_internet_is_the_same_for_every_source() -> None:
    here = correlated(told(1, ip("203.0.113.77")), source="berlin")[0]
    assert correlated(told(2, ip("203.0.113.77")), source="paris")[0] == here


def test_a_gateway_that_everybody_goes_through_is_a_hub_by_its_address() -> None:
    correlated(told(0, known_device("gateway"), severity="informational"))
    through = [told(n, ip(OURS), user(f"u{n}")) for n in range(1, 41)]
    assert len(set(correlated(*through))) == 40
    assert Device.objects.get().is_hub
