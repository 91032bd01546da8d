"""`/devices`, `/files`, `/identities`, `/mailboxes`."""

from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys
from core.api.filters import having_id
from core.api.serializers import In
from core.api.views import ApiViewSet
from incidents.api.entity_shapes import (
    DeviceChange,
    DeviceOut,
    FileChange,
    FileOut,
    IdentityChange,
    IdentityOut,
    MailboxChange,
    MailboxOut,
)
from incidents.api.filters import DeviceFilters, FileFilters, IdentityFilters, MailboxFilters
from incidents.models import Device, File, Identity, Mailbox
from incidents.search import entity_called
from incidents.services.describe_entity import describe_entity


class EntityViewSet(ApiViewSet):
    """What the four kinds have in common."""

    model: Any
    change: type[In]
    orderings = {
        "last_seen": ("last_seen", "id"),
        "first_seen": ("first_seen", "id"),
        "display_name": ("display_name", "id"),
        "id": ("id",),
    }
    default_ordering = "-last_seen"
    required_permissions = {"list": keys.READ, "retrieve": keys.READ, "partial_update": keys.MANAGE_ALERTS}

    def search_for(self, text: str) -> Q:
        return entity_called(self.model.kind.value, text) | having_id(text)

    def get_queryset(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = self.model.objects.visible_to(self.user)
        return rows if self.model is File else rows.prefetch_related("bindings__connection")

    def partial_update(self, _request: Request, pk: str) -> Response:
        """Say what people know of it: tags, criticality, value."""
        with transaction.atomic():
            row = self.get_object()
            locked = type(row)._default_manager.select_for_update().get(pk=row.pk)
            self.expected_version(locked)
            describe_entity(locked, changes=self.body(self.change, partial=True), actor=self.actor)
        return self.retrieve(_request, pk)


@extend_schema_view(partial_update=extend_schema(request=DeviceChange, responses=DeviceOut))
class DeviceViewSet(EntityViewSet):
    """Machines, each in one device group, which decides who sees it."""

    model = Device
    queryset = Device.objects.none()
    serializer_class = DeviceOut
    change = DeviceChange
    filterset_class = DeviceFilters
    search_fields = ("display_name", "key")

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().select_related("device_group")


@extend_schema_view(partial_update=extend_schema(request=FileChange, responses=FileOut))
class FileViewSet(EntityViewSet):
    """Files by content."""

    model = File
    queryset = File.objects.none()
    serializer_class = FileOut
    change = FileChange
    filterset_class = FileFilters
    search_fields = ("display_name", "key")


@extend_schema_view(partial_update=extend_schema(request=IdentityChange, responses=IdentityOut))
class IdentityViewSet(EntityViewSet):
    """Accounts."""

    model = Identity
    queryset = Identity.objects.none()
    serializer_class = IdentityOut
    change = IdentityChange
    filterset_class = IdentityFilters
    search_fields = ("display_name", "key", "upn")


@extend_schema_view(partial_update=extend_schema(request=MailboxChange, responses=MailboxOut))
class MailboxViewSet(EntityViewSet):
    """Mailboxes by primary address."""

    model = Mailbox
    queryset = Mailbox.objects.none()
    serializer_class = MailboxOut
    change = MailboxChange
    filterset_class = MailboxFilters
    search_fields = ("display_name", "key")
