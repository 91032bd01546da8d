"""The one port between the portal and real systems: what every connector kind answers.

A state action (isolate, disable) is an order for a wanted state; `observe()` tells the truth that decides whether it
succeeded. Times are UTC with zone, durations seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from connectors.enums import DeliveryState
from connectors.receipts import Receipt
from connectors.targets import Target
from core.blobs import Given

DAY_S = 86_400
# The whole of a remote system, for orders that are aimed at no single object there.
TENANT = Target("tenant", "all", "the whole system")
# The order that brings a remote system's list of indicators in line: `set` (entries with `key`, `type`, `value`,
# `action`, `digest`, ...) and `remove` (keys). Its facet is `indicators`; observed with a key it tells the action in
# force (`absent` for none) and the `digest`, without one `evidence["indicators"]` holds every entry by key.
INDICATORS = "indicators.apply"
INDICATORS_AT_ONCE = 500
# What the remote system's devices met of its list, as a facet of `TENANT`: observed with the id of the last hit that is
# known, `evidence["hits"]` holds those after it, oldest first: `id`, `indicator` (its key), `device` (its remote id),
# `at` and `did` (`audited`, `warned`, `blocked`). A system that tells of no hits has no such facet.
INDICATOR_HITS = "indicator_hits"
HITS_AT_ONCE = 200


class Effect(StrEnum):
    STATE = "state"  # a wanted state: repeating it is harmless
    COLLECT = "collect"  # reads something: repeating it costs time only
    ONCE = "once"  # must never be repeated; lost answers end as unknown


class Reversal(StrEnum):
    INVERSE = "inverse"
    TOKEN = "token"  # noqa: S105 - the receipt's token is needed to reverse it
    NONE = "none"


class CancelSupport(StrEnum):
    BEFORE_START = "before_start"
    COOPERATIVE = "cooperative"
    NONE = "none"


class Offline(StrEnum):
    PORTAL_QUEUE = "portal_queue"
    REMOTE_QUEUE = "remote_queue"
    FAIL = "fail"


class CancelAnswer(StrEnum):
    ACCEPTED = "accepted"
    TOO_LATE = "too_late"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: waiting for the target, from handing over to start, from start to end."""

    queue_s: int = 3 * DAY_S
    start_s: int = 3_600
    run_s: int = 3_600


@dataclass(frozen=True, slots=True)
class Capability:
    """One action this connection can carry out, and how."""

    action: str
    target_kinds: frozenset[str]
    arguments_schema: Mapping[str, Any]
    effect: Effect
    reversal: Reversal
    cancel: CancelSupport
    offline: Offline
    verify: bool = True
    artefacts: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    degraded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one connection is and can do now. `simulated` marks everything it does as SIMULATED."""

    kind: str
    version: str
    simulated: bool
    capabilities: tuple[Capability, ...]

    def capability(self, action: str, target_kind: str) -> Capability | None:
        return next(
            (one for one in self.capabilities if one.action == action and target_kind in one.target_kinds), None
        )


@dataclass(frozen=True, slots=True)
class Request:
    """An order. A second request with the same `key` is the same order and has no second effect."""

    key: str
    action: str
    target: Target
    arguments: Mapping[str, Any]
    reason: str = ""
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """What the remote side calls the order. `poll_after_s` is its hint for the first look."""

    id: str
    poll_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class LogLine:
    """`id` is unique within the order, so that a line told twice is kept once."""

    id: str
    at: datetime
    text: str
    level: str = "info"


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file the order produced; `name` is unique within the order. `content` is the bytes, or what keeps them without
    having them all in memory. `proof` is what the remote side signed for it.
    `password` opens it, encrypted for the portal (`core.encryption`, in Base64); empty where it needs none."""

    name: str
    media_type: str
    content: bytes | Given
    proof: Mapping[str, Any] = field(default_factory=dict)
    password: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """Where an order stands. `receipt` comes with the effect; `cursor` is handed back at the next poll. `moving` says
    that something of it is arriving just now, so that it is not late yet."""

    state: DeliveryState
    detail: str = ""
    code: str = ""
    progress: int | None = None
    log: Sequence[LogLine] = ()
    artefacts: Sequence[Artefact] = ()
    result: Mapping[str, Any] = field(default_factory=dict)
    receipt: Receipt | None = None
    cursor: str = ""
    poll_after_s: float | None = None
    moving: bool = False


@dataclass(frozen=True, slots=True)
class ObservedState:
    """The truth about one facet of a target, read now. `known` is false when it could not be told.

    `value` is a facet word (`isolated`, `disabled`, ...), `attributes` narrow it (`isolation_type`, `order`),
    `evidence` is what was looked at, for the probe report.
    """

    facet: str
    known: bool
    value: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    method: str = ""
    detail: str = ""
    at: datetime | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Preflight:
    """What submitting would do, without doing it."""

    current: str = ""
    would_change: bool = True
    blockers: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    reversible: bool = True


@runtime_checkable
class Connector(Protocol):
    """One opened connection. Every call is bounded in time and raises only `connectors.errors.ConnectorError`."""

    def describe(self) -> Manifest: ...

    def check(self) -> str:
        """Ask whether the remote side answers; a line for people. Raises when it does not."""
        ...

    def why_not(self, target: Target, action: str) -> str:
        """Why this very target cannot have the action done to it now (an old kernel, a missing tool), as far as it is
        known without asking it; empty when nothing speaks against it."""
        ...

    def preflight(self, request: Request) -> Preflight: ...

    def submit(self, request: Request) -> Ticket:
        """Hand over an order; the same key again answers the same ticket."""
        ...

    def undo(self, request: Request, receipt: Receipt) -> Ticket:
        """Hand over an order that takes back the one `receipt` tells of; idempotent as `submit`."""
        ...

    def poll(self, ticket: Ticket, cursor: str) -> Report: ...

    def cancel(self, ticket: Ticket) -> CancelAnswer: ...

    def observe(self, target: Target, facet: str, key: str = "") -> ObservedState:
        """Read the truth about a facet; `key` names one object in it (a file, a message, an inbox rule). Of a facet
        that people choose from, an empty key lists all: `evidence["objects"]` is `{"key", "label", "detail",
        "state"}` each, and the value is `listed`."""
        ...
