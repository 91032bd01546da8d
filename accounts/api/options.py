"""`/options`: the settings that rooms declare."""

from dataclasses import asdict
from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import acts, keys, step_up
from accounts.api.shapes import OptionChange, OptionOut, OptionsOut
from core import options
from core.api.views import ApiViewSet

KINDS: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "str": (str,),
    "list": (list,),
}
MAX_TEXT = 10_000


class OptionViewSet(ApiViewSet):
    """Every option with its value in force."""

    serializer_class = OptionOut
    pagination_class = None
    filter_backends = ()
    lookup_value_regex = "[a-z0-9_.]{1,80}"
    required_permissions = {
        "list": keys.MANAGE_SETTINGS,
        "retrieve": keys.MANAGE_SETTINGS,
        "update": keys.MANAGE_SETTINGS,
    }

    @extend_schema(responses=OptionsOut)
    def list(self, _request: Request) -> Response:
        """All of them, by key."""
        rows = [_as_row(option) for option in options.declared()]
        return Response(OptionsOut({"results": rows, "next": None, "count": len(rows)}).data)

    @extend_schema(responses=OptionOut, parameters=[OpenApiParameter("id", str, OpenApiParameter.PATH)])
    def retrieve(self, _request: Request, pk: str) -> Response:
        return Response(OptionOut(_as_row(_declared(pk))).data)

    @extend_schema(request=OptionChange, responses=OptionOut)
    def update(self, _request: Request, pk: str) -> Response:
        """Set one option; the former value stays in its history."""
        option = _declared(pk)
        step_up.require(_request, acts.CHANGE_OPTION)
        wanted = self.body(OptionChange)
        _require_kind(option, wanted["value"])
        options.put(option.key, wanted["value"], actor=self.actor, reason=wanted.get("reason", ""))
        return self.retrieve(_request, pk)


def _declared(key: str) -> options.Option:
    option = next((one for one in options.declared() if one.key == key), None)
    if option is None:
        raise Http404
    return option


def _as_row(option: options.Option) -> dict[str, Any]:
    return {**asdict(option), "value": options.get(option.key)}


def _require_kind(option: options.Option, value: Any) -> None:
    """The service converts what a form sends; here the type itself must be right."""
    fits = isinstance(value, KINDS[option.kind]) and (option.kind == "bool" or not isinstance(value, bool))
    texts = value if option.kind == "list" and fits else [value] if option.kind == "str" and fits else []
    if not fits or not all(isinstance(text, str) and len(text) <= MAX_TEXT for text in texts):
        raise ValidationError({"value": f"{option.label}: a value of kind {option.kind} is needed."})
