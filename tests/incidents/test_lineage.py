"""Runs of programs: what started what ties alerts, on one device and with no regard to what starts everything there."""

from typing import Any

import pytest

from incidents.correlation.engine import correlate_waiting
from incidents.models import Alert, CorrelationLink, Evidence
from tests.factories.wire import (
    NINE,
    correlated,
    device,
    graph_alert,
    process,
    sentinel_alert,
    stamp,
    stored,
    take_in,
    user,
    wazuh_alert,
)

pytestmark = pytest.mark.django_db
BEGAN = stamp(NINE)
GUID = "{d4be1b3f-0001-0000-aaaa-000000000001}"


def run(number: int, parent: int, starter: str = "powershell.exe", **fields: Any) -> dict[str, Any]:
    """A process with the one that started it, both of that second."""
    return process(
        "", name=f"tool{number}.exe", sha256=f"{number:064x}", processId=number, processCreationDateTime=BEGAN,
        parentProcessId=parent, parentProcessCreationDateTime=BEGAN, parentProcessImageFile={"fileName": starter},
        **fields,
    )  # fmt: skip


def told(host: str, evidence: dict[str, Any], *, minutes: float) -> dict[str, Any]:
    """Each by another detection and of low severity, so that the device alone does not tie them for long."""
    return graph_alert(device(host), evidence, minutes=minutes, title=f"Kind {minutes}", severity="low")


def members(alert: Alert) -> list[str]:
    return list(Evidence.objects.get(alert=alert, type="process").members)


DAY = 24 * 60


def test_what_one_run_started_belongs_together_days_later() -> None:
    one, other = correlated(told("ws-1", run(700, 600), minutes=0), told("ws-1", run(800, 700), minutes=2 * DAY))
    assert one == other
    link = CorrelationLink.objects.get(rule="ancestry")
    assert link.reason == "eventCasualSequence"
    assert link.evidence.startswith("Same process or its descendant: ")


def test_it_is_found_in_an_incident_that_is_there_already() -> None:
    (one,) = correlated(told("ws-1", run(700, 600), minutes=0))
    (other,) = correlated(told("ws-1", run(800, 700), minutes=2 * DAY))
    assert one == other


@pytest.mark.parametrize(
    "later",
    [
        told("ws-2", run(800, 700), minutes=2 * DAY),
        told("ws-1", run(800, 701), minutes=2 * DAY),
        told("ws-1", run(800, 600, "explorer.exe"), minutes=2 * DAY),
        told("ws-1", run(800, 600, ""), minutes=2 * DAY),
    ],
    ids=["another device", "another run", "started by the desktop", "started by nobody knows what"],
)
def test_other_runs_tie_nothing(later: dict[str, Any]) -> None:
    first = told("ws-1", run(700, 600, "explorer.exe"), minutes=0)
    take_in(first, later)
    correlate_waiting()
    assert len(set(Alert.objects.values_list("incident_id", flat=True))) == 2


def test_other_runs_on_the_same_device_must_be_nearer() -> None:
    """As with other people: two deeds that happen at the same place."""
    near = [graph_alert(device("ws-1"), user("ann"), run(700, 600), minutes=0, title="One")]
    far = [graph_alert(device("ws-1"), user("ann"), run(900, 800), minutes=20 * 60, title="Other")]
    one, other = correlated(*near, *far)
    assert one != other


def test_graph_names_runs_by_id_and_second() -> None:
    alert = stored(graph_alert(device(), run(700, 600)))[0]
    assert members(alert) == [f"process:700@{BEGAN[:19]}", f"process:600@{BEGAN[:19]}"]


def test_sentinel_names_them_in_hexadecimal_and_by_reference() -> None:
    host = {"$id": "2", "HostName": "ws-1", "Type": "host"}
    image = {"$id": "3", "Name": "cmd.exe", "Type": "file"}
    parent = {"$id": "4", "ProcessId": "0x258", "CreationTimeUtc": BEGAN, "ImageFile": {"$ref": "3"}, "Type": "process"}
    child = {"$id": "5", "ProcessId": "0x2bc", "CreationTimeUtc": BEGAN, "CommandLine": "whoami /all",
             "ParentProcess": {"$ref": "4"}, "Host": {"$ref": "2"}, "Type": "process"}  # fmt: skip
    alert = stored(sentinel_alert(host, image, parent, child), format="sentinel")[0]
    found = Evidence.objects.get(alert=alert, display="whoami /all")
    assert found.members == [f"process:700@{BEGAN[:19]}", f"process:600@{BEGAN[:19]}"]


def test_wazuh_names_them_by_the_sensors_identifier() -> None:
    event = {"image": r"C:\a.exe", "processGuid": GUID, "parentProcessGuid": GUID.replace("0001-0", "0002-0"),
             "parentImage": r"C:\Windows\System32\cmd.exe"}  # fmt: skip
    alert = stored(wazuh_alert(data={"win": {"eventdata": event}}), format="wazuh")[0]
    assert members(alert) == [f"process:{GUID[1:-1]}", f"process:{GUID[1:-1].replace('0001-0', '0002-0')}"]


@pytest.mark.parametrize(
    "fields",
    [{"processId": "x"}, {"processId": -4}, {"processId": 2**40}, {"processId": None}, {"processId": [1]},
     {"processCreationDateTime": "soon"}, {"processCreationDateTime": 7}],
)  # fmt: skip
def test_what_is_no_run_is_left_out(fields: dict[str, Any]) -> None:
    entry = run(700, 600) | fields
    alert = stored(graph_alert(device(), entry))[0]
    assert members(alert) == [f"process:600@{BEGAN[:19]}"]


def cluster(*messages: str, value: str = "AB12") -> dict[str, Any]:
    return {"@odata.type": "#microsoft.graph.security.mailClusterEvidence", "clusterBy": "Fingerprint",
            "clusterByValue": value, "networkMessageIds": list(messages)}  # fmt: skip


def mail_alert(*evidence: dict[str, Any], minutes: float) -> dict[str, Any]:
    return graph_alert(*evidence, minutes=minutes, title=f"Mail {minutes}")


def test_a_mail_belongs_to_the_cluster_that_lists_it() -> None:
    letter = {"@odata.type": "#microsoft.graph.security.analyzedMessageEvidence", "networkMessageId": "<b@bad.example>",
              "subject": "Invoice", "recipientEmailAddress": "ann@corp.example"}  # fmt: skip
    for order in (1, -1):
        Alert.objects.all().delete()
        items = [mail_alert(cluster("a@bad.example", "b@bad.example"), minutes=0), mail_alert(letter, minutes=DAY)]
        one, other = (correlated(item)[0] for item in items[::order])
        assert one == other


def test_two_alerts_about_one_cluster_are_one_matter() -> None:
    one, other, third = correlated(
        mail_alert(cluster(), minutes=0), mail_alert(cluster(), minutes=3 * DAY),
        mail_alert(cluster(value="CD34"), minutes=DAY),
    )  # fmt: skip
    assert one == other != third


def test_a_way_from_machine_to_machine_has_its_own_reason() -> None:
    moved = graph_alert(device("ws-1"), device("srv-1"), minutes=0, title="Remote service", category="LateralMovement")
    after = graph_alert(device("srv-1"), minutes=200, title="Dump", category="CredentialAccess")
    one, other = correlated(moved, after)
    assert one == other
    assert CorrelationLink.objects.filter(rule="path", reason="lateralMovementPath").exists()
