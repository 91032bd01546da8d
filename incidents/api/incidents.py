"""`/incidents` and what hangs below one."""

from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys
from core.api.errors import conflict
from core.api.filters import having_id
from core.api.views import ApiViewSet
from incidents.api import errors as _errors  # noqa: F401 - says how this room's exceptions are told
from incidents.api.alert_shapes import AlertOut, EvidenceOut
from incidents.api.filters import AlertFilters, IncidentFilters
from incidents.api.incident_shapes import (
    ActivityOut,
    CommentNew,
    CommentOut,
    IncidentChange,
    IncidentNew,
    IncidentOut,
    MergeNew,
    MergePlanNew,
    MergePlanOut,
    new_incident_arguments,
)
from incidents.api.scope import MODELS, hidden_entities, named_by_alerts, named_by_evidence, named_by_incidents
from incidents.history import as_told, events_of
from incidents.models import Alert, Comment, Evidence, Incident
from incidents.queries.incidents import name_contains
from incidents.queue import naming
from incidents.services.comment import comment_on
from incidents.services.create_incident import Entity, create_incident
from incidents.services.manage import update_incident
from incidents.services.merge import merge_incidents, plan_merge

BY_ID = {"id": ("id",)}
BY_CREATED = {"created": ("created", "id"), "id": ("id",)}
ALERT_ORDERINGS = {
    "last_activity": ("last_activity", "id"),
    "first_activity": ("first_activity", "id"),
    "created": ("created", "id"),
    "id": ("id",),
}


