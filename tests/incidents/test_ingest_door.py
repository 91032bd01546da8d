"""`POST /api/v1/ingest/{format}` and `./soc ingest`."""

import gzip
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from core.models import AuditEvent
from incidents.models import Alert, DeadLetter
from tests.factories.api import Caller, caller
from tests.factories.people import person
from tests.factories.wire import graph_alert, wazuh_alert

pytestmark = pytest.mark.django_db


@pytest.fixture
def sensor(db: None) -> Caller:
    return caller(person("sensor", "ingest"))


def body_of(*items: Any) -> bytes:
    return json.dumps(list(items)).encode()


def test_alerts_are_accepted_with_their_ids(sensor: Caller) -> None:
    answer = sensor.send("/ingest/graph?source=defender", body_of(graph_alert(id="a1"), {"title": "no id"}))
    alert = Alert.objects.get(source="defender")
    assert answer.status == 202
    assert (answer.body["accepted"], answer.body["updated"], answer.body["duplicates"]) == (1, 0, 0)
    assert answer.body["alerts"] == [
        {"index": 0, "id": str(alert.pk), "provider_alert_id": "a1", "incident_id": None, "outcome": "accepted"}
    ]  # fmt: skip
    assert [(one["index"], one["code"]) for one in answer.body["rejected"]] == [(1, "missing_field")]


def test_the_source_is_the_format_when_nobody_says_otherwise(sensor: Caller) -> None:
    sensor.send("/ingest/wazuh", body_of(wazuh_alert()))
    assert Alert.objects.get().source == "wazuh"


def test_a_gzipped_body_is_read(sensor: Caller) -> None:
    assert sensor.send("/ingest/graph", gzip.compress(body_of(graph_alert()))).body["accepted"] == 1


def test_an_unknown_format_is_not_found(sensor: Caller) -> None:
    assert sensor.send("/ingest/syslog", body_of()).status == 404


def test_more_than_a_thousand_alerts_are_too_many(sensor: Caller) -> None:
    assert sensor.send("/ingest/graph", body_of(*[{}] * 1001)).status == 413
    assert not DeadLetter.objects.exists()


def test_more_than_twenty_megabytes_are_too_large(sensor: Caller) -> None:
    assert sensor.send("/ingest/graph", b" " * (20 * 1024 * 1024 + 1)).status == 413
    assert sensor.send("/ingest/graph", b" " * (25 * 1024 * 1024)).status == 413


def test_a_small_body_that_unpacks_to_much_is_too_large(sensor: Caller) -> None:
    assert sensor.send("/ingest/graph", gzip.compress(b" " * (21 * 1024 * 1024))).status == 413


def test_what_is_not_json_is_an_invalid_request(sensor: Caller) -> None:
    answer = sensor.send("/ingest/graph", b"hello")
    assert (answer.status, answer.code) == (400, "invalid_request")


@pytest.mark.parametrize("source", ["", "   ", "x" * 81])
def test_a_source_needs_a_name(sensor: Caller, source: str) -> None:
    answer = sensor.call("POST", "/ingest/graph", raw=body_of(graph_alert()), query={"source": source})
    assert answer.status == 400


def test_only_who_may_ingest_gets_in(ada: User) -> None:
    assert caller(ada).send("/ingest/graph", body_of()).status == 403
    assert caller().send("/ingest/graph", body_of()).status == 401


def test_a_file_is_taken_in_with_a_summary(tmp_path: Path) -> None:
    path, told = tmp_path / "alerts.json", StringIO()
    path.write_text("\n".join(json.dumps(wazuh_alert()) for _ in range(1500)))
    call_command("ingest_file", path, format="wazuh", source="lab", stdout=told)
    assert Alert.objects.filter(source="lab").count() == 1500
    assert told.getvalue() == "1,500 accepted, 0 updated, 0 duplicates, 0 rejected\n"


def test_a_file_with_a_bad_item_fails_but_keeps_the_rest(tmp_path: Path) -> None:
    path, told = tmp_path / "alerts.json", StringIO()
    path.write_bytes(body_of(graph_alert(), {"title": "no id"}))
    with pytest.raises(CommandError) as failure:
        call_command("ingest_file", path, format="graph", stdout=told, stderr=StringIO())
    assert failure.value.returncode == 1
    assert Alert.objects.count() == DeadLetter.objects.count() == 1


def test_what_stood_in_a_broken_gzip_file_is_stored_and_the_break_is_told(tmp_path: Path) -> None:
    path = tmp_path / "alerts.gz"
    path.write_bytes(gzip.compress("\n".join(json.dumps(wazuh_alert()) for _ in range(20)).encode())[:-12])
    with pytest.raises(CommandError, match="ends too early"):
        call_command("ingest_file", path, format="wazuh", stdout=StringIO())
    assert Alert.objects.count() >= 19


def test_a_batch_of_a_packed_file_is_bounded_by_what_was_in_it(tmp_path: Path, settings: Any) -> None:
    settings.INGEST_MAX_BYTES = 50_000
    path = tmp_path / "alerts.gz"
    path.write_bytes(
        gzip.compress(b"\n".join(json.dumps({**wazuh_alert(), "pad": "x" * 20_000}).encode() for _ in range(9)))
    )
    call_command("ingest_file", path, format="wazuh", stdout=StringIO())
    assert Alert.objects.count() == 9
    assert AuditEvent.objects.filter(verb="alerts.accepted").count() == 3
