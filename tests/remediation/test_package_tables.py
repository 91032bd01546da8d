"""A part of an investigation package is read as tables; whatever shape a device gives it, the page stands."""

import json
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import pytest
from django.template.loader import render_to_string

from remediation.package_tables import MOST_CELLS, MOST_LONG, MOST_ROWS, tables_of

NAME = "processes.jsonl"
PROCESS = {
    "cmdline": ["/bin/evil", "--quiet"], "pid": 4711, "create_time": 1_700_000_000.5, "cwd": None, "size": 2_048,
    "sha256": "a" * 64, "deleted": True,
}  # fmt: skip


def lines(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def page(name: str, text: str) -> str:
    words = {"tables": tables_of(name, text), "shown": text, "form": {"cleaned_data": {"part": name}}}
    return render_to_string("remediation/package_part.html", words)


def test_rows_become_a_table_with_times_and_sizes_that_people_read() -> None:
    (table,) = tables_of(NAME, lines(PROCESS, {"pid": 1}))
    assert list(table.columns) == ["PID", "Started", "Command line", "SHA-256", "Size", "Deleted"]
    by_name = dict(zip(table.columns, table.rows[0], strict=True))
    assert by_name["Started"].value == datetime.fromtimestamp(1_700_000_000.5, UTC)
    assert (by_name["Size"].kind, by_name["Deleted"].value) == ("size", "Yes")
    assert by_name["Command line"].value == "/bin/evil --quiet"
    assert "<time " in page(NAME, lines(PROCESS))
    assert "2.0\xa0KB" in page(NAME, lines(PROCESS))


def test_what_programs_said_stands_under_their_names() -> None:
    said, missing = tables_of("network.jsonl", lines(
        {"command": "ip address", "code": 1, "output": "lo\neth0", "errors": "no right"},
        {"command": "nft list ruleset", "error": "not installed"},
    ))  # fmt: skip
    assert (said.title, said.said, said.note) == ("ip address", "lo\neth0", "Exit code 1. no right")
    assert (missing.said, missing.note) == ("", "not installed")


def test_one_thing_with_lists_becomes_facts_and_tables() -> None:
    thing = {"made": 1_700_000_000, "system": {"os": "Debian", "memory_bytes": 1_024}, "users": [{"name": "root"}]}
    facts, system, users = tables_of("manifest.json", json.dumps(thing))
    assert facts.facts[0][1].kind == "time"
    assert [label for label, _ in system.facts] == ["System", "Memory"]
    assert (users.title, users.rows[0][0].value) == ("Users", "root")


def test_a_file_of_commas_is_a_table_and_text_is_only_raw() -> None:
    (table,) = tables_of("Processes/processes.csv", "name,pid\nsvchost.exe,944\n")
    assert [cell.value for cell in table.rows[0]] == ["svchost.exe", "944"]
    assert tables_of("Autoruns/Run.txt", "x") == []
    assert "<details open>" in page("Autoruns/Run.txt", "x"), "what is no table is shown at once"


HOSTILE = {
    "no-json": "not json\n{\n", "no-thing": lines(1, None, [1], "x"), "deep": "[" * 100_000, "empty": "",
    "deep-value": lines({"a": [[[{"b": [1]}]]], "c": {"d": {"e": {}}}}), "no-key": lines({"": 1}),
    "times": lines({"create_time": 1e300, "modified": -1, "made": True, "size": -5, "bytes": 2**70}),
    "not-a-number": '{"create_time": NaN, "size": Infinity}\n', "large": '{"pid": ' + "9" * 5_000 + "}\n",
    "said": lines({"command": {"a": 1}, "output": 5, "errors": [1], "code": {}}),
    "nothing-in-it": lines({}, {}),
}  # fmt: skip


@pytest.mark.parametrize("name", ["x.jsonl", "x.json", "x.csv", "x"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_any_shape_is_shown(name: str, text: str) -> None:
    assert "<details" in page(name, text)


def test_what_a_device_writes_is_never_markup() -> None:
    bad = "<script>alert(1)</script>"
    told = [{bad: bad, "path": bad, "content": bad}, {"command": bad, "output": bad}]
    for row in told:
        assert "<script>" not in page("x.jsonl", lines(row))
    assert "<script>" not in page("x.json", json.dumps({bad: {bad: bad}, "b": [{bad: bad}]}))
    assert "‹U+202E›" in page("x.jsonl", lines({"path": "exe\u202efdp"}))


def test_it_is_bounded() -> None:
    (table,) = tables_of(NAME, lines(*({"pid": number} for number in range(MOST_ROWS + 5))))
    assert (len(table.rows), table.left_out) == (MOST_ROWS, 5)
    wide = {f"column {number}": "x" for number in range(100)}
    (table,) = tables_of(NAME, lines(*[wide] * 1_000))
    assert len(table.rows) * len(table.columns) <= MOST_CELLS
    (table,) = tables_of(NAME, lines({"path": "x" * 50_000, "content": "y" * 50_000}))
    assert [len(cell.value) for cell in table.rows[0]] == [400, MOST_LONG]


def test_a_file_of_commas_with_very_many_columns_and_rows_stays_small() -> None:
    text = ",".join(f"c{number}" for number in range(3_000)) + "\n" + "x\n" * 3_000
    tracemalloc.start()
    try:
        (table,) = tables_of("a.csv", text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (list(table.columns), len(table.rows), table.left_out) == (["C0"], MOST_ROWS, 3_000 - MOST_ROWS)
    assert peak < 20 * 2**20
