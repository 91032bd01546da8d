"""`/stop`, `/holds`, `/emergencies`, `/refusals`, `/policy`: what slows actions down, and why."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys, step_up
from accounts.models import ApiToken, User
from connectors.services import halt
from core import clock
from core.api.errors import invalid
from core.api.filters import AnyId, AnyOf, AnyText, Before, Since
from core.api.views import ApiViewSet
from incidents.enums import EntityKind
from remediation import acts
from remediation.api.brake_shapes import EmergencyOut, HoldOut, PolicyOut, ReasonIn, RefusalOut, StopOut
from remediation.api.shapes import NeededComment
from remediation.catalog import get, is_known
from remediation.enums import EmergencyState, Stage
from remediation.models import ActionRun, EmergencyApproval, Hold, Refusal
from remediation.policy.targets import MODELS
from remediation.queries.control import holds_visible_to
from remediation.queries.refusals import refusals_visible_to
from remediation.services.emergency import disown, ratify
from remediation.services.explain import explain
from remediation.services.holds import lift_hold
from remediation.services.stop import go_on, stop_everything

MOST_DIGITS = 18


class StopViewSet(ApiViewSet):
    """Whether everything is stopped."""

    serializer_class = StopOut
    pagination_class = None
    filter_backends = ()
    required_permissions = {"state": keys.READ, "stop": keys.STOP_ALL, "resume": keys.DECIDE_RESPONSE}

    @extend_schema(responses=StopOut)
    def state(self, _request: Request) -> Response:
        """The stop-all in force, if any."""
        found = halt.in_force()
        return Response(StopOut({"stopped": found is not None, "halt": found}).data)

    @extend_schema(request=ReasonIn, responses=StopOut)
    def stop(self, _request: Request) -> Response:
        """Let nothing leave from now on; doing it twice changes nothing."""
        began = stop_everything(actor=self.actor, reason=self.body(ReasonIn)["reason"])
        return Response(StopOut({"stopped": True, "halt": began}).data)

    @extend_schema(request=ReasonIn, responses=StopOut)
    def resume(self, request: Request) -> Response:
        """Let orders leave again, each asked anew. Needs `response.stop` as well."""
        if not self.user.holds(keys.STOP_ALL):
            raise PermissionDenied("This needs the permission response.stop.")
        wanted = self.body(ReasonIn)
        step_up.require(request, acts.RESUME)
        ended = go_on(actor=self.actor, reason=wanted["reason"])
        return Response(StopOut({"stopped": False, "halt": ended}).data)


class HoldFilters(filters.FilterSet):
    target_kind = AnyOf(EntityKind.choices, field_name="target_kind")
    target_id = AnyId(field_name="target_id")
    lifted = filters.BooleanFilter(field_name="lifted_at", lookup_expr="isnull", exclude=True)


class HoldViewSet(ApiViewSet):
    """Where a person took an action back and nothing automatic redoes it."""

    queryset = Hold.objects.none()
    serializer_class = HoldOut
    filterset_class = HoldFilters
    default_ordering = "-at"
    orderings = {"at": ("at", "id"), "id": ("id",)}
    required_permissions = {"list": keys.READ, "retrieve": keys.READ, "lift": keys.DECIDE_RESPONSE}

    def get_queryset(self) -> QuerySet[Hold]:
        return holds_visible_to(self.user)

    @extend_schema(request=NeededComment, responses=HoldOut)
    @action(detail=True, methods=["post"])
    def lift(self, _request: Request, pk: str) -> Response:
        """Let automation act there again. Only a person does, never a token."""
        found = self.get_object()
        lift_hold(found, actor=self.actor, user=self.user, comment=self.body(NeededComment)["comment"])
        return self.show(self.get_object())


class EmergencyFilters(filters.FilterSet):
    state = AnyOf(EmergencyState.choices, field_name="state")


class EmergencyViewSet(ApiViewSet):
    """Approvals by one person alone, by the id of their run."""

    queryset = EmergencyApproval.objects.none()
    serializer_class = EmergencyOut
    filterset_class = EmergencyFilters
    default_ordering = "-at"
    orderings = {"at": ("at", "id"), "id": ("id",)}
    required_permissions = {
        "list": keys.READ,
        "retrieve": keys.READ,
        "ratify": keys.DECIDE_RESPONSE,
        "disown": keys.DECIDE_RESPONSE,
    }

    def get_queryset(self) -> QuerySet[EmergencyApproval]:
        seen = ActionRun.objects.visible_to(self.user)
        return EmergencyApproval.objects.filter(run__in=seen).select_related("run")

    def get_object(self) -> EmergencyApproval:
        return get_object_or_404(self.get_queryset(), run=self.kwargs["pk"])

    @extend_schema(request=NeededComment, responses=EmergencyOut)
    @action(detail=True, methods=["post"])
    def ratify(self, _request: Request, pk: str) -> Response:
        """Agree afterwards."""
        approval = self.get_object()
        comment = self.body(NeededComment)["comment"]
        ratify(approval, actor=self.actor, user=self.user, comment=comment)
        return self.show(self.get_object())

    @extend_schema(request=NeededComment, responses=EmergencyOut)
    @action(detail=True, methods=["post"])
    def disown(self, _request: Request, pk: str) -> Response:
        """Do not agree: it is rolled back at once."""
        approval = self.get_object()
        comment = self.body(NeededComment)["comment"]
        disown(approval, actor=self.actor, user=self.user, comment=comment)
        return self.show(self.get_object())


class RefusalFilters(filters.FilterSet):
    stage = AnyOf(Stage.choices, field_name="stage")
    code = AnyText(field_name="code")
    rule = AnyText(field_name="rule")
    action = AnyText(field_name="action")
    target_kind = AnyOf(EntityKind.choices, field_name="target_kind")
    target_id = AnyId(field_name="target_id")
    at_since = Since("at")
    at_before = Before("at")


class RefusalViewSet(ApiViewSet):
    """Every no of the policy, with what it looked at."""

    queryset = Refusal.objects.none()
    serializer_class = RefusalOut
    filterset_class = RefusalFilters
    default_ordering = "-at"
    orderings = {"at": ("at", "id"), "id": ("id",)}
    required_permissions = {"list": keys.READ_AUDIT, "retrieve": keys.READ_AUDIT}

    def get_queryset(self) -> QuerySet[Refusal]:
        return refusals_visible_to(self.user)


class PolicyViewSet(ApiViewSet):
    """Why somebody can or cannot do something to something."""

    serializer_class = PolicyOut
    pagination_class = None
    filter_backends = ()
    query_parameters = ("action", "target_kind", "target_id", "person_id", "token_id")
    required_permissions = {"explain": keys.READ}

    @extend_schema(
        responses=PolicyOut,
        parameters=[
            OpenApiParameter("action", str, required=True),
            OpenApiParameter("target_id", str, required=True),
            OpenApiParameter("target_kind", str, description="As the action says."),
            OpenApiParameter("person_id", str, description="Yourself without it; others for administrators."),
            OpenApiParameter("token_id", str),
        ],
    )
    def explain(self, request: Request) -> Response:
        """Every rule in order, with its answer and what it looked at. Changes nothing."""
        wanted = request.query_params
        if not is_known(wanted.get("action", "")):
            raise invalid("There is no such action; see /api/v1/actions/catalog.", field="action")
        declared = get(wanted["action"])
        if wanted.get("target_kind", declared.target_kind) != declared.target_kind:
            raise invalid(f"This action is for a {declared.target_kind}.", field="target_kind")
        model: Any = MODELS[declared.target_kind]._default_manager
        target = get_object_or_404(model.visible_to(self.user), pk=_number(wanted.get("target_id"), "target_id"))
        person = self._person(wanted.get("person_id"))
        token = self._token(wanted.get("token_id"), person)
        parts = explain(person, declared, target, token=token, reader=self.user)
        return Response(PolicyOut({"results": parts}).data)

    def _person(self, given: str | None) -> User:
        """Oneself; somebody else for whoever administers people or reads the audit log."""
        reader: User = self.user
        if not given or given == str(reader.pk):
            return reader
        people = User.objects.all()
        if not (reader.holds(keys.MANAGE_AUTHORIZATION) or reader.holds(keys.READ_AUDIT)):
            people = people.filter(pk=reader.pk)
        return get_object_or_404(people, pk=_number(given, "person_id"))

    def _token(self, given: str | None, person: User) -> ApiToken | None:
        if not given:
            return None
        usable = ApiToken.objects.filter(user=person.pk, revoked_at=None, expires_at__gt=clock.real_now())
        return get_object_or_404(usable, pk=_number(given, "token_id"))


def _number(text: str | None, field: str) -> int:
    if not (text and text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
        raise invalid("An id is a string of digits.", field=field)
    return int(text)
