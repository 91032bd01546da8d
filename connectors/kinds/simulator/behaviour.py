"""How a simulated target answers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Seconds count from the arrival of an order; the counters are used up one by one."""

    start_after_s: float = 0.3
    finish_after_s: float = 1.0
    offline: bool = False
    refuses: str = ""
    half_fails: bool = False
    lies: bool = False
    hangs: bool = False
    unavailable: int = 0
    loses_answers: int = 0
    unobservable: bool = False

    @classmethod
    def of(cls, settings: Mapping[str, Any], own: Mapping[str, Any]) -> "Behaviour":
        """The connection's delays, overridden by what the target says of itself."""
        delays = {name: float(settings[name]) for name in ("start_after_s", "finish_after_s") if settings.get(name)}
        return cls(**{**delays, **checked(own)})

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def checked(words: Mapping[str, Any]) -> dict[str, Any]:
    """The words; raises `LookupError` for one that does not exist."""
    known = {field.name for field in fields(Behaviour)}
    unknown = sorted(set(words) - known)
    if unknown:
        raise LookupError(f"A simulated target does not know the behaviour {unknown[0]!r}.")
    return dict(words)
