"""`/indicators`: what is allowed, watched, warned of or blocked."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys
from core.api.errors import invalid
from core.api.filters import AnyOf, AnyText, Before, Since
from core.api.views import ApiViewSet
from incidents.models import Incident
from remediation.api import errors as _errors  # noqa: F401 - says how refusals are told
from remediation.api.indicator_shapes import (
    ImportOut,
    IndicatorEdit,
    IndicatorImport,
    IndicatorNew,
    IndicatorOut,
    IndicatorRow,
    WhichOut,
)
from remediation.api.shapes import NeededComment
from remediation.enums import IndicatorAction, IndicatorSource, IndicatorStatus, IndicatorType
from remediation.indicator_values import clean_value, guess_type
from remediation.models import Indicator
from remediation.services.find_indicators import indicators_on
from remediation.services.import_indicators import judge, take
from remediation.services.remove_indicator import remove_indicator, undo_indicator
from remediation.services.set_indicator import change_indicator, create_indicator


class IndicatorFilters(filters.FilterSet):
    type = AnyOf(IndicatorType.choices, field_name="type")
    action = AnyOf(IndicatorAction.choices, field_name="action")
    status = AnyOf(IndicatorStatus.choices, field_name="status")
    source = AnyOf(IndicatorSource.choices, field_name="source")
    value = AnyText(field_name="value")
    exercise = AnyText(field_name="exercise")
    generate_alert = filters.BooleanFilter(field_name="generate_alert")
    created_since = Since("created")
    created_before = Before("created")
    expires_before = Before("expires_at")


class IndicatorViewSet(ApiViewSet):
    """Indicators that hold for devices in the caller's scope. Making one needs the right to manage responses."""

    queryset = Indicator.objects.none()
    serializer_class = IndicatorOut
    filterset_class = IndicatorFilters
    search_fields = ("value", "title")
    default_ordering = "-updated"
    orderings = {"updated": ("updated", "id"), "created": ("created", "id"), "id": ("id",)}
    required_permissions = {
        "list": keys.READ,
        "retrieve": keys.READ,
        "which": keys.READ,
        "create": keys.DECIDE_RESPONSE,
        "partial_update": keys.DECIDE_RESPONSE,
        "remove": keys.DECIDE_RESPONSE,
        "undo": keys.DECIDE_RESPONSE,
        "import_many": keys.DECIDE_RESPONSE,
    }

    def get_queryset(self) -> QuerySet[Indicator]:
        return Indicator.objects.visible_to(self.user).prefetch_related("enforcements")

    def _check_query(self, request: Request) -> None:
        if self.action == "which":
            self.query_parameters = ("value", "device_group_id")
        super()._check_query(request)

    @extend_schema(request=IndicatorNew, responses={201: IndicatorOut})
    def create(self, _request: Request) -> Response:
        """Put an indicator in force. 409 links the one on the same value for the same devices."""
        wanted = self.body(IndicatorNew)
        incident, number = None, wanted.pop("incident_id", None)
        if number is not None:
            incident = get_object_or_404(Incident.objects.visible_to(self.user), pk=number)
        made = create_indicator(
            fields=wanted, reason=wanted.pop("comment"), actor=self.actor, user=self.user, source=IndicatorSource.API,
            incident=incident, exercise=incident.exercise if incident else "",
        )  # fmt: skip
        response = self.show(self.get_queryset().get(pk=made.pk), status=201)
        response["Location"] = f"/api/v1/indicators/{made.pk}"
        return response

    @extend_schema(request=IndicatorEdit, responses=IndicatorOut)
    def partial_update(self, _request: Request, pk: str) -> Response:
        """Change an active indicator; type and value stay."""
        found = self.get_object()
        self.expected_version(found)
        changes = self.body(IndicatorEdit, partial=True)
        reason = changes.pop("comment", "")
        if not reason:
            raise invalid("Say why.", field="comment")
        change_indicator(found, changes=changes, reason=reason, actor=self.actor, user=self.user)
        return self.show(self.get_object())

    @extend_schema(request=NeededComment, responses=IndicatorOut)
    @action(detail=True, methods=["post"])
    def remove(self, _request: Request, pk: str) -> Response:
        """Take it out of force everywhere; its history stays."""
        found = self.get_object()
        reason = self.body(NeededComment)["comment"]
        remove_indicator(found, reason=reason, actor=self.actor, user=self.user)
        return self.show(self.get_object())

    @extend_schema(request=NeededComment, responses=IndicatorOut)
    @action(detail=True, methods=["post"])
    def undo(self, _request: Request, pk: str) -> Response:
        """Take the newest deed back: making, changing or removing."""
        found = self.get_object()
        reason = self.body(NeededComment)["comment"]
        undo_indicator(found, reason=reason, actor=self.actor, user=self.user)
        return self.show(self.get_object())

    @extend_schema(request=IndicatorImport, responses=ImportOut)
    @action(detail=False, methods=["post"], url_path="import")
    def import_many(self, _request: Request) -> Response:
        """At most 500 at once. A row that is wrong is told and left out; one on a known value changes it."""
        wanted = self.body(IndicatorImport)
        report = judge([_row(given) for given in wanted["indicators"]], user=self.user)
        take(report, source=IndicatorSource.API, reason=wanted["comment"], actor=self.actor, user=self.user)
        results = [
            {"row": row.number, "indicator_id": row.held.pk if row.held else None, "verdict": row.verdict,
             "failure_reason": row.error}
            for row in report.rows
        ]  # fmt: skip
        return Response(ImportOut({"results": results, "next": None, "count": len(results)}).data)

    @extend_schema(
        parameters=[
            OpenApiParameter("value", str, required=True, description="A hash, address, domain or URL."),
            OpenApiParameter("device_group_id", str, description="On a device of this group."),
        ],
        responses=WhichOut,
    )
    @action(detail=False)
    def which(self, request: Request) -> Response:
        """Which indicators match a value, and which of them wins."""
        raw, group = request.query_params.get("value", ""), request.query_params.get("device_group_id", "")
        kind = guess_type(raw)
        if not kind:
            raise invalid("This is no hash, public address, domain or URL.", field="value")
        if group and not (group.isascii() and group.isdigit() and len(group) <= 18):
            raise invalid("An id is a string of digits.", field="device_group_id")
        value = clean_value(kind, raw)
        found = indicators_on(kind, value, user=self.user, group=int(group) if group else None)
        answer = {"type": kind, "value": value, "matching": found.matching, "winner": found.best and found.best.pk}
        return Response(WhichOut(answer).data)


def _row(given: dict[str, Any]) -> dict[str, Any]:
    """One row, checked as a request of its own; what is wrong with it is told with the row."""
    shape = IndicatorRow(data=given)
    if shape.is_valid():
        return dict(shape.validated_data)
    name, messages = next(iter(shape.errors.items()))
    words = " ".join(str(message) for message in messages) if isinstance(messages, list) else str(messages)
    return {"value": str(given.get("value", ""))[:200], "error": f"{name}: {words}"}
