"""`/users`, `/roles`, `/device-groups`: who may do what, and where."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import acts, keys, step_up
from accounts.api.shapes import (
    DeviceGroupChange,
    DeviceGroupNew,
    DeviceGroupOut,
    RoleOut,
    UserChange,
    UserOut,
)
from accounts.enums import ScopeKind, UserKind
from accounts.models import DeviceGroup, Role, User
from accounts.services import people
from accounts.services.device_groups import create_device_group, update_device_group
from core.api.filters import AnyOf, AnyText
from core.api.views import ApiViewSet


class UserFilters(filters.FilterSet):
    username = AnyText(field_name="username")
    kind = AnyOf(UserKind.choices, field_name="kind")
    is_active = filters.BooleanFilter(field_name="is_active")
    exercise = AnyText(field_name="exercise")


class UserViewSet(ApiViewSet):
    """People and service accounts. They are made on the pages, where the first password is shown once."""

    queryset = User.objects.prefetch_related("roles", "device_groups")
    serializer_class = UserOut
    filterset_class = UserFilters
    search_fields = ("username", "display_name")
    orderings = {"username": ("username", "id"), "created": ("created", "id"), "id": ("id",)}
    default_ordering = "username"
    required_permissions = {
        "list": keys.MANAGE_AUTHORIZATION,
        "retrieve": keys.MANAGE_AUTHORIZATION,
        "partial_update": keys.MANAGE_AUTHORIZATION,
    }

    @extend_schema(request=UserChange, responses=UserOut)
    def partial_update(self, _request: Request, pk: str) -> Response:
        """Change name, roles or reach, or switch the account off and on; all of it or nothing."""
        user = self.get_object()
        step_up.require(_request, acts.CHANGE_RIGHTS)
        with transaction.atomic():
            self._apply(user, self.body(UserChange, partial=True))
        return self.retrieve(_request, pk)

    def _apply(self, user: User, wanted: dict[str, Any]) -> None:
        named = {name: wanted[name] for name in people.EDITABLE if name in wanted}
        if named:
            people.update_user(user, changes=named, actor=self.actor)
        if "device_groups" in wanted:
            groups = wanted["device_groups"]
            kind = ScopeKind.ALL if groups is None else ScopeKind.SELECTED
            found = _all_found(DeviceGroup.objects.filter(retired=False), "name", groups or [], field="device_groups")
            people.set_scope(user, scope_kind=kind, device_groups=found, actor=self.actor)
        if "roles" in wanted:
            roles = _all_found(Role.objects.all(), "key", wanted["roles"], field="roles")
            people.set_roles(user, roles=roles, actor=self.actor)
        if wanted.get("is_active", user.is_active) != user.is_active:
            switch = people.reactivate_user if wanted["is_active"] else people.deactivate_user
            switch(user, actor=self.actor)


def _all_found(rows: QuerySet[Any], column: str, values: list[str], *, field: str) -> list[Any]:
    found = list(rows.filter(**{f"{column}__in": values}))
    missing = set(values) - {getattr(row, column) for row in found}
    if missing:
        raise ValidationError({field: f"There is no {min(missing)}."})
    return found


class RoleViewSet(ApiViewSet):
    """Named sets of permissions."""

    queryset = Role.objects.all()
    serializer_class = RoleOut
    search_fields = ("name", "key")
    orderings = {"name": ("name", "id"), "id": ("id",)}
    default_ordering = "name"
    required_permissions = {"list": keys.MANAGE_AUTHORIZATION, "retrieve": keys.MANAGE_AUTHORIZATION}


class DeviceGroupViewSet(ApiViewSet):
    """Ranked groups; a device belongs to the first whose rule it fits."""

    queryset = DeviceGroup.objects.filter(retired=False)
    serializer_class = DeviceGroupOut
    search_fields = ("name",)
    orderings = {"rank": ("rank", "id"), "name": ("name", "id"), "id": ("id",)}
    default_ordering = "rank"
    required_permissions = {
        "list": keys.MANAGE_AUTHORIZATION,
        "retrieve": keys.MANAGE_AUTHORIZATION,
        "create": keys.MANAGE_AUTHORIZATION,
        "partial_update": keys.MANAGE_AUTHORIZATION,
    }

    @extend_schema(request=DeviceGroupNew, responses={201: DeviceGroupOut})
    def create(self, _request: Request) -> Response:
        """A new group, ranked below the others."""
        group = create_device_group(**self.body(DeviceGroupNew), actor=self.actor)
        response = self.show(group, status=201)
        response["Location"] = f"/api/v1/device-groups/{group.pk}"
        return response

    @extend_schema(request=DeviceGroupChange, responses=DeviceGroupOut)
    def partial_update(self, _request: Request, pk: str) -> Response:
        """Change name, description or rule; devices are matched anew."""
        group = self.get_object()
        changes = self.body(DeviceGroupChange, partial=True)
        return self.show(update_device_group(group, changes=changes, actor=self.actor))
