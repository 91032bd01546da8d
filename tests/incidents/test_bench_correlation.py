"""The measurement of correlation: what it reads, what it prints, what it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from incidents.bench.pairs import Label, agreement, quality
from tests.factories.wire import device, graph_alert, wazuh_alert

pytestmark = pytest.mark.django_db


def line(alert: dict[str, Any], attack: str | None = None, *, format_key: str = "graph") -> str:
    return json.dumps({"format": format_key, "attack_id": attack, "phase": attack and "entry", "alert": alert})


def bench(tmp_path: Path, *lines: str, **options: Any) -> dict[str, Any]:
    file, out = tmp_path / "set.jsonl", tmp_path / "out.json"
    file.write_text("\n".join(lines))
    with out.open("w") as stdout:
        call_command("bench", "correlation", str(file), stdout=stdout, **options)
    figures: dict[str, Any] = json.loads(out.read_text())
    return figures


def test_figures_and_assignments_of_a_small_set(tmp_path: Path) -> None:
    nameless = wazuh_alert()
    del nameless["id"]
    assignments = tmp_path / "assignments.json"
    figures = bench(
        tmp_path,
        line(graph_alert(device("a"), id="one", title="1", detectorId="1"), "x"),
        line(graph_alert(device("a"), id="two", title="2", detectorId="2", minutes=5), "x"),
        line(nameless, format_key="wazuh"),
        assignments=str(assignments),
    )
    assert (figures["alerts"], figures["incidents"], figures["attack_incidents"]) == (3, 2, 1)
    assert (figures["f1"], figures["fp_share"], figures["phases_in_largest"]) == (1.0, 0.0, 1.0)
    found = json.loads(assignments.read_text())
    assert found["one"] == found["two"] != found["line-3"]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("{", "line 2: not JSON"),
        ("[]", "line 2: a line is a JSON object"),
        ('{"alert": {}}', "line 2: has no format"),
        ('{"format": "stix", "alert": {}}', "line 2: There is no format 'stix'"),
        ('{"format": "graph", "alert": 1}', "line 2: has no alert"),
        ('{"format": "graph", "alert": {}, "attack_id": []}', "line 2: attack_id is a text or null"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, bad: str, words: str) -> None:
    with pytest.raises(CommandError, match=words.replace("[", r"\[")):
        bench(tmp_path, line(graph_alert()), bad)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        call_command("bench", "correlation", str(tmp_path / "none"))
    with pytest.raises(CommandError, match="Name the file"):
        call_command("bench", "correlation")


def test_an_alert_that_is_refused_is_counted_with_its_line(tmp_path: Path) -> None:
    figures = bench(tmp_path, line(graph_alert()), line({"id": "1"}, format_key="wazuh"))
    assert figures["refused"] == 1
    assert figures["refused_lines"][0].startswith("line 2: ")


def test_pairs_are_counted_as_they_are_defined() -> None:
    labels = {1: Label("x", "a"), 2: Label("x", "b"), 3: Label("x", "b"), 4: Label(), 5: Label()}
    figures = quality(labels, {1: 10, 2: 10, 3: 11, 4: 10, 5: 12})
    assert (figures["precision"], figures["recall"], figures["fp_share"]) == (0.3333, 0.3333, 0.25)
    assert (figures["phases_in_largest"], figures["attack_incidents"]) == (1.0, 2)


def test_agreement_is_of_the_pairs_that_are_together() -> None:
    one = {"a": 1, "b": 1, "c": 2}
    assert agreement(one, {"a": 7, "b": 7, "c": 8}) == 1.0
    assert agreement(one, {"a": 7, "b": 8, "c": 8}) == 0.0
