"""A page names a slot, a later room fills it."""

from typing import Any

import pytest
from django.http import HttpRequest

from core import slots
from core.slots import Filling


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "_filled", {})


def says(word: str) -> Any:
    return lambda _request, subject: {"word": f"{word} {subject}"}


def test_entries_come_in_their_order_with_key_and_template(rf: Any) -> None:
    slots.fill("page.tabs", Filling("late", says("late"), order=200))
    slots.fill("page.tabs", Filling("early", says("early"), template="early.html", order=10))
    found = slots.entries("page.tabs", rf.get("/"), 7)
    assert found == [
        {"key": "early", "template": "early.html", "word": "early 7"},
        {"key": "late", "template": "", "word": "late 7"},
    ]


def test_an_entry_can_leave_itself_out(rf: Any) -> None:
    slots.fill("page.tabs", Filling("shy", lambda _request, _subject: None))
    assert slots.entries("page.tabs", rf.get("/"), None) == []


def test_a_slot_that_nobody_fills_is_empty() -> None:
    assert slots.entries("page.nothing", HttpRequest(), None) == []


def test_filling_a_key_twice_is_a_mistake_in_the_code() -> None:
    slots.fill("page.tabs", Filling("one", says("one")))
    with pytest.raises(LookupError, match="already has"):
        slots.fill("page.tabs", Filling("one", says("two")))
