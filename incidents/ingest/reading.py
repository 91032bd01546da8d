"""Taking typed values out of somebody else's JSON without ever failing on it."""

from collections.abc import Iterable, Mapping
from typing import Any


def text(item: Mapping[str, Any], *names: str) -> str:
    """The first of these fields that holds text or a number, as text."""
    for name in names:
        value = item.get(name)
        if isinstance(value, str):
            if value:
                return value
        elif isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
    return ""


def texts(item: Mapping[str, Any], name: str) -> list[str]:
    """A field that is a list of texts, one text, or missing."""
    value = item.get(name)
    if isinstance(value, str):
        return [value] if value else []
    if isinstance(value, list):
        return [str(entry) for entry in value if isinstance(entry, str | int | float) and entry != ""]
    return []


def mapping(item: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = item.get(name)
    return value if isinstance(value, dict) else {}


def mappings(item: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    value = item.get(name)
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def integer(item: Mapping[str, Any], name: str) -> int | None:
    """A whole number that a bigint column can hold, also when it came as text."""
    value = item.get(name)
    if isinstance(value, bool):
        return None
    try:
        number = int(value) if isinstance(value, int | str) else None
    except ValueError:
        return None
    return number if number is not None and 0 <= number < 2**63 else None


def without(item: Mapping[str, Any], taken: frozenset[str]) -> dict[str, Any]:
    """What no field of ours took, empty values left out."""
    return {name: value for name, value in item.items() if name not in taken and value not in (None, "", [], {})}


def one_of(value: Any, allowed: Iterable[str], default: str) -> str:
    """The allowed word that equals the value whatever its case, else the default."""
    if isinstance(value, str):
        if value in allowed:
            return value
        lowered = value.lower()
        for word in allowed:
            if word.lower() == lowered:
                return word
    return default
