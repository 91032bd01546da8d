from typing import Any

import pytest

from incidents.models import Alert
from tests.factories.wire import SHA256, stored, take_in, wazuh_alert

pytestmark = pytest.mark.django_db
MANAGER = {"id": "000", "name": "siem"}


def became(**fields: Any) -> Alert:
    return stored(wazuh_alert(**fields), format="wazuh")[0]


def named(alert: Alert, type_: str) -> list[str]:
    return sorted(alert.evidence.filter(type=type_).values_list("display", flat=True))


@pytest.mark.parametrize(
    ("level", "severity"),
    [(0, "informational"), (3, "informational"), (4, "low"), (7, "medium"), (12, "high"), (16, "high")],
)
def test_severity_comes_from_the_level(level: int, severity: str) -> None:
    assert became(level=level).severity == severity


def test_the_agent_is_the_device() -> None:
    assert named(became(), "device") == ["FIN-WS-014"]


def test_the_managers_own_agent_is_the_sensor_and_no_victim() -> None:
    assert named(became(agent=MANAGER), "device") == []


def test_what_the_manager_read_belongs_to_the_host_that_wrote_it() -> None:
    assert named(became(agent=MANAGER, predecoder={"hostname": "mail"}), "device") == ["mail"]


def test_parties_are_found_in_the_data() -> None:
    data = {"srcip": "198.51.100.9", "dstip": "10.0.0.7:80", "srcuser": "<violet>", "dstuser": "clay"}
    alert = became(data=data)
    assert named(alert, "ip") == ["10.0.0.7", "198.51.100.9"]
    assert named(alert, "user") == ["clay", "violet"]
    assert alert.evidence.get(display="198.51.100.9").roles == ["source"]


def test_two_parties_are_a_connection_the_same_in_both_directions() -> None:
    asked = became(data={"srcip": "198.51.100.9", "dstip": "10.0.0.7:80"}).evidence.get(type="networkConnection")
    answered = became(data={"src_ip": "10.0.0.7", "dest_ip": "198.51.100.9"}).evidence.get(type="networkConnection")
    assert asked.display == "198.51.100.9 to 10.0.0.7:80"
    assert asked.key == answered.key == "connection:10.0.0.7|198.51.100.9"


def test_a_machine_that_speaks_to_itself_is_no_pair() -> None:
    assert became(data={"srcip": "127.0.0.1", "dstip": "127.0.0.1"}).evidence.get(type="networkConnection").key == ""


def test_root_of_one_machine_is_not_root_of_another() -> None:
    alert = became(data={"dstuser": "root"})
    identity = alert.evidence.get(type="user").identity
    assert identity is not None
    assert identity.key == "fin-ws-014\\root"


def test_hashes_of_a_changed_file_make_it_an_entity() -> None:
    alert = became(syscheck={"path": "/etc/passwd", "event": "modified", "sha256_after": SHA256})
    seen = alert.evidence.get(type="file")
    assert (seen.key, seen.roles) == (f"sha256:{SHA256}", ["edited"])


def test_the_title_of_a_network_sensor_carries_its_signature() -> None:
    log = "03/04/2020-13:55:05 [**] [1:2221028:1] SURICATA HTTP Host header invalid [**] [Priority: 3]"
    assert became(full_log=log).title == "Multiple failed logins: SURICATA HTTP Host header invalid"


def test_techniques_come_from_the_rule() -> None:
    rule = {"level": 10, "description": "x", "mitre": {"id": ["T1110"], "tactic": ["Credential Access"]}}
    alert = became(rule=rule)
    assert (alert.mitre_techniques, alert.categories) == (["T1110"], ["CredentialAccess"])


def test_an_item_without_a_rule_is_no_wazuh_alert() -> None:
    assert take_in({"id": "1"}, format="wazuh").rejected[0]["field"] == "rule"
