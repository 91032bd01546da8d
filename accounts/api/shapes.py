"""People, roles, device groups, options and audit events on the wire."""

from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from accounts.enums import ScopeKind, UserKind
from accounts.models import ApiToken, User
from core.api.fields import AnyObject, Flag, Id, Moment, Text, Words
from core.api.serializers import FrozenActor, In, Out


class DeviceGroupOut(Out):
    id = Id(source="pk")
    name = serializers.CharField()
    description = serializers.CharField()
    rank = serializers.IntegerField()
    rule = AnyObject()
    is_default = serializers.BooleanField()
    exercise = serializers.CharField()


class DeviceGroupChange(In):
    answer = DeviceGroupOut
    name = Text(max_length=80, required=False)
    description = Text(max_length=300, allow_blank=True, required=False)
    rule = AnyObject(required=False)


class DeviceGroupNew(DeviceGroupChange):
    name = Text(max_length=80)
    rule = AnyObject()


class RoleOut(Out):
    id = Id(source="pk")
    key = serializers.CharField()
    name = serializers.CharField()
    permissions = Words()
    built_in = serializers.BooleanField()


class ScopeOut(Out):
    everything = serializers.BooleanField()
    device_groups = Words()


class UserOut(Out):
    id = Id(source="pk")
    username = serializers.CharField()
    display_name = serializers.CharField()
    email = serializers.CharField()
    kind = serializers.ChoiceField(UserKind.choices)
    is_active = serializers.BooleanField()
    roles = serializers.SerializerMethodField()
    scope = serializers.SerializerMethodField()
    created = Moment()
    exercise = serializers.CharField()

    def get_roles(self, user: User) -> list[str]:
        return sorted(role.key for role in user.roles.all())

    @extend_schema_field(ScopeOut)
    def get_scope(self, user: User) -> dict[str, Any]:
        everything = user.scope_kind == ScopeKind.ALL
        groups = [] if everything else sorted(group.name for group in user.device_groups.all())
        return {"everything": everything, "device_groups": groups}


class TokenOut(Out):
    """The token that was used, without its secret."""

    id = Id(source="pk")
    name = serializers.CharField()
    may_decide = serializers.BooleanField()
    expires_at = Moment()


class MeOut(UserOut):
    permissions = serializers.SerializerMethodField()
    token = serializers.SerializerMethodField()

    def get_permissions(self, user: User) -> list[str]:
        """What this request may do: with a token, no more than the token says."""
        return sorted(user.permission_keys)

    @extend_schema_field(TokenOut(allow_null=True))
    def get_token(self, _user: User) -> Any:
        token: ApiToken | None = self.context.get("token")
        return TokenOut(token).data if token is not None else None


class UserChange(In):
    """Roles by key, device groups by name; `device_groups` null is all of them."""

    answer = UserOut
    display_name = Text(max_length=120, required=False)
    email = serializers.EmailField(allow_blank=True, max_length=254, required=False)
    is_active = Flag(required=False)
    roles = Words(max_length=20, required=False)
    device_groups = Words(max_length=500, allow_null=True, required=False)


class OptionOut(Out):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    help = serializers.CharField()
    kind = serializers.ChoiceField(["int", "float", "bool", "str", "list"])
    value = serializers.JSONField()
    default = serializers.JSONField()
    minimum = serializers.FloatField(allow_null=True)
    maximum = serializers.FloatField(allow_null=True)


@extend_schema_serializer(many=False)
class OptionsOut(Out):
    results = OptionOut(many=True)
    next = serializers.CharField(allow_null=True)
    count = serializers.IntegerField()


class OptionChange(In):
    answer = OptionOut
    value = serializers.JSONField()
    reason = Text(max_length=500, allow_blank=True, required=False)


class AuditEventOut(Out):
    id = Id()
    at = Moment()
    actor = serializers.SerializerMethodField()
    verb = serializers.CharField()
    subject = serializers.CharField()
    thread = serializers.CharField()
    changes = AnyObject()
    reason = serializers.CharField()
    data = AnyObject()  # type: ignore[assignment]

    @extend_schema_field(FrozenActor)
    def get_actor(self, event: Any) -> dict[str, str]:
        return {"kind": event.actor_kind, "id": event.actor_id, "name": event.actor_name}
