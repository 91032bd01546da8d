"""Devices that the story of an incident tells of beside its alerts: what was done for it may lie in other groups."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet

if TYPE_CHECKING:
    from incidents.models import Device

Teller = Callable[["QuerySet[Device, Any]"], "QuerySet[Any, Any]"]
_tellers: dict[str, Teller] = {}


def also_tells_of(key: str, teller: Teller) -> None:
    """Once each, at `ready()` of the room that does the work. `teller` is given the devices that somebody sees, and
    answers the keys of the incidents (`values("incident")`, none of them null) in which it tells of another one."""
    if key in _tellers:
        raise LookupError(f"What {key!r} tells of is known already.")
    _tellers[key] = teller


def beyond(seen: "QuerySet[Device, Any]") -> "list[QuerySet[Any, Any]]":
    """Of each room the incidents in which it tells of a device that is not among `seen`."""
    return [teller(seen) for teller in _tellers.values()]
