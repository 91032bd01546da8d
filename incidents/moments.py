"""What happened in an incident, moment by moment, as its review tells it; later rooms add what was done in them."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from incidents.models import Incident

MOST_EACH = 60


@dataclass(frozen=True, slots=True)
class Moment:
    """One line. `kind` is milestone, attacker, us or other; `mark` is a short note beside it, `tone` its colour."""

    at: datetime
    kind: str
    text: str
    detail: str = ""
    mark: str = ""
    tone: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


Teller = Callable[[Incident], Iterable[Moment]]
_tellers: dict[str, Teller] = {}


def moments_from(key: str, teller: Teller) -> None:
    """Once each, at `ready()` of the room that knows them."""
    if key in _tellers:
        raise LookupError(f"The moments of {key!r} are told already.")
    _tellers[key] = teller


def told_moments(incident: Incident) -> list[Moment]:
    """Of each room the first `MOST_EACH`, and how many more there are."""
    found: list[Moment] = []
    for teller in _tellers.values():
        told = sorted(teller(incident), key=lambda moment: moment.at)
        found += told[:MOST_EACH]
        if len(told) > MOST_EACH:
            last, more = told[MOST_EACH - 1], len(told) - MOST_EACH
            found.append(Moment(last.at, "other", f"and {more} more of this kind, see Activities"))
    return found
