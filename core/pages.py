"""Pages of a list that a person leafs through: on and back, from the place of a row."""

from dataclasses import dataclass

from django.db.models import Model, QuerySet

from core.pagination import BadCursor, Keyset

SIZE = 50
_BACK = "back-"


@dataclass(frozen=True, slots=True)
class Page[M: Model]:
    """`newer` and `older` are the cursors of the pages before and after; empty when there is none."""

    rows: list[M]
    newer: str
    older: str


def leaf[M: Model](rows: QuerySet[M], keyset: Keyset, *, purpose: str, cursor: str = "", size: int = SIZE) -> Page[M]:
    """The page at `cursor`; a cursor that was not made for this list and order leads to the first page."""
    back = cursor.startswith(_BACK)
    way = Keyset(keyset.columns, not keyset.descending) if back else keyset
    moved = False
    if cursor:
        try:
            position = keyset.position(cursor.removeprefix(_BACK), rows.model, purpose=purpose)
        except BadCursor:
            back, way = False, keyset
        else:
            rows, moved = way.after(rows, position), True
    found = list(way.order(rows)[: size + 1])
    more, found = len(found) > size, found[:size]
    if back:
        found.reverse()
    if not found:
        return Page([], "", "")
    return Page(
        found,
        _BACK + keyset.cursor(found[0], purpose=purpose) if (more if back else moved) else "",
        keyset.cursor(found[-1], purpose=purpose) if (moved if back else more) else "",
    )
