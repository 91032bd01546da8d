"""`/connections`: which systems the portal talks to, and how they are."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys
from connectors.enums import Health
from connectors.models import Connection
from connectors.services import connections
from connectors.services.health import check_health
from core.api.fields import AnyObject, Flag, Id, Moment, Text
from core.api.filters import AnyOf, AnyText
from core.api.serializers import In, NothingIn, Out
from core.api.views import ApiViewSet


class ConnectionOut(Out):
    """Settings and secrets are left out: they say how to reach a system, which no reader needs."""

    id = Id(source="pk")
    name = serializers.CharField()
    kind = serializers.CharField()
    enabled = serializers.BooleanField()
    health = serializers.ChoiceField(Health.choices)
    health_detail = serializers.CharField()
    checked_at = Moment(allow_null=True)
    created = Moment()
    exercise = serializers.CharField()


class ConnectionNew(In):
    """`settings` holds what the kind declares, its secrets among them; they go in and never come out."""

    answer = ConnectionOut
    name = Text(max_length=connections.MAX_NAME)
    kind = Text(max_length=40)
    settings = AnyObject(required=False)


class ConnectionChange(In):
    """Settings that are left out keep their value. Switching on or off needs a reason."""

    answer = ConnectionOut
    name = Text(max_length=connections.MAX_NAME)
    settings = AnyObject()
    enabled = Flag()
    reason = Text(max_length=500, required=False)


class ConnectionFilters(filters.FilterSet):
    kind = AnyText(field_name="kind")
    health = AnyOf(Health.choices, field_name="health")
    enabled = filters.BooleanFilter(field_name="enabled")
    exercise = AnyText(field_name="exercise")


class ConnectionViewSet(ApiViewSet):
    """Configured instances of connector kinds."""

    queryset = Connection.objects.defer("secrets", "settings")
    serializer_class = ConnectionOut
    filterset_class = ConnectionFilters
    search_fields = ("name",)
    orderings = {"name": ("name", "id"), "id": ("id",)}
    default_ordering = "name"
    required_permissions = {
        "list": keys.MANAGE_SYSTEM,
        "retrieve": keys.MANAGE_SYSTEM,
        "create": keys.MANAGE_SYSTEM,
        "partial_update": keys.MANAGE_SYSTEM,
        "check": keys.MANAGE_SYSTEM,
    }

    @extend_schema(request=ConnectionNew, responses={201: ConnectionOut})
    def create(self, _request: Request) -> Response:
        """A new connection, switched on; ask it for its health with `/check`."""
        made = connections.create_connection(**self.body(ConnectionNew), actor=self.actor)
        response = self.show(made, status=201)
        response["Location"] = f"/api/v1/connections/{made.pk}"
        return response

    @extend_schema(request=ConnectionChange, responses=ConnectionOut)
    def partial_update(self, _request: Request, pk: str) -> Response:
        """Change name or settings, or switch it off and on; all of it or nothing."""
        found = self.get_object()
        with transaction.atomic():
            self._apply(found, self.body(ConnectionChange, partial=True))
        return self.show(self.get_object())

    def _apply(self, found: Connection, wanted: dict[str, Any]) -> None:
        changes = {key: wanted[key] for key in ("name", "settings") if key in wanted}
        if changes:
            connections.update_connection(found, **changes, actor=self.actor)
        if wanted.get("enabled", found.enabled) != found.enabled:
            reason = wanted.get("reason", "").strip()
            if not reason:
                raise ValidationError({"reason": "Say why: the reason goes into the audit log."})
            connections.set_enabled(found, enabled=wanted["enabled"], actor=self.actor, reason=reason)

    @extend_schema(request=NothingIn, responses=ConnectionOut)
    @action(detail=True, methods=["post"])
    def check(self, _request: Request, pk: str) -> Response:
        """Ask the remote side now whether it answers."""
        found = self.get_object()
        self.body(NothingIn)
        check_health(found, actor=self.actor)
        return self.show(self.get_object())
