import pytest

from incidents.models import Alert, Device, Identity
from tests.factories.wire import (
    SHA256,
    device,
    file,
    graph_alert,
    ip,
    message,
    process,
    stored,
    take_in,
    user,
)

pytestmark = pytest.mark.django_db


def evidence_of(alert: Alert) -> dict[str, str]:
    return dict(alert.evidence.values_list("type", "display"))


def test_fields_of_a_graph_alert_find_their_columns() -> None:
    alert = stored(graph_alert(
        user(), title="Token theft", severity="high", mitreTechniques=["T1528"], categories=["CredentialAccess"],
        incidentId="924565", detectorId="d-1", threatDisplayName="Nobelium", productName="Defender XDR",
    ))[0]  # fmt: skip
    assert (alert.title, alert.severity, alert.categories) == ("Token theft", "high", ["CredentialAccess"])
    assert (alert.mitre_techniques, alert.provider_incident_id, alert.detector_id) == (["T1528"], "924565", "d-1")
    assert (alert.threat_display_name, alert.product_name) == ("Nobelium", "Defender XDR")


def test_what_has_no_column_is_kept() -> None:
    alert = stored(graph_alert(alertWebUrl="https://portal.example/1", customDetails={"ticket": "42"}))[0]
    assert alert.additional_data == {"alertWebUrl": "https://portal.example/1", "customDetails": {"ticket": "42"}}


def test_typed_evidence_becomes_entities_and_displays() -> None:
    alert = stored(graph_alert(device(), user(), file(), ip(), message()))[0]
    assert evidence_of(alert) == {
        "device": "fin-ws-014", "user": "m.okafor@corp.example", "file": "updater.exe", "ip": "203.0.113.77",
        "analyzedMessage": "Invoice",
    }  # fmt: skip
    seen = alert.evidence.get(type="file")
    assert seen.file is not None
    assert seen.file.sha256 == SHA256
    assert seen.device is not None, "the only device of the alert holds the file"


def test_a_process_names_the_device_of_its_id() -> None:
    command = process("cmd /c whoami", mdeDeviceId="id-hr-ws-007")
    alert = stored(graph_alert(device(), device("hr-ws-007"), command))[0]
    seen = alert.evidence.get(type="process")
    assert seen.device is not None
    assert seen.device.key == "hr-ws-007.corp.example"


def test_an_unknown_evidence_type_is_kept_as_type_and_json() -> None:
    unknown = {"@odata.type": "#microsoft.graph.security.quantumDeviceEvidence", "displayName": "Q1", "qubits": 7}
    seen = stored(graph_alert(unknown))[0].evidence.get()
    assert (seen.type, seen.display, seen.data) == ("quantumDevice", "Q1", {"displayName": "Q1", "qubits": 7})


def test_older_names_of_determinations_are_understood() -> None:
    alert = stored(graph_alert(classification="truePositive", determination="compromisedUser"))[0]
    assert (alert.classification, alert.determination) == ("truePositive", "compromisedAccount")


def test_an_alert_without_an_id_is_rejected_by_name() -> None:
    receipt = take_in(graph_alert(id=""))
    assert receipt.rejected[0]["code"] == "missing_field"
    assert receipt.rejected[0]["field"] == "id"


def test_the_same_account_by_another_name_is_one_identity() -> None:
    by_sid = {"@odata.type": "#microsoft.graph.security.userEvidence",
              "userAccount": {"accountName": "M.Okafor", "domainName": "corp"}}  # fmt: skip
    stored(graph_alert(user()), graph_alert(by_sid))
    assert Identity.objects.get().key == "m.okafor@corp.example"


def test_the_device_of_a_bare_host_name_is_found_when_its_full_name_comes() -> None:
    bare = {"@odata.type": "#microsoft.graph.security.deviceEvidence", "hostName": "FIN-WS-014"}
    stored(graph_alert(bare))
    stored(graph_alert(device()))
    one = Device.objects.get()
    assert one.key == "fin-ws-014.corp.example"
    assert set(one.aliases) == {"fin-ws-014", "mde:id-fin-ws-014"}
