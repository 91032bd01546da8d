"""`/isolation-exclusions`: what stays open to devices that are isolated selectively."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys
from core.api.fields import Id, Moment, Text, Whole
from core.api.serializers import In, Out
from core.api.views import ApiViewSet
from remediation.api.brake_shapes import ReasonIn
from remediation.models import IsolationRule
from remediation.models.agent_rules import Direction, Protocol
from remediation.services.agent_rules import remove_isolation_rule, save_isolation_rule


class IsolationRuleOut(Out):
    id = Id(source="pk")
    name = serializers.CharField()
    description = serializers.CharField()
    networks = serializers.ListField(child=serializers.CharField())
    protocol = serializers.ChoiceField(Protocol.choices, allow_blank=True)
    port = serializers.IntegerField(allow_null=True)
    direction = serializers.ChoiceField(Direction.choices)
    device_group_ids = serializers.ListField(child=Id())
    enabled = serializers.BooleanField()
    updated = Moment()


class IsolationRuleIn(In):
    answer = IsolationRuleOut
    name = Text(max_length=80)
    description = Text(max_length=500, required=False, allow_blank=True)
    networks = serializers.ListField(child=Text(max_length=60), max_length=40)
    protocol = serializers.ChoiceField(Protocol.choices, required=False, allow_blank=True)
    port = Whole(required=False, allow_null=True)
    direction = serializers.ChoiceField(Direction.choices, required=False)
    device_group_ids = serializers.ListField(child=Id(), max_length=200, required=False)
    enabled = serializers.BooleanField(required=False)


class IsolationRuleViewSet(ApiViewSet):
    """Isolation exclusions. A change concerns isolations that are asked for from then on."""

    queryset = IsolationRule.objects.none()
    serializer_class = IsolationRuleOut
    orderings = {"id": ("id",)}
    required_permissions = dict.fromkeys(("list", "retrieve", "create", "update", "remove"), keys.MANAGE_SETTINGS)

    def get_queryset(self) -> QuerySet[IsolationRule]:
        return IsolationRule.objects.all()

    @extend_schema(request=IsolationRuleIn, responses={201: IsolationRuleOut})
    def create(self, _request: Request) -> Response:
        """Let something stay open."""
        wanted: dict[str, Any] = self.body(IsolationRuleIn)
        return self.show(save_isolation_rule(IsolationRule(networks=[]), actor=self.actor, **wanted), status=201)

    @extend_schema(request=IsolationRuleIn, responses=IsolationRuleOut)
    def update(self, _request: Request, pk: str) -> Response:
        """Say the rule anew; what is not named stays."""
        rule = self.get_object()
        save_isolation_rule(rule, actor=self.actor, **self.body(IsolationRuleIn))
        return self.show(self.get_object())

    @extend_schema(request=ReasonIn, responses={204: None})
    @action(detail=True, methods=["post"])
    def remove(self, _request: Request, pk: str) -> Response:
        """Close it for isolations from now on; the body says why."""
        remove_isolation_rule(self.get_object(), actor=self.actor, reason=self.body(ReasonIn)["reason"])
        return Response(status=204)