class IncidentViewSet(ApiViewSet):
    """The stories that belong together. Merged incidents are left out of lists and still read by id."""

    queryset = Incident.objects.none()
    serializer_class = IncidentOut
    filterset_class = IncidentFilters
    search_fields = ("display_name", "impacted_assets")
    default_ordering = "-last_activity"
    orderings = {
        "priority_score": ("priority_score", "last_activity", "id"),
        "severity": ("severity_rank", "last_activity", "id"),
        "last_activity": ("last_activity", "id"),
        "first_activity": ("first_activity", "id"),
        "created": ("created", "id"),
        "updated": ("updated", "id"),
        "display_name": ("shown_name", "id"),
        "id": ("id",),
    }
    list_actions = frozenset({"comments", "activities", "alerts", "evidence"})
    required_permissions = {
        "list": keys.READ,
        "retrieve": keys.READ,
        "create": keys.MANAGE_ALERTS,
        "partial_update": keys.MANAGE_ALERTS,
        "merge": keys.MANAGE_ALERTS,
        "merge_plan": keys.MANAGE_ALERTS,
        "comments": keys.READ,
        "add_comment": keys.MANAGE_ALERTS,
        "activities": keys.READ,
        "alerts": keys.READ,
        "evidence": keys.READ,
    }

    def get_queryset(self) -> QuerySet[Incident]:
        seen = Incident.objects.visible_to(self.user).select_related("assigned_to")
        if "display_name" in self.request.query_params.get("ordering", ""):
            seen = seen.with_shown_name(self.user)
        listed_all = self.action != "list" or "redirected" in self.request.query_params.getlist("status")
        return seen if listed_all else seen.listed()

    def search_for(self, text: str) -> Q:
        """By name or number, and by assets and addresses that visible alerts name: as the queue does."""
        if self.action != "list":
            return super().search_for(text)
        called = Incident.objects.filter(name_contains(text, self.user) | having_id(text))
        return Q(pk__in=called.values("pk").union(Incident.objects.filter(naming(text, self.user)).values("pk")))

    def context_of(self, rows: list[Any]) -> dict[str, Any]:
        hidden = hidden_entities(self.user, named_by_incidents(rows))
        return {**super().context_of(rows), "hidden_entities": hidden}

    @extend_schema(request=IncidentNew, responses={201: IncidentOut})
    def create(self, _request: Request) -> Response:
        """Open an incident by hand."""
        checked = self.body(IncidentNew)
        entities = [self._entity(one) for one in checked.get("entities", ())]
        incident = create_incident(
            checked["display_name"], entities=entities, actor=self.actor, **new_incident_arguments(checked)
        )
        response = self.show(self.get_queryset().get(pk=incident.pk), status=201)
        response["Location"] = f"/api/v1/incidents/{incident.pk}"
        return response

    def _entity(self, named: dict[str, Any]) -> Entity:
        seen = MODELS[named["kind"]].objects.visible_to(self.user)
        found: Entity | None = seen.filter(pk=named["id"]).first()
        if found is None:
            raise Http404
        return found

    @extend_schema(request=IncidentChange, responses=IncidentOut)
    def partial_update(self, _request: Request, pk: str) -> Response:
        """Change an incident. Resolving resolves its alerts, assigning assigns them."""
        incident = self.get_object()
        if incident.redirect_incident_id is not None:
            target = f"/api/v1/incidents/{incident.redirect_incident_id}"
            raise conflict("This incident was merged into another: change that one.", link=target)
        version = self.expected_version(incident)
        changes = self.body(IncidentChange, partial=True)
        if changes.get("display_name") == incident.display_name:
            del changes["display_name"]  # sent back as it was read, perhaps not as it is stored
        update_incident(incident, changes=changes, actor=self.actor, expected_version=version)
        return self.show(self.get_object())

    @extend_schema(request=MergeNew, responses=IncidentOut)
    @action(detail=False, methods=["post"])
    def merge(self, _request: Request) -> Response:
        """Merge 2 to 5 incidents into one that the portal chooses; the others lead there from then on."""
        wanted = self.body(MergeNew)
        said = {name: wanted[name] for name in ("comment", "reasons") if name in wanted}
        target = merge_incidents(self._all_of(wanted["incidents"]), actor=self.actor, user=self.user, **said)
        return self.show(self.get_queryset().get(pk=target.pk))

    @extend_schema(request=MergePlanNew, responses=MergePlanOut)
    @action(detail=False, methods=["post"], url_path="merge/plan")
    def merge_plan(self, _request: Request) -> Response:
        """What merging these would do, and what stands in the way. Changes nothing."""
        rows = self._all_of(self.body(MergePlanNew)["incidents"])
        return Response(MergePlanOut(plan_merge(rows, user=self.user)).data)

    def _all_of(self, ids: list[int]) -> list[Incident]:
        """One that is out of reach stops all."""
        rows = list(self.get_queryset().filter(pk__in=ids))
        if len(rows) != len(set(ids)):
            raise Http404
        return rows

    @extend_schema(responses=CommentOut(many=True))
    @action(detail=True, filterset_class=None, search_fields=("text",), orderings=BY_CREATED,
            default_ordering="-created")  # fmt: skip
    def comments(self, _request: Request, pk: str) -> Response:
        """What people wrote about it."""
        return self.page_of(Comment.objects.filter(incident=self.get_object()), CommentOut)

    @extend_schema(request=CommentNew, responses={201: CommentOut})
    @comments.mapping.post
    def add_comment(self, _request: Request, pk: str) -> Response:
        """Add plain text to its history."""
        incident = self.get_object()
        comment = comment_on(incident, text=self.body(CommentNew)["text"], actor=self.actor)
        return Response(CommentOut(comment).data, status=201)

    @extend_schema(responses=ActivityOut(many=True))
    @action(detail=True, filterset_class=None, search_fields=(), orderings={"at": ("at", "id")}, default_ordering="-at")
    def activities(self, _request: Request, pk: str) -> Response:
        """Everything that anybody or the portal changed. What hidden alerts did is left out."""
        incident = self.get_object()
        page = self.paginate_queryset(self.filter_queryset(events_of(incident, self.user))) or []
        told = [as_told(event, incident, self.user) for event in page]
        return self.get_paginated_response(ActivityOut(told, many=True).data)

    @extend_schema(responses=AlertOut(many=True))
    @action(detail=True, filterset_class=AlertFilters, search_fields=("title",), orderings=ALERT_ORDERINGS,
            default_ordering="first_activity")  # fmt: skip
    def alerts(self, _request: Request, pk: str) -> Response:
        """Its alerts, as far as they may be seen."""
        mine = Alert.objects.visible_to(self.user).filter(incident=self.get_object())
        return self._page_with_evidence(mine.with_evidence(self.user), AlertOut)

    @extend_schema(responses=EvidenceOut(many=True))
    @action(detail=True, filterset_class=None, search_fields=("display",), orderings=BY_ID, default_ordering="id")
    def evidence(self, _request: Request, pk: str) -> Response:
        """What its alerts name."""
        rows = Evidence.objects.visible_to(self.user).filter(alert__incident=self.get_object())
        return self._page_with_evidence(rows, EvidenceOut)

    def _page_with_evidence(self, rows: QuerySet[Any], shape: type[AlertOut | EvidenceOut]) -> Response:
        page = self.paginate_queryset(self.filter_queryset(rows)) or []
        named = named_by_alerts(page) if shape is AlertOut else named_by_evidence(page)
        context = {"hidden_entities": hidden_entities(self.user, named)}
        return self.get_paginated_response(shape(page, many=True, context=context).data)
