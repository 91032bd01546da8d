"""CSV that a spreadsheet shows and never runs."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from core import exports


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", " =1+1", "=cmd|' /C calc'!A0", "﹦1", "＝1+1"]
)
def test_a_cell_that_would_run_is_made_text(text: str) -> None:
    cell = exports.cell(text)
    assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "＝", "﹦"))
    assert text.lstrip("\t\r") in cell


@pytest.mark.parametrize("value", ["plain", "a=b", "", "7", "x-y", "a; b", "one\n\ntwo", "http://x/?a;b=c"])
def test_an_ordinary_cell_stays_as_it_is(value: str) -> None:
    assert exports.cell(value) == value


@pytest.mark.parametrize(
    "text", ["Mail;=1+1", "Mail; @SUM(A1)", "one\n\n=1+1", "one\r\n-1", "a\t+1", "\ufeff=1", "\u00a0=1", "a;\n =1"]
)
def test_a_cell_that_another_spreadsheet_takes_for_several_runs_nothing(text: str) -> None:
    cells = [one.strip(" \ufeff\u00a0") for one in re.split(r"[;\t\r\n]", exports.cell(text))]
    assert not any(one.startswith(("=", "+", "-", "@")) for one in cells)


def test_what_is_no_text_is_looked_at_as_well() -> None:
    class Named:
        def __str__(self) -> str:
            return "=1+1"

    assert exports.cell(Named()) == "'=1+1"
    assert exports.cell(Decimal("-1.5")) == "-1.5"


def test_numbers_may_be_negative() -> None:
    assert exports.cell(-5) == "-5"


def test_times_are_utc_whatever_their_zone() -> None:
    local = datetime(2026, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert exports.cell(local) == "2026-02-28T23:30:00.000000Z"
    assert exports.cell(datetime(2026, 1, 1, tzinfo=UTC)).endswith("Z")


def test_a_list_of_hostile_words_is_one_harmless_cell() -> None:
    assert exports.cell(["=1", "b"]).startswith("'")


def test_nothing_is_an_empty_cell_and_nul_is_dropped() -> None:
    assert exports.cell(None) == ""
    assert exports.cell("a\x00b") == "ab"


def test_rows_come_back_as_they_went() -> None:
    text = "".join(exports.lines(["a", "b"], [['say "hi"', "two\nlines"], ["c,d", None]]))
    assert list(csv.reader(io.StringIO(text))) == [["a", "b"], ['say "hi"', "two\nlines"], ["c,d", ""]]


def test_a_download_is_named_and_streamed() -> None:
    response = exports.csv_response("people", ["a"], ([n] for n in range(3)))
    assert response["Content-Disposition"] == 'attachment; filename="people.csv"'
    assert response.streaming
