"""`/protections` and `/approvers`: what destructive actions must not touch, and who decides on the rest."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys, step_up
from accounts.models import DeviceGroup, User
from core.api.views import ApiViewSet
from remediation import acts
from remediation.api.brake_shapes import ApproverRuleIn, ApproverRuleOut, ProtectionIn, ProtectionOut, ReasonIn
from remediation.models import ApproverRule, ProtectedAsset
from remediation.policy import MODELS
from remediation.services.approver_rules import remove_rule, save_rule
from remediation.services.protect import protect, unprotect

DEFAULT_MINUTES = 15


class ProtectionViewSet(ApiViewSet):
    """The list of protected assets."""

    queryset = ProtectedAsset.objects.none()
    serializer_class = ProtectionOut
    orderings = {"id": ("id",)}
    required_permissions = {
        "list": keys.MANAGE_SETTINGS,
        "retrieve": keys.MANAGE_SETTINGS,
        "create": keys.MANAGE_SETTINGS,
        "remove": keys.MANAGE_SETTINGS,
    }

    def get_queryset(self) -> QuerySet[ProtectedAsset]:
        return ProtectedAsset.objects.all()

    @extend_schema(request=ProtectionIn, responses={201: ProtectionOut})
    def create(self, request: Request) -> Response:
        """Protect one asset, or what a name, network or tag means."""
        wanted = self.body(ProtectionIn)
        self._require_in_sight(wanted)
        step_up.require(request, acts.CHANGE_BRAKES)
        return self.show(protect(**wanted, actor=self.actor, user=self.user), status=201)

    def _require_in_sight(self, wanted: dict[str, Any]) -> None:
        """What the caller does not see is not there: else the answer would tell that it is."""
        if wanted.get("target_id") is None:
            return
        seen: Any = MODELS[wanted["target_kind"]]._default_manager
        if not seen.visible_to(self.user).filter(pk=wanted["target_id"]).exists():
            raise ValidationError({"target_id": "There is no such target."})

    @extend_schema(request=ReasonIn, responses={204: None})
    @action(detail=True, methods=["post"])
    def remove(self, request: Request, pk: str) -> Response:
        """No longer protect it; the body says why."""
        asset = self.get_object()
        wanted = self.body(ReasonIn)
        step_up.require(request, acts.CHANGE_BRAKES)
        unprotect(asset, actor=self.actor, reason=wanted["reason"], user=self.user)
        return Response(status=204)


class ApproverRuleViewSet(ApiViewSet):
    """Who decides on which actions in which device group."""

    queryset = ApproverRule.objects.none()
    serializer_class = ApproverRuleOut
    orderings = {"id": ("id",)}
    required_permissions = {
        "list": keys.MANAGE_AUTHORIZATION,
        "retrieve": keys.MANAGE_AUTHORIZATION,
        "create": keys.MANAGE_AUTHORIZATION,
        "update": keys.MANAGE_AUTHORIZATION,
        "remove": keys.MANAGE_AUTHORIZATION,
    }

    def get_queryset(self) -> QuerySet[ApproverRule]:
        return ApproverRule.objects.prefetch_related("approvers", "fallbacks")

    @extend_schema(request=ApproverRuleIn, responses={201: ApproverRuleOut})
    def create(self, request: Request) -> Response:
        """Name approvers, and fallback approvers with the minutes after which they may decide too."""
        wanted = _wanted(self.body(ApproverRuleIn))
        step_up.require(request, acts.CHANGE_BRAKES)
        return self.show(save_rule(ApproverRule(), **wanted, actor=self.actor), status=201)

    @extend_schema(request=ApproverRuleIn, responses=ApproverRuleOut)
    def update(self, request: Request, pk: str) -> Response:
        """Say the whole rule anew."""
        rule = self.get_object()
        wanted = _wanted(self.body(ApproverRuleIn))
        step_up.require(request, acts.CHANGE_BRAKES)
        save_rule(rule, **wanted, actor=self.actor)
        return self.show(self.get_object())

    @extend_schema(request=ReasonIn, responses={204: None})
    @action(detail=True, methods=["post"])
    def remove(self, request: Request, pk: str) -> Response:
        """From now on the next wider rule holds; the body says why."""
        rule = self.get_object()
        wanted = self.body(ReasonIn)
        step_up.require(request, acts.CHANGE_BRAKES)
        remove_rule(rule, actor=self.actor, reason=wanted["reason"])
        return Response(status=204)


def _wanted(body: dict[str, Any]) -> dict[str, Any]:
    """The rows that the ids name; raises `ValidationError` naming the field."""
    return {
        "device_group": _group(body.get("device_group_id")),
        "action": body.get("action", ""),
        "risk": body.get("risk", ""),
        "approvers": _people(body["approvers"], "approvers"),
        "fallbacks": _people(body.get("fallbacks", []), "fallbacks"),
        "fallback_after_min": body.get("fallback_after_min", DEFAULT_MINUTES),
        "note": body.get("note", ""),
    }


def _group(pk: int | None) -> DeviceGroup | None:
    if pk is None:
        return None
    group = DeviceGroup.objects.filter(pk=pk, retired=False).first()
    if group is None:
        raise ValidationError({"device_group_id": "There is no such device group."})
    return group


def _people(ids: list[int], field: str) -> list[User]:
    found = list(User.objects.filter(pk__in=ids).prefetch_related("roles"))
    if len(found) != len(set(ids)):
        raise ValidationError({field: "There is no such person among these."})
    return found
