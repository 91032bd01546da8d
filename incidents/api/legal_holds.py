"""`/legal-holds`: incidents of which nothing may be deleted."""

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys, step_up
from core.api.fields import Id, Moment, Text
from core.api.filters import AnyId
from core.api.serializers import FrozenActor, In, Out
from core.api.views import ApiViewSet
from incidents.models import Incident, LegalHold
from incidents.services.legal_hold import LIFT, MAX_REASON, MAX_REFERENCE, lift_hold, place_hold


class LegalHoldOut(Out):
    id = Id(source="pk")
    incident_id = Id()
    reason = serializers.CharField()
    reference = serializers.CharField()
    placed_by = FrozenActor()
    placed = Moment()
    in_force = serializers.BooleanField()
    lifted_by = FrozenActor(allow_null=True)
    lifted = Moment(allow_null=True)
    lift_reason = serializers.CharField()


class LegalHoldNew(In):
    answer = LegalHoldOut
    incident = Id()
    reason = Text(max_length=MAX_REASON)
    reference = Text(max_length=MAX_REFERENCE, allow_blank=True, required=False)


class LiftIn(In):
    answer = LegalHoldOut
    reason = Text(max_length=MAX_REASON)


class LegalHoldFilters(filters.FilterSet):
    incident_id = AnyId(field_name="incident_id")
    in_force = filters.BooleanFilter(field_name="lifted", lookup_expr="isnull")


class LegalHoldViewSet(ApiViewSet):
    """Of the incidents that the caller sees. A lifted hold stays in the list."""

    queryset = LegalHold.objects.none()
    serializer_class = LegalHoldOut
    filterset_class = LegalHoldFilters
    search_fields = ("reason", "reference")
    required_permissions = {
        "list": keys.MANAGE_HOLDS,
        "retrieve": keys.MANAGE_HOLDS,
        "create": keys.MANAGE_HOLDS,
        "lift": keys.MANAGE_HOLDS,
    }

    def get_queryset(self) -> QuerySet[LegalHold]:
        return LegalHold.objects.visible_to(self.user)

    @extend_schema(request=LegalHoldNew, responses={201: LegalHoldOut})
    def create(self, _request: Request) -> Response:
        """Keep everything of an incident until the hold is lifted."""
        wanted = self.body(LegalHoldNew)
        incident = get_object_or_404(Incident.objects.visible_to(self.user), pk=wanted.pop("incident"))
        return self.show(place_hold(incident, actor=self.actor, **wanted), status=201)

    @extend_schema(request=LiftIn, responses=LegalHoldOut)
    @action(detail=True, methods=["post"])
    def lift(self, request: Request, pk: str) -> Response:
        """Let retention and erasure apply to the incident again."""
        hold = self.get_object()
        step_up.require(request, LIFT)
        return self.show(lift_hold(hold, reason=self.body(LiftIn)["reason"], actor=self.actor))
