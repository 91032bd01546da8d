"""Making the sightings of one case, minute by minute, and choosing whom it meets."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

from exercises.company import COMPANY, Account, Machine
from exercises.sources.sighting import Address, Sighting, Wire

_PLACES = (("RO", "Iasi"), ("NG", "Lagos"), ("TR", "Izmir"), ("ID", "Medan"), ("UA", "Odesa"), ("MX", "Tijuana"))
AUDIT_LOG = {"decoder": "office365", "groups": "office365", "location": "office365"}


def some_person(rng: Random) -> Account:
    at_hand = [
        one for one in COMPANY.employees if one.machine and not one.is_sensitive and COMPANY.machine_of(one.name).online
    ]
    return rng.choice(at_hand)


def some_workplace(rng: Random) -> Machine:
    return COMPANY.machine_of(some_person(rng).name)


def some_attacker(rng: Random) -> Address:
    return Address(f"198.51.100.{rng.randrange(130, 250)}", *rng.choice(_PLACES))


class Scene:
    """The sightings of one case; minutes count from its start."""

    def __init__(self, start: datetime, key: str) -> None:
        self._start, self._key, self.found = start, key, list[Sighting]()

    def see(
        self, wire: Wire, minute: float, title: str, severity: str, category: str, detector: str, **more: Any
    ) -> None:
        at = self._start + timedelta(minutes=minute)
        key = f"{self._key}:{len(self.found)}"
        self.found.append(Sighting(wire, key, at, title, severity, category, detector, **more))
