"""Lists as `{"results", "next", "count"}` with keyset cursors."""

from typing import TYPE_CHECKING, Any, ClassVar

from django.db.models import Model
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.errors import invalid
from core.pagination import COUNT_CAP, BadCursor, Keyset, counted

if TYPE_CHECKING:  # the framework's views read the settings that name this class while they are imported
    from rest_framework.views import APIView

DEFAULT_LIMIT, MAX_LIMIT = 50, 200
NEWEST_FIRST: dict[str, tuple[str, ...]] = {"id": ("id",)}
PARAMETERS = frozenset({"limit", "cursor", "ordering"})


class KeysetPagination(BasePagination):
    """Pages a query-set in one of the view's `orderings` (`{"name": columns}`); `-name` is the other direction.

    The view's `default_ordering` names the order without `?ordering=`.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: "APIView | None" = None) -> list[Any]:
        name, keyset = self._keyset(request, view)
        purpose = f"{queryset.model._meta.label_lower}:{name}"
        self.count = counted(queryset)
        rows = keyset.order(queryset)
        if cursor := request.query_params.get("cursor"):
            rows = keyset.after(rows, self._position(keyset, cursor, queryset.model, purpose))
        limit = limit_of(request)
        page = list(rows[: limit + 1])
        self.next = keyset.cursor(page[limit - 1], purpose=purpose) if len(page) > limit else None
        return page[:limit]

    def get_paginated_response(self, data: Any) -> Response:
        count = f"{COUNT_CAP}+" if self.count > COUNT_CAP else self.count
        return Response({"results": data, "next": self.next, "count": count})

    @staticmethod
    def _keyset(request: Request, view: Any) -> tuple[str, Keyset]:
        orderings: dict[str, tuple[str, ...]] = getattr(view, "orderings", NEWEST_FIRST)
        asked = str(request.query_params.get("ordering") or getattr(view, "default_ordering", "-id"))
        columns = orderings.get(asked.removeprefix("-"))
        if columns is None:
            words = ", ".join(sorted(orderings))
            raise invalid(f"The list can be ordered by {words}, each with - in front for descending.", field="ordering")
        return asked, Keyset(columns, descending=asked.startswith("-"))

    @staticmethod
    def _position(keyset: Keyset, cursor: str, model: type[Model], purpose: str) -> list[Any]:
        try:
            return keyset.position(cursor, model, purpose=purpose)
        except BadCursor:
            raise invalid("The cursor is not one of this list in this order.", field="cursor") from None

    schema_of_count: ClassVar[dict[str, Any]] = {
        "oneOf": [{"type": "integer", "minimum": 0, "maximum": COUNT_CAP}, {"const": f"{COUNT_CAP}+"}],
        "description": f"Exact up to {COUNT_CAP:,}.",
    }

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["results", "next", "count"],
            "properties": {
                "results": schema,
                "next": {"type": ["string", "null"], "description": "The cursor of the next page."},
                "count": self.schema_of_count,
            },
        }

    def get_schema_operation_parameters(self, view: "APIView") -> list[dict[str, Any]]:
        orderings = sorted(getattr(view, "orderings", NEWEST_FIRST))
        words = [word for name in orderings for word in (name, f"-{name}")]
        limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
        order = {"type": "string", "enum": words, "default": getattr(view, "default_ordering", "-id")}
        return [
            _parameter("limit", limit, "How many rows at most."),
            _parameter("cursor", {"type": "string"}, "`next` of the page before, as it was given."),
            _parameter("ordering", order, "The order of the list."),
        ]


def limit_of(request: Request) -> int:
    """`?limit=`, checked."""
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_LIMIT):
        raise invalid(f"A whole number from 1 to {MAX_LIMIT} is needed.", field="limit")
    return int(text)


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}
