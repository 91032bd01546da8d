"""Which alerts become one incident, and what is kept about why."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import User
from core import clock, options
from core.models import AuditEvent
from incidents.correlation.engine import correlate_waiting
from incidents.correlation.rules import RULES
from incidents.models import Alert, CorrelationLink, Identity, Incident
from incidents.services.manage import update_incident
from incidents.services.restrict import restrict_incident
from tests.factories.wire import (
    MALWARE,
    NINE,
    SENSOR,
    correlated,
    device,
    file,
    graph_alert,
    incidents_of,
    ip,
    mailbox,
    message,
    process,
    sentinel_alert,
    stamp,
    take_in,
    url,
    user,
    wazuh_alert,
)

pytestmark = pytest.mark.django_db

LONG_COMMAND = "rundll32.exe javascript:..\\mshtml,RunHTMLApplication --stage two --quiet"
SHARED: dict[str, tuple[dict[str, Any], ...]] = {
    "device": (device(),),
    "account": (user(),),
    "file": (file(MALWARE),),
    "message": (message(recipient=""),),
    "url": (url(),),
    "address": (ip(),),
    "command": (process(LONG_COMMAND),),
}


def different(n: int) -> dict[str, Any]:
    return {"title": f"Detection {n}", "detectorId": f"d{n}"}


def pair(*evidence: dict[str, Any], minutes: float = 10, **fields: Any) -> list[Incident]:
    """The incidents of two different detections that name the same."""
    first = graph_alert(*evidence, **{**different(1), **fields})
    return correlated(first, graph_alert(*evidence, minutes=minutes, **{**different(2), **fields}))


@pytest.mark.parametrize("rule", SHARED)
def test_alerts_that_share_something_in_time_are_one_incident(rule: str) -> None:
    first, second = pair(*SHARED[rule])
    assert first == second
    link = CorrelationLink.objects.get()
    assert (link.rule, link.reason) == (rule, RULES[rule].reason.value)
    assert link.evidence.startswith(RULES[rule].label)
    assert link.other_alert == Alert.objects.order_by("first_activity").first()


@pytest.mark.parametrize("rule", SHARED)
def test_beyond_the_window_they_are_two(rule: str) -> None:
    first, second = pair(*SHARED[rule], minutes=RULES[rule].hours * 60 + 1)
    assert first != second


@pytest.mark.parametrize("rule", SHARED)
def test_a_window_of_zero_switches_a_rule_off(rule: str) -> None:
    options.put(RULES[rule].option, 0, actor=SENSOR)
    first, second = pair(*SHARED[rule])
    assert first != second


def test_event_time_counts_and_not_arrival() -> None:
    one = correlated(graph_alert(device(), minutes=0, **different(1)))
    far = correlated(graph_alert(device(), minutes=60 * 24 * 5, **different(2)))
    between = correlated(graph_alert(device(), minutes=30, **different(3)))
    assert between == one != far


def test_low_alerts_must_be_closer_together() -> None:
    hours = RULES["device"].hours * 60 / 4
    near, also = pair(device("a"), minutes=hours - 1, severity="low")
    one, other = pair(device("b"), minutes=hours + 1, severity="low")
    assert near == also
    assert one != other


def test_informational_noise_glues_nothing() -> None:
    noise, attack = pair(device(), user(), severity="informational")
    worse = correlated(graph_alert(device(), severity="high", **different(3)))[0]
    assert len({noise.pk, attack.pk, worse.pk}) == 3


def test_the_same_notice_again_does_not_open_another_incident() -> None:
    items = [graph_alert(device(), minutes=n, severity="informational") for n in range(5)]
    assert len({incident.pk for incident in correlated(*items)}) == 1


def test_an_incident_of_the_source_stays_one_even_for_notices() -> None:
    first, second = pair(incidentId="77", severity="informational", minutes=60 * 24 * 7)
    assert first == second


def test_three_formats_tell_of_one_machine_and_person() -> None:
    one = correlated(graph_alert(device(), user(), title="Credential theft"))[0]
    two = correlated(wazuh_alert(minutes=5, data={"srcip": "10.9.9.9"}), format="wazuh")[0]
    account = {"$id": "1", "Name": "m.okafor", "UPNSuffix": "corp.example", "Type": "account"}
    three = correlated(sentinel_alert(account), format="sentinel")[0]
    assert one == two == three
    three.refresh_from_db()
    assert three.sources == ["graph", "sentinel", "wazuh"]


def test_a_mailbox_and_its_persons_account_are_the_same_person() -> None:
    first, second = correlated(graph_alert(mailbox(), **different(1)), graph_alert(user(), minutes=9, **different(2)))
    assert first == second


def test_an_account_that_exists_everywhere_links_nothing() -> None:
    lone = {"agent": {"id": "000", "name": "siem"}, "data": {"dstuser": "root"}}
    other = {"rule": {"level": 10, "description": "x"}}
    items = [{**wazuh_alert(), **lone}, {**wazuh_alert(minutes=1), **lone, **other}]
    first, second = correlated(*items, format="wazuh")
    assert first != second


def test_a_program_of_the_system_links_nothing() -> None:
    shell = process("x", name="powershell.exe", verdict="malicious")
    first, second = pair(shell)
    assert first != second


def test_private_addresses_count_within_one_source_only() -> None:
    here = correlated(graph_alert(ip("10.0.0.9"), **different(1)), source="berlin")[0]
    near = correlated(graph_alert(ip("10.0.0.9"), minutes=1, **different(2)), source="berlin")[0]
    away = correlated(graph_alert(ip("10.0.0.9"), minutes=1, **different(3)), source="paris")[0]
    assert here == near != away


def test_exercises_and_real_alerts_never_mix() -> None:
    real = correlated(graph_alert(device(), **different(1)))[0]
    drill = correlated(graph_alert(device(), minutes=1, **different(2)), exercise="drill")[0]
    assert real != drill
    assert drill.exercise == "drill"


def test_a_resolved_incident_is_not_reopened(ada: User) -> None:
    old = correlated(graph_alert(device(), **different(1)))[0]
    update_incident(old, changes={"status": "resolved"}, actor=ada.actor)
    new = correlated(graph_alert(device(), minutes=1, **different(2)))[0]
    old.refresh_from_db()
    assert new != old
    assert old.status == "resolved"


def test_a_restricted_incident_is_joined_by_nothing(ada: User, rita: User) -> None:
    secret = correlated(graph_alert(device(), **different(1)))[0]
    restrict_incident(secret, people=[rita], actor=ada.actor, reason="insider case")
    assert correlated(graph_alert(device(), minutes=1, **different(2)))[0] != secret


def test_a_new_alert_gets_the_owner_of_its_incident(ada: User) -> None:
    incident = correlated(graph_alert(device(), **different(1)))[0]
    update_incident(incident, changes={"assigned_to": ada}, actor=ada.actor)
    correlated(graph_alert(device(), minutes=1, **different(2)))
    assert set(incident.alerts.values_list("assigned_to", flat=True)) == {ada.pk}


def test_history_tells_of_each_alert_that_joined() -> None:
    with clock.at(NINE + timedelta(hours=1)):
        incident = pair(device())[0]
    told = list(AuditEvent.objects.filter(thread=incident.thread).order_by("id").values_list("verb", "reason"))
    why = "Same device: fin-ws-014, 10 min apart (09:00 and 09:10 UTC on 3 Nov); no other incident within 2 d has it"
    assert told == [("incident.created", ""), ("incident.alert_joined", why)]


def test_a_reason_says_how_many_other_incidents_share_it(ada: User) -> None:
    for n in range(2):
        resolved = correlated(graph_alert(device(), minutes=n, **different(n)))[0]
        update_incident(resolved, changes={"status": "resolved"}, actor=ada.actor)
    pair(device())
    told = CorrelationLink.objects.latest("pk").evidence
    assert told.endswith("; 2 other incidents within 2 d have it")


def test_a_reason_tells_the_days_when_they_differ() -> None:
    with clock.at(NINE + timedelta(days=400)):
        pair(device(), minutes=16 * 60)
    assert "16 h apart (09:00 on 3 Nov 2026 and 01:00 on 4 Nov 2026, UTC)" in CorrelationLink.objects.get().evidence


def test_a_reason_tells_seconds_within_a_minute() -> None:
    pair(device(), minutes=0.5)
    assert ", 30 s apart (09:00:00 and 09:00:30 UTC on 3 Nov" in CorrelationLink.objects.get().evidence


def lasting(minutes: float, length: float, n: int) -> dict[str, Any]:
    begin = NINE + timedelta(minutes=minutes)
    return {
        **graph_alert(device(), at=begin, **different(n)),
        "lastActivityDateTime": stamp(begin + timedelta(minutes=length)),
    }


@pytest.mark.parametrize(
    ("second", "told"),
    [
        ((30, 5), "10 min apart (09:20 and 09:30 UTC on 3 Nov"),
        ((10, 5), "at overlapping times (09:00 and 09:10 UTC on 3 Nov"),
        ((0, 1), "at the same time (09:00:00 UTC on 3 Nov"),
        ((20 + 0.2 / 60, 1), "within a second (09:20:00 UTC on 3 Nov"),
    ],
)
def test_a_reason_tells_the_times_that_lie_next_to_each_other(second: tuple[float, float], told: str) -> None:
    correlated(lasting(0, 20, 1), lasting(*second, 2))
    assert f"Same device: fin-ws-014, {told}" in CorrelationLink.objects.get().evidence


def test_lateral_movement_is_named_as_such() -> None:
    first = graph_alert(device("a"), user(), **different(1))
    correlated(first, graph_alert(device("b"), user(), minutes=9, category="LateralMovement", **different(2)))
    assert CorrelationLink.objects.get().reason == "lateralMovementPath"


def test_one_alert_may_have_several_reasons() -> None:
    pair(device(), user(), file(MALWARE))
    assert list(CorrelationLink.objects.order_by("id").values_list("rule", flat=True)) == ["file", "device", "account"]


def test_an_alert_that_changes_rolls_its_incident_up_again() -> None:
    item = graph_alert(device(), severity="low")
    incident = correlated(item)[0]
    take_in({**item, "severity": "high", "title": "Worse"})
    correlate_waiting()
    incident.refresh_from_db()
    assert (incident.severity, incident.display_name) == ("high", "Worse on fin-ws-014")
    assert Incident.objects.count() == 1


def test_what_people_set_is_not_rolled_over(ada: User) -> None:
    incident = correlated(graph_alert(device(), **different(1)))[0]
    update_incident(incident, changes={"display_name": "Mine", "severity": "low"}, actor=ada.actor)
    correlated(graph_alert(device(), minutes=1, severity="high", **different(2)))
    incident.refresh_from_db()
    assert (incident.display_name, incident.severity, incident.alert_counts["total"]) == ("Mine", "low", 2)


def test_scope_follows_the_devices_of_all_alerts() -> None:
    incident = pair(user())[0]
    assert incident.open_to_all
    other = pair(device("z"))[0]
    assert (other.open_to_all, other.device_group_ids) == (False, Alert.objects.last().device_group_ids)  # type: ignore[union-attr]


def test_risk_of_what_is_named_rises_and_falls_with_its_alerts(ada: User) -> None:
    incident = correlated(graph_alert(user(), severity="high"))[0]
    assert Identity.objects.get().risk_level == "high"
    update_incident(incident, changes={"status": "resolved"}, actor=ada.actor)
    assert Identity.objects.get().risk_level == "none"


def test_all_alerts_of_a_batch_are_taken_however_many() -> None:
    receipt = take_in(*(graph_alert(device(f"m{n}"), **different(n)) for n in range(30)))
    assert correlate_waiting(batch=7).alerts == 30
    assert len(set(incidents_of(receipt))) == 30


def test_a_burst_on_one_machine_is_one_incident_however_it_is_cut() -> None:
    take_in(*(graph_alert(device(), minutes=n / 100, title="Failed sign-in", detectorId="f") for n in range(900)))
    assert correlate_waiting(batch=100).alerts == 900
    assert Incident.objects.count() == 1


def test_a_past_that_arrives_later_does_not_hide_the_present() -> None:
    now = correlated(graph_alert(device(), title="Failed sign-in", detectorId="f", severity="low"))[0]
    days = 10 * 24 * 60
    past = [graph_alert(device(), minutes=n - days, title="Failed sign-in", detectorId="f") for n in range(130)]
    assert now not in correlated(*past)
    again = graph_alert(device(), minutes=9, title="Failed sign-in", detectorId="f", severity="low")
    assert correlated(again)[0] == now


def test_the_lag_is_the_wait_of_the_oldest() -> None:
    take_in(graph_alert())
    waiting = Alert.objects.get()
    assert Alert.objects.lag(waiting.updated + timedelta(seconds=42)) == timedelta(seconds=42)
    correlate_waiting()
    lag = Alert.objects.lag(NINE)
    assert lag is not None
    assert lag < timedelta(seconds=30)
