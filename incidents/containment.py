"""What is in force against the spread, as pages show it; the facts are in an entity's `mitigation`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

# Words of a facet that stop the entity from doing harm, with the word for the opposite left out on purpose.
PROTECTIVE = frozenset({"isolated", "contained", "restricted", "disabled", "suspended", "quarantined", "blocked"})


@dataclass(frozen=True, slots=True)
class Containment:
    """`word` such as `isolated`; `since` None when the time is not known."""

    word: str
    since: datetime | None
    by: str


def containment_of(entity: Any) -> Containment | None:
    """The first protective state of an entity, or None when nothing holds it."""
    mitigation: Mapping[str, Any] = getattr(entity, "mitigation", None) or {}
    for facet in mitigation.values():
        word = str(facet.get("state", "")) if isinstance(facet, Mapping) else ""
        if word and facet.get("active", word in PROTECTIVE):
            return Containment(word, _time(facet.get("since")), str(facet.get("by", "")))
    return None


def _time(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value)) if value else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many of the attacked assets are held. `open_names` are those that are not."""

    held: int
    total: int
    noun: str
    open_names: tuple[str, ...]

    @property
    def text(self) -> str:
        return f"{self.held} of {self.total} {self.noun if self.total == 1 else self.noun + 's'} contained"


def coverage(entities: Iterable[Any], noun: str) -> Coverage:
    found = list(entities)
    still_open = [entity.display_name for entity in found if containment_of(entity) is None]
    held = len(found) - len(still_open)
    return Coverage(held, len(found), noun, tuple(still_open))
