"""`/agents`, `/enrolment-tokens` and `/agent-orders`: endpoint agents, how they join, and what was asked of them."""

from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys, step_up
from connectors import acts
from connectors.agent_facts import cannot, health_of, os_of
from connectors.agent_forms import groups_for
from connectors.enums import AgentState, OrderKind, OrderState
from connectors.models import Agent, AgentOrder, EnrolmentToken
from connectors.services.agents.decide import believe_after_clone, decide_agent, insist_after_restore
from connectors.services.agents.rotate import ask_for_new_key
from connectors.services.agents.tokens import MAX_TAGS, make_token, withdraw_token
from core.api.errors import conflict, invalid
from core.api.fields import Flag, Id, Moment, Text, Whole, Words
from core.api.filters import AnyId, AnyOf, AnyText
from core.api.serializers import In, NothingIn, Out
from core.api.views import ApiViewSet
from core.lifecycle import IllegalMove, LostRace


class AgentOut(Out):
    """`device_id` is the fingerprint of its first key. `cannot` says why, action by action."""

    id = Id(source="pk")
    device_id = serializers.CharField()
    name = serializers.CharField()
    device_group_id = Id()
    tags = serializers.ListField(child=serializers.CharField())
    state = serializers.ChoiceField(AgentState.choices)
    state_reason = serializers.CharField()
    health = serializers.SerializerMethodField(help_text="connected, away or silent; empty when it is not in service.")
    version = serializers.CharField()
    system = serializers.SerializerMethodField()
    cannot = serializers.SerializerMethodField()
    generation = serializers.IntegerField()
    ahead = serializers.BooleanField()
    cloned_at = Moment(allow_null=True)
    seen_at = Moment(allow_null=True)
    silent_since = Moment(allow_null=True)
    rotated_at = Moment(allow_null=True)
    new_key_asked_at = Moment(allow_null=True)
    enrolled_at = Moment()
    decided_at = Moment(allow_null=True)
    exercise = serializers.CharField()

    def get_health(self, agent: Agent) -> str:
        return health_of(agent)

    def get_system(self, agent: Agent) -> str:
        return os_of(agent)

    def get_cannot(self, agent: Agent) -> dict[str, str]:
        return cannot(agent)


class AgentReasonIn(In):
    answer = AgentOut
    reason = Text(max_length=500)


class AgentFilters(filters.FilterSet):
    state = AnyOf(AgentState.choices, field_name="state")
    device_id = AnyText(field_name="device_id")
    device_group_id = AnyId(field_name="device_group_id")
    ahead = filters.BooleanFilter(field_name="ahead")


class AgentViewSet(ApiViewSet):
    """Endpoint agents of the device groups that the caller sees."""

    queryset = Agent.objects.all()
    serializer_class = AgentOut
    filterset_class = AgentFilters
    search_fields = ("name",)
    orderings = {"name": ("name", "id"), "seen_at": ("seen_at", "id"), "id": ("id",)}
    default_ordering = "name"
    required_permissions = {
        "list": keys.READ,
        "retrieve": keys.READ,
        "approve": keys.MANAGE_SYSTEM,
        "reject": keys.MANAGE_SYSTEM,
        "revoke": keys.MANAGE_SYSTEM,
        "believe": keys.MANAGE_SYSTEM,
        "insist": keys.MANAGE_SYSTEM,
        "new_key": keys.MANAGE_SYSTEM,
    }

    def get_queryset(self) -> QuerySet[Agent]:
        return Agent.objects.visible_to(self.user).light()

    @extend_schema(request=AgentReasonIn, responses=AgentOut)
    @action(detail=True, methods=["post"])
    def approve(self, _request: Request, pk: str) -> Response:
        """Let it obey the portal. Compare the fingerprint with the host's first."""
        return self._decide(AgentState.APPROVED)

    @extend_schema(request=AgentReasonIn, responses=AgentOut)
    @action(detail=True, methods=["post"])
    def reject(self, _request: Request, pk: str) -> Response:
        """Refuse one that waits for approval."""
        return self._decide(AgentState.REJECTED)

    @extend_schema(request=AgentReasonIn, responses=AgentOut)
    @action(detail=True, methods=["post"])
    def revoke(self, _request: Request, pk: str) -> Response:
        """Serve it no more; what waits for it ends."""
        return self._decide(AgentState.REVOKED)

    def _decide(self, state: AgentState) -> Response:
        agent = self.get_object()
        try:
            decide_agent(agent, to=state, actor=self.actor, reason=self.body(AgentReasonIn)["reason"])
        except IllegalMove:
            raise conflict(f"An agent that is {agent.get_state_display().lower()} cannot become that.") from None
        except LostRace:
            raise conflict("Somebody decided about it in the meantime.") from None
        return self.show(self.get_object())

    @extend_schema(request=AgentReasonIn, responses=AgentOut)
    @action(detail=True, methods=["post"])
    def believe(self, _request: Request, pk: str) -> Response:
        """After a clone alarm: one machine alone uses the key now."""
        believe_after_clone(self.get_object(), actor=self.actor, reason=self.body(AgentReasonIn)["reason"])
        return self.show(self.get_object())

    @extend_schema(request=AgentReasonIn, responses=AgentOut)
    @action(detail=True, methods=["post"])
    def insist(self, _request: Request, pk: str) -> Response:
        """After a restore: what the portal wants counts, whatever the device obeys."""
        insist_after_restore(self.get_object(), actor=self.actor, reason=self.body(AgentReasonIn)["reason"])
        return self.show(self.get_object())

    @extend_schema(request=AgentReasonIn, responses=AgentOut)
    @action(detail=True, methods=["post"], url_path="new-key")
    def new_key(self, _request: Request, pk: str) -> Response:
        """Ask the device for a new key. It keeps its id; the old key counts until both have signed the change."""
        agent, reason = self.get_object(), self.body(AgentReasonIn)["reason"]
        try:
            ask_for_new_key(agent, actor=self.actor, reason=reason)
        except DjangoValidationError as error:
            raise conflict(error.messages[0]) from None
        return self.show(self.get_object())


