"""What a rule looked at, as people read it."""

from collections.abc import Iterable, Mapping
from typing import Any


def looked_at(inputs: Mapping[str, Any]) -> list[tuple[str, str]]:
    """`[("sees groups", "4, 7"), ...]`."""
    return [(str(name).replace("_", " "), _text(value)) for name, value in inputs.items()]


def _text(value: Any) -> str:
    if value is None or value in ([], {}, ""):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_text(one)}" for name, one in value.items())
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(_text(one) for one in value)
    return str(value)
