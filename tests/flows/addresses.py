"""Every address that a browser can open, read from the URL map, so that no page can be forgotten."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse

# The API has its own tests; its pages come from its framework.
_OUTSIDE = ("api/", "static/")


@dataclass(frozen=True)
class Address:
    """One pattern of the URL map. `name` holds the room, as in `accounts:person`."""

    name: str
    parameters: tuple[str, ...]

    def fill(self, places: Mapping[str, Any]) -> str:
        """The path, each parameter looked up as `room:name.parameter`, `room.parameter`, then `parameter`.

        `room:name?` is its query.
        Raises `LookupError` for a parameter that nobody has given a place.
        """
        room = self.name.partition(":")[0]
        chosen = {}
        for parameter in self.parameters:
            keys = (f"{self.name}.{parameter}", f"{room}.{parameter}", parameter)
            found = next((key for key in keys if key in places), None)
            if found is None:
                raise LookupError(f"tests/flows/stage.py names no {keys[0]}, so this page cannot be looked at")
            chosen[parameter] = places[found]
        return reverse(self.name, kwargs=chosen) + str(places.get(f"{self.name}?", ""))


def addresses() -> list[Address]:
    return sorted(set(_walk(get_resolver(), "", "", ())), key=lambda address: (address.name, address.parameters))


def _walk(resolver: URLResolver, room: str, path: str, above: tuple[str, ...]) -> Iterator[Address]:
    for entry in resolver.url_patterns:
        route = path + str(entry.pattern)
        parameters = (*above, *entry.pattern.converters)
        if route.lstrip("^").startswith(_OUTSIDE):
            continue
        if isinstance(entry, URLPattern):
            yield Address(f"{room}{entry.name}", parameters)
        else:
            yield from _walk(entry, f"{room}{entry.namespace}:" if entry.namespace else room, route, parameters)
