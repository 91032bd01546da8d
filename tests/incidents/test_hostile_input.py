"""Whatever comes is bounded, mended and marked, or rejected; it never breaks anything."""

import time
from typing import Any

import orjson
import pytest

from incidents.ingest.normalise import MAX_EVIDENCE
from incidents.ingest.parse import parse_body
from incidents.models import Alert, DeadLetter
from tests.factories.wire import device, graph_alert, ip, stored, take_in

pytestmark = pytest.mark.django_db
MEGABYTES = 1024 * 1024


def codes(alert: Alert) -> set[str]:
    return {mark["code"] for mark in alert.marks}


def from_text(text: str) -> Alert:
    receipt = take_in(*parse_body(text.encode("utf-8", "surrogatepass")))
    assert not receipt.rejected, receipt.rejected
    return Alert.objects.get(pk=int(receipt.alerts[0]["id"]))


@pytest.mark.parametrize("field", ["title", "description", "recommendedActions", "id", "productName", "strange"])
def test_ten_megabytes_of_text_are_cut_and_marked(field: str) -> None:
    alert = stored({**graph_alert(), field: "A" * (10 * MEGABYTES)})[0]
    assert "truncated" in codes(alert)
    assert len(alert.title) <= 500


def test_ten_thousand_evidence_items_are_cut_and_marked_within_seconds() -> None:
    begun = time.perf_counter()
    alert = stored(graph_alert(*(ip(f"10.{n // 62500}.{n // 250 % 250}.{n % 250}") for n in range(10_000))))[0]
    assert alert.evidence.count() == MAX_EVIDENCE
    assert "truncated" in codes(alert)
    assert time.perf_counter() - begun < 10


def test_the_same_thing_named_twice_is_one_evidence() -> None:
    assert stored(graph_alert(*[device()] * 50))[0].evidence.count() == 1


@pytest.mark.parametrize("depth", [30, 500, 5_000, 200_000])
def test_deep_nesting_is_cut_or_kept_as_a_dead_letter(depth: int) -> None:
    whole = orjson.dumps(graph_alert(id="deep")).decode()[:-1] + ',"x":' + "[" * depth + "]" * depth + "}"
    receipt = take_in(*parse_body(f"[{whole},{orjson.dumps(graph_alert(id='sound')).decode()}]".encode()))
    names = {one["provider_alert_id"] for one in receipt.alerts}
    assert "sound" in names
    assert "deep" in names or DeadLetter.objects.count() == 1


def test_nul_is_replaced_and_marked() -> None:
    alert = stored(graph_alert(device("fin\x00-ws"), title="a\x00b"))[0]
    assert alert.title == "a\ufffdb"
    assert "mended" in codes(alert)


def test_lone_surrogates_are_replaced_and_marked() -> None:
    alert = from_text('{"id": "s1", "title": "half \\ud800 of a pair", "severity": "low"}')
    assert alert.title == "half \ufffd of a pair"
    assert "mended" in codes(alert)


@pytest.mark.parametrize("moment", ["0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1601-01-01T00:00:00Z", "tomorrow",
                                    10**30, -5, True, ["now"]])  # fmt: skip
def test_an_impossible_time_falls_back_and_is_marked(moment: Any) -> None:
    alert = stored(graph_alert(firstActivityDateTime=moment, lastActivityDateTime=moment))[0]
    assert alert.first_activity.year == 2026
    assert "out_of_range" in codes(alert)


def test_without_any_time_the_arrival_counts() -> None:
    times = dict.fromkeys(["firstActivityDateTime", "lastActivityDateTime", "createdDateTime"])
    alert = stored({**graph_alert(), **times})[0]
    assert alert.first_activity == alert.created
    assert "missing" in codes(alert)


def test_huge_numbers_and_infinity_are_mended() -> None:
    alert = from_text('{"id": "n1", "title": "n", "x": ' + "9" * 5000 + ', "y": Infinity, "z": NaN, "w": 1e999}')
    assert alert.additional_data.get("y") is None
    assert "mended" in codes(alert)
    assert stored(graph_alert(port=10**40))[0].additional_data["port"] == "1.000000e+40"


def test_a_file_size_beyond_the_column_is_left_out() -> None:
    details = {"fileName": "x", "sha256": "ab" * 31 + "cd", "fileSize": 2**63}
    alert = stored(graph_alert({"@odata.type": "#microsoft.graph.security.fileEvidence", "fileDetails": details}))[0]
    seen = alert.evidence.get().file
    assert seen is not None
    assert seen.size is None


@pytest.mark.parametrize("item", [None, 7, "text", [], True, 1.5])
def test_what_is_no_object_is_rejected(item: object) -> None:
    assert take_in(item).rejected[0]["code"] == "wrong_type"


@pytest.mark.parametrize("wrong", [7, [], {}, None, True, {"a": []}, ["x", 1, None, {}]])
@pytest.mark.parametrize("name", ["evidence", "categories", "title", "severity", "mitreTechniques", "incidentId"])
def test_a_field_of_the_wrong_type_never_breaks_the_alert(name: str, wrong: object) -> None:
    assert not take_in({**graph_alert(), name: wrong}).rejected


def test_the_field_names_of_an_object_are_bounded_too() -> None:
    alert = stored(graph_alert(customDetails={"k" * 5000 + str(n): "v\x00" for n in range(2000)}))[0]
    assert "truncated" in codes(alert)


def test_two_ids_that_differ_only_far_behind_stay_two_alerts() -> None:
    stored(graph_alert(id="x" * 5000 + "1"), graph_alert(id="x" * 5000 + "2"))
    assert Alert.objects.count() == 2
