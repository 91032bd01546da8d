"""No locked package is older than three years without a written reason."""

import re
from datetime import UTC, date, datetime

from tests.house.source_tree import ROOT

PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^]]*\])?==(\S+)", re.MULTILINE | re.IGNORECASE)
OLDEST_YEARS = 3


def locked() -> set[str]:
    return {
        f"{name.lower()}=={version}"
        for lock in ("runtime.txt", "dev.txt", "node.txt")
        for name, version in PIN.findall((ROOT / "requirements" / lock).read_text())
    }


def released() -> dict[str, tuple[date, str]]:
    """pin -> (day, reason why it is kept although it is old)."""
    lines = (line.split(" ", 2) for line in (ROOT / "requirements" / "released.txt").read_text().splitlines())
    return {pin: (date.fromisoformat(day), " ".join(reason)) for pin, day, *reason in lines}


def test_the_day_of_every_locked_release_is_recorded() -> None:
    assert set(released()) == locked(), "run requirements/record-dates after a change of the locks"


def test_old_releases_have_a_reason() -> None:
    today = datetime.now(UTC).date()
    edge = today.replace(year=today.year - OLDEST_YEARS, day=min(today.day, 28))
    assert [pin for pin, (day, reason) in released().items() if day < edge and len(reason) < 20] == []
