from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incidents.models import Device, Incident
from incidents.services.roll_up import roll_up
from tests.factories.wire import (
    MALWARE,
    SENSOR,
    correlated,
    device,
    file,
    graph_alert,
    mailbox,
    user,
    wazuh_alert,
)

pytestmark = pytest.mark.django_db


def incident_of(*items: dict[str, Any]) -> Incident:
    """The one incident that the items become."""
    found = set(correlated(*items))
    assert len(found) == 1
    return found.pop()


def ransomware(machines: int, **fields: Any) -> list[dict[str, Any]]:
    return [
        graph_alert(device(f"fin-{n}"), file(MALWARE, verdict="malicious"), user("svc-backup"), minutes=n * 11,
                    title="Files are being encrypted", severity="high", category="Ransomware", **fields)
        for n in range(machines)
    ]  # fmt: skip


def factors(incident: Incident) -> dict[str, tuple[str, int]]:
    return {one["key"]: (one["label"], one["points"]) for one in incident.priority_factors}


def test_one_alert_names_its_incident_with_the_asset() -> None:
    assert incident_of(graph_alert(device(), title="Unsigned driver loaded")).display_name == (
        "Unsigned driver loaded on fin-ws-014"
    )


def test_a_title_that_names_the_asset_is_not_made_longer() -> None:
    assert incident_of(graph_alert(device(), title="Odd file on fin-ws-014")).display_name == "Odd file on fin-ws-014"


def test_an_alert_without_devices_is_named_after_the_account() -> None:
    assert incident_of(graph_alert(user(), title="Odd sign-in")).display_name == "Odd sign-in for m.okafor"


def test_a_title_that_ends_in_devices_takes_their_number() -> None:
    listed = (device(f"m{n}") for n in range(7))
    found = incident_of(graph_alert(*listed, title="One account signed in to many devices"))
    assert found.display_name == "One account signed in to many devices (7)"


def test_a_notice_about_a_critical_asset_is_not_tagged_with_it() -> None:
    notice, alarm = correlated(
        graph_alert(device("dc"), severity="informational"), graph_alert(device("dc"), title="Odd driver", minutes=1)
    )
    Device.objects.update(criticality="high")
    roll_up([notice.pk, alarm.pk], actor=SENSOR)
    assert {one.pk: one.system_tags for one in Incident.objects.all()} == {notice.pk: [], alarm.pk: ["Critical asset"]}


def test_what_names_no_asset_is_named_after_where_it_came_from() -> None:
    sensor = {"id": "000", "name": "sensor"}
    rule = {"level": 8, "description": "Odd request", "id": "7"}
    seen = [wazuh_alert(rule=rule, agent=sensor, data={"srcip": "10.0.0.8", "dstip": f"10.0.1.{n}"}) for n in range(3)]
    assert correlated(*seen, format="wazuh")[0].display_name == "Odd request from 10.0.0.8"


def test_ransomware_is_said_first() -> None:
    incident = incident_of(*ransomware(4))
    assert incident.display_name == "Ransomware spreading on 4 devices"
    assert incident.system_tags == ["Ransomware"]
    assert incident_of(*ransomware(1)).display_name.startswith("Ransomware")


def test_several_stages_from_several_sources_are_an_attack() -> None:
    stages = ["InitialAccess", "Execution", "LateralMovement"]
    for n, stage in enumerate(stages):
        correlated(graph_alert(device(), title=f"T{n}", detectorId=stage, minutes=n, category=stage))
    incident = correlated(wazuh_alert(minutes=4), format="wazuh")[0]
    assert incident.display_name == (
        "Multi-stage attack on fin-ws-014: initial access to lateral movement, reported by 2 sources"
    )
    assert incident.categories == stages


def staged(*steps: tuple[str, str]) -> Incident:
    """Detections on one device, a minute apart, each of a category and a severity."""
    return incident_of(*(
        graph_alert(device(), title=f"T{n}", detectorId=f"{n}", minutes=n, category=category, severity=severity)
        for n, (category, severity) in enumerate(steps)
    ))  # fmt: skip


def test_stages_of_low_alerts_are_no_attack() -> None:
    noise = staged(("InitialAccess", "low"), ("CredentialAccess", "low"), ("Discovery", "low"), ("Impact", "low"))
    assert noise.display_name == "T0 and 3 other detections on fin-ws-014"


def test_one_serious_stage_among_low_ones_is_no_attack() -> None:
    found = staged(("InitialAccess", "low"), ("Execution", "medium"), ("Discovery", "low"))
    assert found.display_name == "T1 and 2 other detections on fin-ws-014"


def test_two_serious_stages_in_order_are_an_attack() -> None:
    found = staged(("InitialAccess", "low"), ("Execution", "medium"), ("LateralMovement", "high"))
    assert found.display_name == "Multi-stage attack on fin-ws-014: execution to lateral movement"


def test_stages_against_the_order_of_an_attack_are_no_attack() -> None:
    found = staged(("Impact", "medium"), ("LateralMovement", "medium"), ("InitialAccess", "medium"))
    assert found.display_name == "T0 and 2 other detections on fin-ws-014"


