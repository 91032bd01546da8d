"""The columns of the incident queue: which there are, and which a person sees in which order."""

from collections.abc import Sequence
from dataclasses import dataclass

from accounts.models import User

TABLE = "incidents"


@dataclass(frozen=True, slots=True)
class Column:
    """`sort` names an order of the queue. `css` says when the column gives way: `c0` first, `c2` last."""

    key: str
    label: str
    width: int
    css: str = ""
    sort: str = ""


COLUMNS: tuple[Column, ...] = (
    Column("severity", "Severity", 122, "c2", "severity"),
    Column("status", "Status", 112),
    Column("alerts", "Alerts", 70, "num c1"),
    Column("owner", "Owner", 86, "c0"),
    Column("last", "Last activity", 118, "num", "last"),
    Column("level", "Service level", 142, "c1", "due"),
    Column("first", "First activity", 118, "num c0"),
    Column("created", "Created", 118, "num c0", "created"),
    Column("updated", "Updated", 118, "num c0"),
    Column("categories", "Tactics", 190, "c0"),
    Column("assets", "Assets", 170, "c0"),
    Column("sources", "Sources", 170, "c0"),
    Column("tags", "Tags", 150, "c0"),
    Column("classification", "Classification", 150, "c0"),
)
BY_KEY = {column.key: column for column in COLUMNS}
DEFAULT = ("severity", "status", "level", "alerts", "owner", "last")
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


def name_width(columns: Sequence[Column]) -> int | None:
    """None lets the name take what is left."""
    return 300 if sum(column.width for column in columns) > ROOM else None
