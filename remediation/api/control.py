"""`/control-states`: what is in force, what drifts, and what would be done about it."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys
from core.api.filters import AnyId, AnyOf, Before, Since
from core.api.views import ApiViewSet
from incidents.enums import EntityKind
from remediation.api.control_shapes import ControlStateOut, PlanOut, ReconciledOut, ReconcileIn
from remediation.catalog import words
from remediation.enums import Facet, Source
from remediation.models import ActionRun, ControlState
from remediation.services.reconcile import Way, propose, reconcile
from remediation.taken_back import taken_back_of

MOST_PLANNED = 50


class ControlStateFilters(filters.FilterSet):
    target_kind = AnyOf(EntityKind.choices, field_name="target_kind")
    target_id = AnyId(field_name="target_id")
    facet = AnyOf(Facet.choices, field_name="facet")
    drift = filters.BooleanFilter(field_name="drift_since", lookup_expr="isnull", exclude=True)
    in_force = filters.BooleanFilter(method="only_in_force")
    since_since = Since("since")
    since_before = Before("since")

    def only_in_force(self, rows: QuerySet[ControlState], _name: str, value: bool) -> QuerySet[ControlState]:
        wanted = words.in_force("desired", "observed")
        return rows.filter(wanted) if value else rows.exclude(wanted)


class ControlStateViewSet(ApiViewSet):
    """What is wanted and what was last seen on each part of a target that an action touched."""

    queryset = ControlState.objects.none()
    serializer_class = ControlStateOut
    filterset_class = ControlStateFilters
    default_ordering = "-since"
    orderings = {"since": ("since", "id"), "id": ("id",)}
    required_permissions = {
        "list": keys.READ,
        "retrieve": keys.READ,
        "plan": keys.READ,
        "reconcile": keys.REQUEST_RESPONSE,
    }

    def get_queryset(self) -> QuerySet[ControlState]:
        return ControlState.objects.visible_to(self.user)

    def context_of(self, rows: list[Any]) -> dict[str, Any]:
        return {**super().context_of(rows), "seen_runs": self._seen_runs(rows)}

    def _seen_runs(self, states: Iterable[ControlState]) -> set[int]:
        ids = [state.run_id for state in states if state.run_id]
        return set(ActionRun.objects.visible_to(self.user).filter(pk__in=ids).values_list("pk", flat=True))

    @extend_schema(responses=PlanOut)
    @action(detail=False)
    def plan(self, _request: Request) -> Response:
        """What would be done about the 50 oldest drifts. Changes nothing."""
        drifting = self.get_queryset().filter(drift_since__isnull=False).order_by("drift_since", "pk")
        found = propose(drifting[:MOST_PLANNED], self.user)
        known = {"seen_runs": {one.run.pk for one in found}}
        return Response(PlanOut({"results": found, "next": None, "count": len(found)}, context=known).data)

    @extend_schema(request=ReconcileIn, responses=ReconciledOut)
    @action(detail=True, methods=["post"])
    def reconcile(self, _request: Request, pk: str) -> Response:
        """Do it: an ordinary request, with its approval. `accept` asks for the opposite action; where no action leads
        to what was seen, it is written down as wanted, by a person who may decide."""
        state: ControlState = self.get_object()
        wanted: dict[str, Any] = self.body(ReconcileIn)
        run = reconcile(
            state, way=Way(wanted["way"]), actor=self.actor, user=self.user, comment=wanted["comment"],
            source=Source.API,
        )  # fmt: skip
        after = self.get_object()
        known = {"seen_runs": self._seen_runs([after]), "taken_back": taken_back_of([run.pk] if run else [])}
        return Response(ReconciledOut({"state": after, "run": run}, context=known).data)