def test_one_detection_that_claims_many_stages_is_named_after_itself() -> None:
    rule = {"level": 10, "description": "Odd sign-in", "id": "1",
            "mitre": {"id": ["T1078"], "tactic": ["Initial Access", "Persistence", "Defense Evasion"]}}  # fmt: skip
    assert correlated(wazuh_alert(rule=rule), format="wazuh")[0].display_name == "Odd sign-in on FIN-WS-014"


def test_many_changed_files_on_a_backup_server_are_not_called_ransomware() -> None:
    correlated(graph_alert(device("bkp"), title="Mass file changes", category="Ransomware", mitreTechniques=["T1486"]))
    changes = {"level": 8, "description": "Checksums changed", "id": "554",
               "mitre": {"id": ["T1486"], "tactic": ["Impact"]}}  # fmt: skip
    agent = {"id": "9", "name": "bkp", "ip": "10.7.7.7"}
    incident = correlated(wazuh_alert(minutes=3, rule=changes, agent=agent), format="wazuh")[0]
    assert incident.display_name == "Mass file changes and 1 other detection on bkp"
    assert incident.system_tags == []


def test_encryption_that_something_led_to_is_ransomware_also_at_medium() -> None:
    found = staged(("LateralMovement", "medium"), ("Ransomware", "medium"))
    assert found.display_name == "Ransomware on fin-ws-014"


def test_a_changed_mailbox_is_a_takeover() -> None:
    rule = {"@odata.type": "#microsoft.graph.security.mailboxConfigurationEvidence", "displayName": "rss",
            "configurationType": "userInboxRule", "mailboxPrimaryAddress": "ap@corp.example"}  # fmt: skip
    incident = incident_of(
        graph_alert(mailbox("ap@corp.example"), title="Odd sign-in", category="InitialAccess"),
        graph_alert(rule, title="Inbox rule made", category="Persistence", minutes=3),
    )
    assert incident.display_name == "Mailbox takeover of M. Okafor"
    assert incident.system_tags == ["BEC fraud"]


def test_a_spreading_ransomware_on_an_important_server_is_at_the_top_and_says_why() -> None:
    for source in ("one", "two", "three"):
        incident = correlated(*ransomware(4, detectorId=source), source=source)[0]
    Device.objects.filter(display_name="fin-0").update(criticality="veryHigh")
    roll_up([incident.pk], actor=SENSOR)
    incident.refresh_from_db()
    assert incident.priority_score is not None
    assert incident.priority_score > 85
    assert factors(incident)["spread"] == ("Spreading: 4 hosts in 33 min", 15)
    assert factors(incident)["sources"] == ("3 sources agree", 6)
    assert factors(incident)["assets"][0] == "Very high criticality: fin-0"


def test_what_was_stopped_is_less_urgent() -> None:
    running = incident_of(graph_alert(file(verdict="malicious", remediationStatus="active")))
    stopped = incident_of(graph_alert(file("cd" * 32, verdict="malicious", remediationStatus="prevented")))
    assert running.priority_score is not None
    assert stopped.priority_score is not None
    assert stopped.priority_score < running.priority_score
    assert factors(stopped)["stopped"][1] < 0


@pytest.mark.parametrize(
    ("severity", "low", "high"), [("informational", 0, 14), ("low", 5, 14), ("medium", 15, 60), ("high", 40, 85)]
)
def test_a_single_alert_lands_in_the_band_of_its_severity(severity: str, low: int, high: int) -> None:
    score = incident_of(graph_alert(device(), severity=severity)).priority_score
    assert score is not None
    assert low <= score <= high


SEVERITIES = ["informational", "low", "medium", "high", "unknown"]
CATEGORIES = ["Ransomware", "Malware", "LateralMovement", "Execution", "Exfiltration", "Nonsense"]


ONE_ALERT = st.tuples(st.sampled_from(SEVERITIES), st.sampled_from(CATEGORIES), st.integers(0, 3))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ONE_ALERT, min_size=1, max_size=6))
def test_the_factors_always_add_up_to_the_score(shapes: list[tuple[str, str, int]]) -> None:
    found = correlated(*(
        graph_alert(device(f"m{n}"), file(MALWARE, verdict="malicious"), severity=severity, category=category)
        for severity, category, n in shapes
    ))  # fmt: skip
    for incident in Incident.objects.filter(pk__in=[one.pk for one in found]):
        total = sum(one["points"] for one in incident.priority_factors)
        assert incident.priority_score == total
        assert 0 <= total <= 100


def test_an_incident_sums_up_its_assets_and_counts() -> None:
    incident = incident_of(*ransomware(3))
    assert incident.alert_counts == {
        "total": 3, "active": 3, "high": 3, "medium": 0, "low": 0, "informational": 0, "unknown": 0,
    }  # fmt: skip
    assert {name: incident.impacted_assets[name] for name in ("devices", "identities", "files", "total")} == {
        "devices": 3, "identities": 1, "files": 1, "total": 4,
    }  # fmt: skip
    assert [one["name"] for one in incident.impacted_assets["names"]] == ["fin-0", "fin-1", "fin-2", "svc-backup"]


def test_rolling_up_again_changes_nothing_but_the_time() -> None:
    incident = incident_of(*ransomware(2))
    before: dict[str, Any] = dict(Incident.objects.values().get(pk=incident.pk))
    roll_up([incident.pk], actor=SENSOR)
    after: dict[str, Any] = dict(Incident.objects.values().get(pk=incident.pk))
    assert {name for name in before if before[name] != after[name]} <= {"updated"}
