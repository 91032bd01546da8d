"""Making the host what it should be, facet by facet, and telling what it is.

Each facet has a keeper (`soc_agent.registry`). A keeper is asked to reach the wanted value and is asked again whenever
something may have changed it; reaching what holds already changes nothing. What cannot be reached is told as drift and
tried again.
"""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a facet is now: a word, and what was looked at. `reached` is whether it is what is wanted."""

    value: str
    reached: bool
    detail: str
    evidence: Mapping[str, Any]


# Facets whose evidence is what a command left behind; that of the others holds counters.
LEFT_BEHIND = ("files", "scan", "package")


def observed_text(observed: Mapping[str, Any], generation: object) -> str:
    """Names what is worth telling at once: values, not counters."""
    told = {name: (one["value"], one["reached"], one["detail"], one["evidence"] if name in LEFT_BEHIND else None)
            for name, one in observed.items()}  # fmt: skip
    return json.dumps([generation, told], sort_keys=True)


class NotReached(Exception):
    """The facet is not as wanted. `code` is for programs, the message for people; both reach the portal."""

    def __init__(self, code: str, message: str, value: str = "unknown", **evidence: Any) -> None:
        super().__init__(message)
        self.code, self.message, self.value, self.evidence = code, message, value, evidence


class Keeper(Protocol):
    """One facet of the wanted state. Both are called from a thread, one at a time; an empty `wanted` is no wish."""

    facet: str

    def reach(self, wanted: Mapping[str, Any]) -> Seen: ...

    def look(self, wanted: Mapping[str, Any]) -> Seen: ...


class Reconciler:
    """Keeps all facets of the newest wanted state."""

    def __init__(self, keepers: tuple[Keeper, ...], views: Mapping[str, Callable[[], Seen]] | None = None) -> None:
        self._keepers = {keeper.facet: keeper for keeper in keepers}
        self._views = dict(views or {})

    def reconcile(self, facets: Mapping[str, Mapping[str, Any]] | None) -> dict[str, dict[str, Any]]:
        """Reach every facet of the document, and undo those that it no longer names; what each is then. Without any
        document nothing is touched. A facet that nobody here keeps is told as such."""
        found = {}
        for facet, keeper in self._keepers.items():
            wanted = (facets or {}).get(facet, {})
            found[facet] = _asked(facet, keeper.look if facets is None else keeper.reach, wanted)
        for facet in set(facets or {}) - set(found):
            found[facet] = asdict(Seen("unknown", False, "This agent does not keep it.", {"code": "unsupported"}))
        for facet, view in self._views.items():
            found[facet] = _asked(facet, _viewed(view), {})
        return found


def _asked(facet: str, ask: Callable[[Mapping[str, Any]], Seen], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """One facet never costs the others, whatever happens to it."""
    try:
        return asdict(ask(wanted))
    except NotReached as reason:
        logger.warning("%s is not as wanted: %s", facet, reason)
        return asdict(Seen(reason.value, False, reason.message, {**reason.evidence, "code": reason.code}))
    except Exception as error:
        logger.exception("%s could not be kept", facet)
        return asdict(Seen("unknown", False, f"{type(error).__name__}: {error}"[:300], {"code": "failed"}))


def _viewed(view: Callable[[], Seen]) -> Callable[[Mapping[str, Any]], Seen]:
    return lambda _wanted: view()
