"""`/notification-rules`: one's own, and for who manages settings those of the portal."""

from collections.abc import Collection
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys
from accounts.enums import UserKind
from accounts.models import DeviceGroup, User
from core.api.fields import Flag, Id, Moment, Text
from core.api.serializers import In, Out
from core.api.views import ApiViewSet
from notifications.enums import ActionOutcome, ActionSource, RecipientKind, RuleKind
from notifications.models import Endpoint, Rule
from notifications.services.rules import MOST_RECIPIENTS, remove_rule, save_rule, switch_rule

SEVERITIES = ("high", "medium", "low", "informational", "unknown")
PLAIN = ("name", "description", "severities", "tags", "once", "action_source", "actions", "outcomes",
         "include_organisation", "include_link")  # fmt: skip


class Words(serializers.ListField):
    child = Text(max_length=80)


class RuleOut(Out):
    id = Id(source="pk")
    kind = serializers.ChoiceField(RuleKind.choices)
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    personal = serializers.BooleanField()
    enabled = serializers.BooleanField()
    author = serializers.CharField(source="author.username")
    severities = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
    tags = serializers.ListField(child=serializers.CharField())
    once = serializers.BooleanField()
    action_source = serializers.ChoiceField(ActionSource.choices)
    actions = serializers.ListField(child=serializers.CharField())
    outcomes = serializers.ListField(child=serializers.CharField())
    device_groups = serializers.SerializerMethodField(help_text="Null for all, also those made later.")
    include_organisation = serializers.BooleanField()
    include_link = serializers.BooleanField()
    people = serializers.SerializerMethodField()
    addresses = serializers.SerializerMethodField()
    endpoints = serializers.SerializerMethodField()
    created = Moment()

    def get_device_groups(self, rule: Rule) -> list[str] | None:
        return None if rule.all_groups else [group.name for group in rule.device_groups.all()]

    def get_people(self, rule: Rule) -> list[str]:
        return [one.user.username for one in rule.recipients.all() if one.user is not None]

    def get_addresses(self, rule: Rule) -> list[str]:
        return [one.address for one in rule.recipients.all() if one.kind == RecipientKind.ADDRESS]

    def get_endpoints(self, rule: Rule) -> list[str]:
        return [one.endpoint.name for one in rule.recipients.all() if one.endpoint is not None]


class RuleChange(In):
    """What is left out stays. Names: user names, device groups, webhooks."""

    answer = RuleOut
    name = Text(max_length=80)
    description = Text(max_length=300, allow_blank=True)
    enabled = Flag()
    severities = serializers.DictField(
        child=serializers.ListField(child=serializers.ChoiceField(SEVERITIES), max_length=5),
        help_text="`*` for every source, and sources with a list of their own.",
    )
    tags = Words(max_length=50)
    once = Flag()
    action_source = serializers.ChoiceField(ActionSource.choices)
    actions = Words(max_length=200)
    outcomes = serializers.ListField(child=serializers.ChoiceField(ActionOutcome.choices), max_length=3)
    device_groups = Words(max_length=500, allow_null=True)
    include_organisation = Flag()
    include_link = Flag()
    people = Words(max_length=MOST_RECIPIENTS)
    addresses = serializers.ListField(child=serializers.EmailField(), max_length=MOST_RECIPIENTS)
    endpoints = Words(max_length=MOST_RECIPIENTS)


class RuleNew(RuleChange):
    kind = serializers.ChoiceField(RuleKind.choices)
    personal = Flag(required=False, help_text="True unless said otherwise: it tells you alone.")

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        for name, field in fields.items():
            field.required = name in {"name", "kind"}
        return fields


class RuleViewSet(ApiViewSet):
    """Nobody changes a rule of somebody else's; a rule of the portal reaches as far as who changed it last."""

    queryset = Rule.objects.none()
    serializer_class = RuleOut
    search_fields = ("name",)
    orderings = {"name": ("name", "id"), "id": ("id",)}
    default_ordering = "name"
    required_permissions = {
        "list": keys.READ,
        "retrieve": keys.READ,
        "create": keys.READ,
        "partial_update": keys.READ,
        "destroy": keys.READ,
    }

    def get_queryset(self) -> QuerySet[Rule]:
        return Rule.objects.visible_to(self.user).with_all()

    @extend_schema(request=RuleNew, responses={201: RuleOut})
    def create(self, _request: Request) -> Response:
        """A rule hears only of what is told after it was made."""
        wanted = self.body(RuleNew)
        made = self._save(None, wanted, kind=wanted["kind"], personal=wanted.get("personal", True))
        response = self.show(self.get_queryset().get(pk=made.pk), status=201)
        response["Location"] = f"/api/v1/notification-rules/{made.pk}"
        return response

    @extend_schema(request=RuleChange, responses=RuleOut)
    def partial_update(self, _request: Request, pk: str) -> Response:
        """Change it; a recipient who is added hears only of what is told later."""
        rule: Rule = self.get_object()
        wanted = self.body(RuleChange, partial=True)
        with transaction.atomic():
            self._save(rule, {**RuleOut(rule).data, **wanted}, kind=rule.kind, personal=rule.personal)
            if "enabled" in wanted:
                switch_rule(rule, on=wanted["enabled"], actor=self.actor)
        return self.show(self.get_object())

    @extend_schema(responses={204: None})
    def destroy(self, _request: Request, pk: str) -> Response:
        remove_rule(self.get_object(), actor=self.actor)
        return Response(status=204)

    def _save(self, rule: Rule | None, wanted: dict[str, Any], *, kind: str, personal: bool) -> Rule:
        if not personal and not self.user.holds(keys.MANAGE_SETTINGS):
            raise PermissionDenied("A rule that tells others needs the permission core_settings.manage.")
        groups = wanted.get("device_groups")
        told = {} if personal else {
            "people": _named(User.objects.filter(is_active=True, kind=UserKind.PERSON), "username", wanted, "people"),
            "addresses": list(dict.fromkeys(wanted.get("addresses", []))),
            "endpoints": _named(Endpoint.objects.all(), "name", wanted, "endpoints"),
        }  # fmt: skip
        if not personal and not any(told.values()):
            raise ValidationError({"people": "Name at least one recipient."})
        known = DeviceGroup.objects.filter(retired=False)
        if not self.user.scope.everything:
            known = known.filter(pk__in=self.user.scope.group_ids)
        values = {name: wanted[name] for name in PLAIN if name in wanted} | {"all_groups": groups is None}
        chosen = [] if groups is None else _named(known, "name", wanted, "device_groups")
        return save_rule(rule, kind=kind, personal=personal, author=self.user, values=values, groups=chosen,
                         actor=self.actor, **told)  # fmt: skip


def _named(rows: QuerySet[Any], column: str, wanted: dict[str, Any], field: str) -> Collection[Any]:
    names = set(wanted.get(field) or [])
    found = list(rows.filter(**{f"{column}__in": names}))
    missing = names - {getattr(row, column) for row in found}
    if missing:
        raise ValidationError({field: f"There is no {min(missing)}."})
    return found