class EnrolmentTokenOut(Out):
    id = Id(source="pk")
    name = serializers.CharField()
    device_group_id = Id()
    tags = serializers.ListField(child=serializers.CharField())
    approve_at_once = serializers.BooleanField()
    expires = Moment()
    used_at = Moment(allow_null=True)
    used_by_id = Id(allow_null=True)
    withdrawn_at = Moment(allow_null=True)
    made_at = Moment()
    exercise = serializers.CharField()


class EnrolmentTokenMade(EnrolmentTokenOut):
    """With its text and the command for the machine: the only time that they are seen."""

    secret = serializers.CharField()
    command = serializers.CharField()


class EnrolmentTokenIn(In):
    answer = EnrolmentTokenMade
    name = Text(max_length=80)
    device_group_id = Id()
    hours = Whole(min_value=1, max_value=720, help_text="How long it can be used.")
    tags = Words(max_length=MAX_TAGS, required=False)
    approve_at_once = Flag(required=False)


class EnrolmentTokenFilters(filters.FilterSet):
    device_group_id = AnyId(field_name="device_group_id")


class EnrolmentTokenViewSet(ApiViewSet):
    """Tokens by which machines join; each is for one machine."""

    queryset = EnrolmentToken.objects.all()
    serializer_class = EnrolmentTokenOut
    filterset_class = EnrolmentTokenFilters
    search_fields = ("name",)
    orderings = {"made_at": ("made_at", "id"), "id": ("id",)}
    required_permissions = {
        "list": keys.MANAGE_SYSTEM,
        "retrieve": keys.MANAGE_SYSTEM,
        "create": keys.MANAGE_SYSTEM,
        "withdraw": keys.MANAGE_SYSTEM,
    }

    def get_queryset(self) -> QuerySet[EnrolmentToken]:
        return EnrolmentToken.objects.visible_to(self.user)

    @extend_schema(request=EnrolmentTokenIn, responses={201: EnrolmentTokenMade})
    def create(self, request: Request) -> Response:
        """A token, with its text once. It is a dangerous act. An Idempotency-Key is refused: the text would be
        remembered with it."""
        wanted = self.body(EnrolmentTokenIn)
        step_up.require(request, acts.MAKE_ENROLMENT)
        if "Idempotency-Key" in request.headers:
            raise invalid("Making a token takes no Idempotency-Key.")
        group = groups_for(self.user).filter(pk=wanted["device_group_id"]).first()
        if group is None:
            raise ValidationError({"device_group_id": "There is no such device group."})
        made = make_token(
            name=wanted["name"], group=group, life=timedelta(hours=wanted["hours"]), tags=wanted.get("tags", ()),
            approve_at_once=wanted.get("approve_at_once", False), actor=self.actor,
        )  # fmt: skip
        shown: Any = made.token
        shown.secret, shown.command = made.text, made.command
        response = Response(EnrolmentTokenMade(shown).data, status=201)
        response["Location"] = f"/api/v1/enrolment-tokens/{made.token.pk}"
        return response

    @extend_schema(request=NothingIn, responses=EnrolmentTokenOut)
    @action(detail=True, methods=["post"])
    def withdraw(self, _request: Request, pk: str) -> Response:
        """No machine joins with it any more; who has joined stays."""
        token = self.get_object()
        self.body(NothingIn)
        withdraw_token(token, actor=self.actor)
        return self.show(self.get_object())


class AgentOrderOut(Out):
    """What was asked of an agent. `reference` says what it serves: the run of that delivery holds what came of it."""

    id = Id(source="pk")
    agent_id = Id(allow_null=True)
    kind = serializers.ChoiceField(OrderKind.choices)
    action = serializers.CharField()
    facet = serializers.CharField()
    reference = serializers.CharField()
    generation = serializers.IntegerField(allow_null=True)
    state = serializers.ChoiceField(OrderState.choices)
    percent = serializers.IntegerField(allow_null=True)
    error_code = serializers.CharField()
    error = serializers.CharField()
    created = Moment()
    signed_at = Moment(allow_null=True)
    handed_at = Moment(allow_null=True)
    began_at = Moment(allow_null=True)
    ended_at = Moment(allow_null=True)
    expires = Moment()


class AgentOrderFilters(filters.FilterSet):
    agent_id = AnyId(field_name="agent_id")
    state = AnyOf(OrderState.choices, field_name="state")
    action = AnyText(field_name="action")


class AgentOrderViewSet(ApiViewSet):
    """Orders to the agents that the caller sees; to read."""

    queryset = AgentOrder.objects.all()
    serializer_class = AgentOrderOut
    filterset_class = AgentOrderFilters
    orderings = {"id": ("id",)}
    required_permissions = {"list": keys.READ, "retrieve": keys.READ}

    def get_queryset(self) -> QuerySet[AgentOrder]:
        rows = AgentOrder.objects.visible_to(self.user)
        return rows.defer("envelope", "progress", "result", "arguments", "value")
