from datetime import UTC, datetime
from typing import Any

import pytest

from core import clock
from incidents.enums import Severity
from incidents.models import Alert, Device
from incidents.services.facts import DeviceFacts
from incidents.services.resolve_entities import resolve_devices
from tests.factories.wire import SHA256, stored, take_in

pytestmark = pytest.mark.django_db
AGENT = "a" * 64
OTHER = "b" * 64


def agent_alert(**fields: Any) -> dict[str, Any]:
    return {
        "id": "1f" * 16, "agent": AGENT, "device": {"id": AGENT, "key": "lab-1.soc-lab.internal", "name": "lab-1"},
        "rule": {"id": "soc-agent.mass-rewrite", "title": "Many files were rewritten", "severity": "high",
                 "attack": ["T1486"], "category": "Ransomware"},
        "at": clock.now().timestamp() - 60, "kind": "file", "description": "Seen below a home.",
        "process": {"pid": 44, "ppid": 40, "path": "/usr/bin/python3.11", "sha256": "c" * 64, "user": "root",
                    "command_line": "python3 /var/tmp/.helpful/encrypt", "started": 1_790_000_000.5,
                    "parent": {"pid": 40, "ppid": 1, "path": "/bin/bash", "sha256": "", "started": 1_790_000_000.0}},
        "file": {"path": "/srv/share/report.txt.locked", "sha256": "d" * 64, "size": 7000},
        "program": {"path": "/var/tmp/.helpful/encrypt", "sha256": SHA256, "size": 900}, **fields,
    }  # fmt: skip


def became(**fields: Any) -> Alert:
    return stored(agent_alert(**fields), format="soc_agent")[0]


def named(alert: Alert, type_: str) -> list[str]:
    return sorted(alert.evidence.filter(type=type_).values_list("display", flat=True))


def rule(**fields: Any) -> dict[str, Any]:
    return {**agent_alert()["rule"], **fields}


@pytest.mark.parametrize("severity", ["informational", "low", "medium", "high"])
def test_severity_is_the_rules(severity: str) -> None:
    assert became(rule=rule(severity=severity)).severity == severity


def test_rule_technique_and_category_are_kept() -> None:
    alert = became()
    assert (alert.title, alert.detector_id) == ("Many files were rewritten", "soc-agent.mass-rewrite")
    assert (alert.mitre_techniques, alert.categories) == (["T1486"], ["Ransomware"])


def test_the_time_is_when_it_happened() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert became(at=at.timestamp()).first_activity == at


def test_the_device_is_the_one_that_the_agent_is_bound_to() -> None:
    facts = DeviceFacts(dns_name="renamed.example.com", ids=(f"soc:{AGENT}",))
    resolve_devices([facts], at=clock.now(), exercise="")
    alert = became()
    assert alert.evidence.get(type="device").device == Device.objects.get()
    assert Device.objects.get().key == "renamed.example.com"


def test_the_same_id_of_two_agents_is_two_alerts() -> None:
    became()
    became(agent=OTHER, device={"id": OTHER, "key": "lab-2", "name": "lab-2"})
    assert Alert.objects.count() == 2


def test_an_alert_that_comes_again_is_the_same() -> None:
    item = agent_alert()
    stored(item, format="soc_agent")
    stored(item, format="soc_agent")
    assert Alert.objects.count() == 1


def test_file_and_program_are_files_and_the_interpreter_is_none() -> None:
    alert = became()
    files = {one.display: one.key for one in alert.evidence.filter(type="file")}
    assert files == {"report.txt.locked": f"sha256:{'d' * 64}", "encrypt": f"sha256:{SHA256}"}
    assert alert.evidence.get(type="process").file is None


def test_a_program_of_its_own_is_an_entity() -> None:
    process = {**agent_alert()["process"], "path": "/tmp/miner", "sha256": SHA256, "command_line": "/tmp/miner -q"}
    seen = became(process=process, program=None, file=None).evidence.get(type="process")
    assert seen.file is not None
    assert seen.file.sha256 == SHA256


def test_a_connection_names_the_other_end() -> None:
    connection = {"remote_address": "198.51.100.7", "remote_port": 443, "protocol": "tcp", "direction": "outbound"}
    alert = became(kind="connection", connection=connection)
    assert named(alert, "ip") == ["198.51.100.7"]
    assert alert.evidence.get(type="ip").roles == ["destination"]


def test_accounts_of_every_machine_are_left_out_and_others_belong_to_theirs() -> None:
    assert named(became(), "user") == []
    alert = became(id="2", process={**agent_alert()["process"], "user": "violet"})
    identity = alert.evidence.get(type="user").identity
    assert identity is not None
    assert identity.key == "lab-1\\violet"


def test_equal_process_ids_of_two_machines_are_two_runs() -> None:
    first = became().evidence.get(type="process").members
    other = became(agent=OTHER, device={"id": OTHER, "key": "lab-2", "name": "lab-2"}).evidence.get(type="process")
    assert len(first) == 2
    assert not set(first) & set(other.members)


def test_an_item_without_a_rule_is_no_alert_of_an_agent() -> None:
    assert take_in({"id": "1"}, format="soc_agent").rejected[0]["field"] == "rule"


HOSTILE = [
    {"at": "1e999"}, {"at": -1}, {"at": 10**30}, {"at": None}, {"process": "x"}, {"process": {"parent": []}},
    {"process": {"pid": {}, "started": [], "command_line": "x" * 100_000, "path": "\x00/\ud800"}},
    {"file": {"path": "<script>alert(1)</script>", "sha256": ["a"], "size": -5}}, {"file": [], "program": 7},
    {"connection": {"remote_address": "not an address", "remote_port": "x"}}, {"device": {"id": "x" * 5000}},
    {"description": "<b>" * 50_000}, {"description": {"a": 1}}, {"extra": {"deep": [[[[1]]]]}},
    {"rule": rule(attack="T1486", category=["Ransomware", 7], severity="<b>")}, {"agent": "x" * 9000},
]  # fmt: skip


@pytest.mark.parametrize("fields", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_values_are_bounded_and_spoil_nothing(fields: dict[str, Any]) -> None:
    receipt = take_in(agent_alert(**fields), agent_alert(id="whole"), format="soc_agent")
    assert receipt.rejected == []
    assert Alert.objects.count() == 2
    for alert in Alert.objects.all():
        assert alert.severity in Severity.values
        assert len(alert.description) <= 32_000


@pytest.mark.parametrize(
    ("severity", "verdict"), [("high", "suspicious"), ("medium", "suspicious"), ("low", "unknown")]
)
def test_what_a_finding_of_weight_is_about_is_suspicious(severity: str, verdict: str) -> None:
    alert = became(rule=rule(severity=severity))
    assert alert.evidence.get(type="process").verdict == verdict
    assert alert.evidence.get(type="file", display="encrypt").verdict == verdict


def test_a_file_that_was_rewritten_is_a_victim_not_a_suspect() -> None:
    victim = became().evidence.get(type="file", display="report.txt.locked")
    assert (victim.verdict, victim.roles) == ("unknown", ["edited"])


def test_the_program_that_was_run_is_known_by_its_role() -> None:
    assert became().evidence.get(type="file", display="encrypt").roles == ["loaded"]
