"""Filters by field name; every one may be given several times and then means any of the values."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.drainage import set_override
from drf_spectacular.utils import extend_schema_field
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from core.api.errors import invalid

MAX_SEARCH = 200


class AnyOf(filters.MultipleChoiceFilter):
    """Any of the given values of an enum. `lookup` is `in`, or `overlap` for list columns."""

    def __init__(self, choices: Any, *, field_name: str | None = None, lookup: str = "in", **kwargs: Any) -> None:
        self.lookup = lookup
        super().__init__(field_name=field_name, choices=choices, **kwargs)
        if choices:
            set_override(self, "field", {"type": "string", "enum": sorted(str(value) for value, _ in choices)})

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        return qs.filter(**{f"{self.field_name}__{self.lookup}": list(value)}) if value else qs


class _OpenChoices(forms.MultipleChoiceField):
    def valid_value(self, value: Any) -> bool:
        return len(str(value)) <= MAX_SEARCH


@extend_schema_field({"type": "string", "maxLength": MAX_SEARCH})
class AnyText(AnyOf):
    """Any of the given texts, compared exactly."""

    field_class = _OpenChoices

    def __init__(self, *, field_name: str | None = None, lookup: str = "in") -> None:
        super().__init__((), field_name=field_name, lookup=lookup)


class _IdChoices(forms.MultipleChoiceField):
    default_error_messages = {"invalid_choice": "An id is a string of digits."}

    def valid_value(self, value: Any) -> bool:
        return str(value).isascii() and str(value).isdigit() and len(str(value)) <= 18


@extend_schema_field({"type": "string", "pattern": "^[0-9]{1,18}$"})
class AnyId(AnyOf):
    """Any of the given ids."""

    field_class = _IdChoices

    def __init__(self, *, field_name: str | None = None) -> None:
        super().__init__((), field_name=field_name)


class _Moment(filters.IsoDateTimeFilter):
    """A time; the database is asked in UTC, because it does not know every zone that a client can write."""

    def filter(self, qs: QuerySet[Any], value: datetime | None) -> QuerySet[Any]:
        if value is None:
            return qs
        try:
            return qs.filter(**{f"{self.field_name}__{self.lookup_expr}": value.astimezone(UTC)})
        except OverflowError:
            raise invalid("The time is out of range.", field=self.field_name) from None


class Since(_Moment):
    """At that time or later."""

    def __init__(self, field_name: str) -> None:
        super().__init__(field_name=field_name, lookup_expr="gte")


class Before(_Moment):
    """Earlier than that time."""

    def __init__(self, field_name: str) -> None:
        super().__init__(field_name=field_name, lookup_expr="lt")


class SearchFilter(BaseFilterBackend):
    """`?search=TEXT`: the rows that the view finds by the text (`search_for`)."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        text = request.query_params.get("search", "").strip()
        if not getattr(view, "search_fields", ()) or not text:
            return queryset
        if len(text) > MAX_SEARCH:
            raise invalid(f"At most {MAX_SEARCH} characters can be searched for.", field="search")
        return queryset.filter(view.search_for(text))

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        if not getattr(view, "search_fields", ()):
            return []
        schema = {"type": "string", "maxLength": MAX_SEARCH}
        return [
            {
                "name": "search",
                "in": "query",
                "required": False,
                "schema": schema,
                "description": "Text to look for, or an id.",
            }
        ]


def texts_or_id(text: str, fields: Iterable[str]) -> Q:
    """Rows in one of whose fields the text occurs, or whose id it is."""
    found = Q()
    for field in fields:
        found |= Q(**{f"{field}__has_text": text})
    return found | having_id(text)


def having_id(text: str) -> Q:
    return Q(pk=int(text)) if text.isascii() and text.isdigit() and len(text) <= 18 else Q(pk__in=())
