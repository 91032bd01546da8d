"""What `./soc doctor` says: what it found, what that means and the command that mends it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import IntEnum


class Level(IntEnum):
    """Its number is the exit code that it asks for; a note asks for none."""

    FINE = 0
    WARNING = 1
    ERROR = 2


@dataclass(frozen=True, slots=True)
class Finding:
    level: Level
    about: str
    found: str
    means: str = ""
    mend: str = ""

    def as_json(self) -> dict[str, str]:
        return {**asdict(self), "level": self.level.name.lower()}


Check = Callable[[], Iterable[Finding]]


def fine(about: str, found: str) -> Finding:
    return Finding(Level.FINE, about, found)


def warning(about: str, found: str, means: str, mend: str) -> Finding:
    return Finding(Level.WARNING, about, found, means, mend)


def error(about: str, found: str, means: str, mend: str) -> Finding:
    return Finding(Level.ERROR, about, found, means, mend)


def size(count: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit in {"B", "KB", "MB"} else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TB"


def span(seconds: float) -> str:
    for most, unit in ((90, "s"), (90 * 60, "min"), (48 * 3600, "h")):
        if seconds < most:
            return f"{seconds / {'s': 1, 'min': 60, 'h': 3600}[unit]:.0f} {unit}"
    return f"{seconds / 86_400:.0f} days"


def kept_going(about: str, check: Check) -> Iterator[Finding]:
    """A check that fails is a finding of its own: whoever is in trouble needs the others."""
    try:
        yield from check()
    except Exception as problem:  # noqa: BLE001 - told below
        yield error(
            about,
            f"this could not be checked: {type(problem).__name__}: {str(problem)[:200]}",
            "Something is wrong that nobody foresaw here.",
            "read the logs in the data folder",
        )
