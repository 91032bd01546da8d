"""The columns of the Action center's History: which there are, which a person sees, and what a CSV says in each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from accounts.models import User
from remediation.models import ActionRun
from remediation.policy_status import Standing

TABLE, SIZE_TABLE = "actions", "actions.size"
SIZES = (25, 50, 100, 200)
DEFAULT_SIZE = 50
_Cell = Callable[[ActionRun, Standing], Any]


@dataclass(frozen=True, slots=True)
class Column:
    """`sort` names an order of the list, `css` says when the column gives way: `c0` first, `c2` last."""

    key: str
    label: str
    width: int
    cell: _Cell
    css: str = ""
    sort: str = ""


COLUMNS: tuple[Column, ...] = (
    Column("state", "State", 170, lambda run, _: run.status, sort="status"),
    Column("policy", "In force", 118, lambda _, now: f"{now.status.label}{', drift' if now.drifts else ''}", "c1"),
    Column("decision", "Decision", 210, lambda run, _: run.decision, "c1"),
    Column("last", "Last", 122, lambda run, _: run.ended or run.decided_at or run.created, "num", "ended"),
    Column("requested", "Requested", 122, lambda run, _: run.created, "num c1", "requested"),
    Column("requested_by", "Requested by", 140, lambda run, _: run.requester.name, "c0"),
    Column("decided_by", "Decided by", 140, lambda run, _: run.decider.name if run.decider else "", "c0"),
    Column("decided", "Decided", 122, lambda run, _: run.decided_at, "num c0", "decided"),
    Column("ended", "Ended", 122, lambda run, _: run.ended, "num c0", "ended"),
    Column("target_kind", "Kind of target", 120, lambda run, _: run.target_kind, "c0"),
    Column("target", "Target", 160, lambda run, _: run.target_name, "c0", "target"),
    Column("incident", "Incident", 110, lambda run, _: run.incident.number if run.incident else "", "c0"),
    Column("source", "Source", 150, lambda run, _: run.source, "c0"),
    Column("verified", "Verified by", 200, lambda run, _: run.verification.get("method", ""), "c0"),
    Column("undoes", "Undoes", 100, lambda run, _: f"RUN-{run.undoes_id}" if run.undoes_id else "", "c0"),
    Column("connection", "Connection", 150, lambda run, _: run.connection.name if run.connection else "", "c0"),
    Column("detail", "Outcome in words", 220, lambda run, _: run.status_detail, "c0"),
    Column("comment", "Reason", 220, lambda run, _: run.comment, "c0"),
)
BY_KEY = {column.key: column for column in COLUMNS}
DEFAULT = ("state", "policy", "decision", "last")
# Room beside the name; more columns than this make the table wider than the window instead of the name narrower.
ROOM = 700


def columns_of(user: User) -> list[Column]:
    """What this person sees, in their order."""
    chosen = [BY_KEY[key] for key in user.tables.get(TABLE, DEFAULT) if key in BY_KEY]
    return chosen or [BY_KEY[key] for key in DEFAULT]


def offered_to(user: User) -> list[tuple[Column, bool]]:
    """Every column with whether it is shown: first those shown, in their order."""
    shown = columns_of(user)
    return [(column, True) for column in shown] + [(column, False) for column in COLUMNS if column not in shown]


def size_of(user: User) -> int:
    """How many rows a page shows this person."""
    kept = next(iter(user.tables.get(SIZE_TABLE, [])), "")
    return int(kept) if kept in {str(size) for size in SIZES} else DEFAULT_SIZE


def name_width(columns: list[Column]) -> int | None:
    """None lets the name take what is left."""
    return 300 if sum(column.width for column in columns) > ROOM else None
