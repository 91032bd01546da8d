"""`/connections`: which systems the portal talks to, and how they are."""

from django_filters import rest_framework as filters
from rest_framework import serializers

from accounts import keys
from connectors.enums import Health
from connectors.models import Connection
from core.api.fields import Id, Moment
from core.api.filters import AnyOf, AnyText
from core.api.serializers import Out
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
    required_permissions = {"list": keys.MANAGE_SYSTEM, "retrieve": keys.MANAGE_SYSTEM}
