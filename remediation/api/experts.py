"""`/experts`: questions to people, groups and retainers, their threads, and whom one may ask."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys
from accounts.models import User
from core.api.errors import invalid
from core.api.filters import AnyId, AnyOf, Before, Since
from core.api.views import ApiViewSet
from incidents.models import Alert, Device, File, Incident
from remediation.api import errors as _errors  # noqa: F401 - says how refusals are told
from remediation.api.expert_shapes import AskableOut, ExpertAsk, ExpertRequestOut, ExpertSay
from remediation.enums import AnsweredBy, AskedAbout, ExpertStatus
from remediation.expert_askable import askable_groups, askable_people, askable_retainers
from remediation.models import ExpertGroup, ExpertRequest, Retainer
from remediation.services.ask_expert import ask_expert, close_request, say

SUBJECTS: dict[str, Any] = {"incident": Incident, "alert": Alert, "device": Device, "file": File}
ASKED: dict[str, tuple[str, Any]] = {
    "person": ("expert", User),
    "group": ("group", ExpertGroup),
    "retainer": ("retainer", Retainer),
}
WITHIN_H = 24


class ExpertFilters(filters.FilterSet):
    status = AnyOf(ExpertStatus.choices, field_name="status")
    subject_kind = AnyOf(AskedAbout.choices, field_name="subject_kind")
    subject_id = AnyId(field_name="subject_id")
    incident_id = AnyId(field_name="incident_id")
    created_since = Since("created")
    created_before = Before("created")


class ExpertViewSet(ApiViewSet):
    """Questions that you asked, are asked, or whose subject you see."""

    queryset = ExpertRequest.objects.none()
    serializer_class = ExpertRequestOut
    filterset_class = ExpertFilters
    search_fields = ("topic", "subject_name")
    default_ordering = "-updated"
    orderings = {"updated": ("updated", "id"), "due": ("due", "id"), "id": ("id",)}
    required_permissions = {
        "list": keys.READ,
        "retrieve": keys.READ,
        "create": keys.MANAGE_ALERTS,
        "askable": keys.MANAGE_ALERTS,
        "answer": keys.READ,
        "close": keys.READ,
    }

    def get_queryset(self) -> QuerySet[ExpertRequest]:
        seen = ExpertRequest.objects.visible_to(self.user)
        return seen.select_related("asker", "expert", "group", "retainer").prefetch_related("messages")

    def context_of(self, rows: list[Any]) -> dict[str, Any]:
        mine = ExpertRequest.objects.shared_with(self.user).filter(pk__in=[row.pk for row in rows])
        return {**super().context_of(rows), "shared_with_me": set(mine.values_list("pk", flat=True))}

    @extend_schema(request=ExpertAsk, responses={201: ExpertRequestOut})
    def create(self, _request: Request) -> Response:
        """Ask; exactly the blocks named in `share` go with the question, as they are now."""
        wanted = self.body(ExpertAsk)
        named = wanted["subject"]
        subject = get_object_or_404(SUBJECTS[named["kind"]].objects.visible_to(self.user), pk=named["id"])
        incident = None
        if wanted.get("incident_id") is not None:
            incident = get_object_or_404(Incident.objects.visible_to(self.user), pk=wanted["incident_id"])
        made = ask_expert(
            subject, topic=wanted["topic"], text=wanted["question"], share=wanted.get("share", []), incident=incident,
            within_h=wanted.get("within_h", WITHIN_H), actor=self.actor, user=self.user, **_asked(wanted["to"]),
        )  # fmt: skip
        response = self.show(self.get_queryset().get(pk=made.pk), status=201)
        response["Location"] = f"/api/v1/experts/{made.pk}"
        return response

    @extend_schema(request=ExpertSay, responses=ExpertRequestOut)
    @action(detail=True, methods=["post"])
    def answer(self, _request: Request, pk: str) -> Response:
        """Answer, or ask on as the asker. `answered_by` writes down what a retainer answered outside the portal."""
        found = self.get_object()
        wanted = self.body(ExpertSay)
        how = AnsweredBy(wanted["answered_by"]) if wanted.get("answered_by") else None
        say(found, text=wanted["text"], answered_by=how, actor=self.actor, user=self.user)
        return self.show(self.get_object())

    @extend_schema(request=None, responses=ExpertRequestOut)
    @action(detail=True, methods=["post"])
    def close(self, _request: Request, pk: str) -> Response:
        """Say that it is over: the asker, or who was asked."""
        found = self.get_object()
        close_request(found, actor=self.actor, user=self.user)
        return self.show(self.get_object())

    @extend_schema(responses=AskableOut)
    @action(detail=False)
    def askable(self, _request: Request) -> Response:
        """The people, groups and retainers that you may ask."""
        found = [
            *({"kind": "group", "id": one.pk, "name": one.name} for one in askable_groups()),
            *({"kind": "person", "id": one.pk, "name": str(one)} for one in askable_people(self.user)),
            *({"kind": "retainer", "id": one.pk, "name": one.name} for one in askable_retainers()),
        ]
        return Response(AskableOut({"results": found, "next": None, "count": len(found)}).data)


def _asked(to: dict[str, Any]) -> dict[str, Any]:
    name, model = ASKED[to["kind"]]
    found = model._default_manager.filter(pk=to["id"]).first()
    if found is None:
        raise invalid("There is nobody of this kind and id to ask.", field="to")
    return {name: found}
