"""Rules of style sheets."""

import re

from tests.house.source_tree import ROOT

# What moves without end repaints a page for as long as it is open: an eighth of a core and more where nothing helps.
WAITING = {"controls.css": "sweep", "panes.css": "pulse"}
_ENDLESS = re.compile(r"animation:\s*(\S+)[^;]*\binfinite\b")


def test_nothing_moves_without_end_but_what_says_that_something_is_awaited() -> None:
    sheets = sorted((ROOT / "static/css").glob("*.css"))
    found = {sheet.name: name for sheet in sheets for name in _ENDLESS.findall(sheet.read_text())}
    assert found == WAITING
