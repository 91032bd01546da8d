"""How an earlier page shows later content: the page names a slot, a later room fills it at `ready()`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

_filled: dict[str, list["Filling"]] = {}


@dataclass(frozen=True, slots=True)
class Filling:
    """One entry of a slot.

    `build(request, subject)` returns the template context of the entry (a dict), or None to leave it out for this
    person or subject. `key` is unique within the slot; `order` sorts.
    """

    key: str
    build: Callable[[HttpRequest, Any], dict[str, Any] | None]
    template: str = ""
    order: int = 100


def fill(slot: str, filling: Filling) -> None:
    entries = _filled.setdefault(slot, [])
    if any(entry.key == filling.key for entry in entries):
        raise LookupError(f"The slot {slot!r} already has an entry {filling.key!r}.")
    entries.append(filling)
    entries.sort(key=lambda entry: (entry.order, entry.key))


def entries(slot: str, request: HttpRequest, subject: Any) -> list[dict[str, Any]]:
    """The contexts of all entries that apply, each with its `key` and `template` added."""
    found = []
    for entry in _filled.get(slot, ()):
        context = entry.build(request, subject)
        if context is not None:
            found.append({"key": entry.key, "template": entry.template, **context})
    return found
