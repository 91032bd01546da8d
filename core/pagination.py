"""Keyset paging: the next page begins after the last row seen, so rows that come or go never shift the others."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core import signing
from django.core.exceptions import EmptyResultSet, ValidationError
from django.db import connection
from django.db.models import F, Field, Model, Q, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan

COUNT_CAP = 10_000


class BadCursor(Exception):
    """The cursor was not made by us for this list in this order."""


@dataclass(frozen=True, slots=True)
class Keyset:
    """An order of rows: `columns`, fields of the model itself, all in one direction, the last one unique. A model's
    `STANDS_FOR` says for which field an annotation stands that rows are ordered by.

    Only the first column may be null. Nulls stand where the database puts them (last ascending, first descending),
    because only then an index serves the order.
    """

    columns: tuple[str, ...]
    descending: bool = True

    def order[M: Model](self, rows: QuerySet[M]) -> QuerySet[M]:
        return rows.order_by(*[f"-{column}" if self.descending else column for column in self.columns])

    def after[M: Model](self, rows: QuerySet[M], position: Sequence[Any]) -> QuerySet[M]:
        """The rows that follow `position`: the values of `columns` in the last row seen."""
        first = self.columns[0]
        is_null = Q(**{f"{first}__isnull": True})
        if position[0] is None:
            same = is_null & Q(self._beyond(self.columns[1:], position[1:]))
            return rows.filter(same | ~is_null) if self.descending else rows.filter(same)
        beyond = Q(self._beyond(self.columns, position))
        nulls_follow = not self.descending and _field(rows.model, first).null
        return rows.filter(beyond | is_null) if nulls_follow else rows.filter(beyond)

    def _beyond(self, columns: Sequence[str], position: Sequence[Any]) -> TupleLessThan | TupleGreaterThan:
        comparison = TupleLessThan if self.descending else TupleGreaterThan
        return comparison(Tuple(*[F(column) for column in columns]), tuple(position))

    def cursor(self, row: Model, *, purpose: str) -> str:
        """An opaque, signed word for the place after `row`; `purpose` names list and order it is good for."""
        values = [
            _field(type(row), column).value_to_string(row) if getattr(row, column) is not None else None
            for column in self.columns
        ]
        return signing.Signer(salt=f"cursor:{purpose}").sign_object(values)

    def position(self, cursor: str, model: type[Model], *, purpose: str) -> list[Any]:
        """What `after()` needs; raises `BadCursor`."""
        try:
            values = signing.Signer(salt=f"cursor:{purpose}").unsign_object(cursor)
            return [_field(model, column).to_python(value) for column, value in zip(self.columns, values, strict=True)]
        except (signing.BadSignature, ValidationError, ValueError, TypeError):
            raise BadCursor from None


def counted(rows: QuerySet[Any]) -> int:
    """How many rows there are, looking at `COUNT_CAP` + 1 of them at most: a list counts no further than it has to."""
    return rows.order_by()[: COUNT_CAP + 1].count()


def counted_together(lists: Mapping[str, QuerySet[Any]]) -> dict[str, int]:
    """What `counted` says of each list, with one statement."""
    parts: list[str] = []
    values: list[Any] = []
    for rows in lists.values():
        try:
            sql, params = rows.order_by()[: COUNT_CAP + 1].values("pk").query.sql_with_params()
        except EmptyResultSet:
            sql, params = "SELECT 1 WHERE false", ()
        parts.append(f"(SELECT count(*) FROM ({sql}) rows)")
        values += params
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}", values)
        return dict(zip(lists, cursor.fetchone(), strict=True))


def _field(model: type[Model], name: str) -> "Field[Any, Any]":
    stands_for: Mapping[str, str] = getattr(model, "STANDS_FOR", {})
    field = model._meta.get_field(stands_for.get(name, name))
    if not isinstance(field, Field):
        raise TypeError(f"{model.__name__} cannot be ordered by {name}.")
    return field


def through[M: Model](rows: QuerySet[M], *, size: int = 200) -> Iterator[M]:
    """Every row, the oldest first, some at a time: what stays as it is keeps nothing behind it from being looked at."""
    last = 0
    while page := list(rows.filter(pk__gt=last).order_by("pk")[:size]):
        yield from page
        last = page[-1].pk
