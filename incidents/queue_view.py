"""What the queue shows: the filters of the address, filled up from the set that the person has chosen as default."""

from dataclasses import dataclass

from django.http import QueryDict

from accounts.models import User
from core.pagination import Keyset
from incidents.models import SavedFilter
from incidents.queue import QueueFilters, read_order


@dataclass(frozen=True, slots=True)
class QueueView:
    """`opened` is the saved set that this is, `sets` are all of the person's."""

    filters: QueueFilters
    sort: str
    keyset: Keyset
    sets: list[SavedFilter]
    opened: SavedFilter | None

    @classmethod
    def read(cls, params: QueryDict, user: User) -> "QueueView":
        sets = list(user.saved_filters.all())
        filters, params = QueueFilters.read(params), params.copy()
        default = next((row for row in sets if row.is_default), None) if filters.is_default else None
        if default is not None:
            saved = QueryDict(default.query)
            filters = QueueFilters(QueueFilters.read(saved).values, True)
            params.setdefault("sort", saved.get("sort", ""))
        opened = default or next((row for row in sets if is_of(row.query, filters)), None)
        return cls(filters, *read_order(params), sets, opened)

    @property
    def query(self) -> str:
        """What is kept of this view under a name."""
        return QueueFilters(self.filters.values, False).address(sort=self.sort)


def is_of(query: str, filters: QueueFilters) -> bool:
    """Whether these are the filters of a saved query; the order of rows is not compared."""
    return not filters.is_default and dict(QueueFilters.read(QueryDict(query)).values) == dict(filters.values)
