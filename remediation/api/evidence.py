"""`/sweeps`, `/sweep-findings`, `/recoveries`, `/evidence` and `/quarantine`: clearing up, and what is kept of it."""

from typing import Any

from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys
from core.api.errors import invalid
from core.api.filters import AnyId, AnyOf, AnyText, Before, Since
from core.api.views import ApiViewSet
from core.downloads import download
from incidents.models import Device, Incident
from remediation.api import evidence_shapes as shapes
from remediation.enums import CustodyKind, FindingState, RecoveryState, Source, SweepItemKind, SweepState
from remediation.models import Custody, QuarantinedItem, Recovery, RecoveryStep, Sweep, SweepFinding, SweepPart
from remediation.services.compare_sweeps import compare
from remediation.services.export_evidence import export_evidence
from remediation.services.quarantined import drifts_of
from remediation.services.recover import reopen_recovery, set_step, start_recovery, start_watch
from remediation.services.remove_findings import accept_findings, remove_findings, reopen_findings
from remediation.services.sweep import start_sweep


class SweepFilters(filters.FilterSet):
    incident_id = AnyId(field_name="incident_id")
    state = AnyOf(SweepState.choices, field_name="state")
    created_since = Since("created")
    created_before = Before("created")


class SweepViewSet(ApiViewSet):
    """Sweeps of incidents that you see, with the devices that you see."""

    queryset = Sweep.objects.none()
    serializer_class = shapes.SweepOut
    filterset_class = SweepFilters
    default_ordering = "-created"
    orderings = {"created": ("created", "id"), "id": ("id",)}
    required_permissions = {"list": keys.READ, "retrieve": keys.READ, "create": keys.REQUEST_RESPONSE}

    def get_queryset(self) -> Any:
        return Sweep.objects.visible_to(self.user).select_related("incident")

    def context_of(self, rows: list[Any]) -> dict[str, Any]:
        seen = Device.objects.visible_to(self.user)
        parts: dict[int, list[SweepPart]] = {}
        for part in SweepPart.objects.filter(sweep__in=rows, device__in=seen).select_related("device").order_by("pk"):
            parts.setdefault(part.sweep_id, []).append(part)
        compared = {} if self.is_list else {row.pk: compare(row, self.user) for row in rows}
        return {**super().context_of(rows), "parts": parts, "compared": compared}

    @extend_schema(request=shapes.SweepNew, responses={201: shapes.SweepOut})
    def create(self, _request: Request) -> Response:
        """Ask every device in your scope that can be asked. Each is an ordinary run of `device.sweep`."""
        wanted = self.body(shapes.SweepNew)
        incident = get_object_or_404(Incident.objects.visible_to(self.user), pk=wanted["incident_id"])
        made = start_sweep(
            incident, items=wanted["items"], reason=wanted["comment"], actor=self.actor, user=self.user,
            source=Source.API,
        )  # fmt: skip
        response = self.show(self.get_queryset().get(pk=made.pk), status=201)
        response["Location"] = f"/api/v1/sweeps/{made.pk}"
        return response


class FindingFilters(filters.FilterSet):
    incident_id = AnyId(field_name="incident_id")
    sweep_id = AnyId(field_name="sweeps__id")
    device_id = AnyId(field_name="device_id")
    kind = AnyOf(SweepItemKind.choices, field_name="kind")
    state = AnyOf(FindingState.choices, field_name="state")


class FindingViewSet(ApiViewSet):
    """What sweeps found, where, and what became of it."""

    queryset = SweepFinding.objects.none()
    serializer_class = shapes.FindingOut
    filterset_class = FindingFilters
    search_fields = ("where", "value")
    default_ordering = "-last_seen"
    orderings = {"last_seen": ("last_seen", "id"), "id": ("id",)}
    required_permissions = {
        "list": keys.READ,
        "retrieve": keys.READ,
        "remove": keys.REQUEST_RESPONSE,
        "accept": keys.DECIDE_RESPONSE,
        "reopen": keys.DECIDE_RESPONSE,
    }

    def get_queryset(self) -> Any:
        return SweepFinding.objects.visible_to(self.user).select_related("device", "incident", "file", "identity")

    @extend_schema(request=shapes.FindingsIn, responses=shapes.RemovalsOut)
    @action(detail=False, methods=["post"])
    def remove(self, _request: Request) -> Response:
        """Ask for the removal of each through its ordinary action; the answer says what became of each."""
        wanted = self.body(shapes.FindingsIn)
        done = remove_findings(
            self._named(wanted["ids"]), reason=wanted["comment"], actor=self.actor, user=self.user, source=Source.API
        )
        good = sum(one.ok for one in done)
        return Response(shapes.RemovalsOut({"results": done, "done": good, "refused": len(done) - good}).data)

    @extend_schema(request=shapes.FindingsIn, responses=shapes.AcceptedOut)
    @action(detail=False, methods=["post"])
    def accept(self, _request: Request) -> Response:
        """Leave them where they are, with a reason."""
        wanted = self.body(shapes.FindingsIn)
        found = self._named(wanted["ids"])
        count = accept_findings(found, reason=wanted["comment"], actor=self.actor, user=self.user)
        return Response(shapes.AcceptedOut({"accepted": count}).data)

    @extend_schema(request=shapes.FindingsIn, responses=shapes.ReopenedOut)
    @action(detail=False, methods=["post"])
    def reopen(self, _request: Request) -> Response:
        """Take an acceptance back, with a reason: they count as found again."""
        wanted = self.body(shapes.FindingsIn)
        found = self._named(wanted["ids"])
        count = reopen_findings(found, reason=wanted["comment"], actor=self.actor, user=self.user)
        return Response(shapes.ReopenedOut({"reopened": count}).data)

    def _named(self, ids: list[int]) -> list[SweepFinding]:
        found = list(self.get_queryset().filter(pk__in=ids).order_by("pk"))
        if len(found) != len(set(ids)):
            raise invalid("There is no such finding.", field="ids")
        return found


class RecoveryFilters(filters.FilterSet):
    incident_id = AnyId(field_name="incident_id")
    device_id = AnyId(field_name="device_id")
    state = AnyOf(RecoveryState.choices, field_name="state")


class RecoveryViewSet(ApiViewSet):
    """Devices on their way back to work."""

    queryset = Recovery.objects.none()
    serializer_class = shapes.RecoveryOut
    filterset_class = RecoveryFilters
    default_ordering = "-began"
    orderings = {"began": ("began", "id"), "id": ("id",)}
    required_permissions = {
        "list": keys.READ,
        "retrieve": keys.READ,
        "create": keys.REQUEST_RESPONSE,
        "step": keys.REQUEST_RESPONSE,
        "watch": keys.REQUEST_RESPONSE,
        "reopen": keys.REQUEST_RESPONSE,
    }

    def get_queryset(self) -> Any:
        seen = Recovery.objects.visible_to(self.user).select_related("device", "incident")
        return seen.prefetch_related("steps")

    @extend_schema(request=shapes.RecoveryNew, responses={201: shapes.RecoveryOut(many=True)})
    def create(self, _request: Request) -> Response:
        """A checklist for each of the devices; one that has one keeps it."""
        wanted = self.body(shapes.RecoveryNew)
        incident = get_object_or_404(Incident.objects.visible_to(self.user), pk=wanted["incident_id"])
        devices = list(Device.objects.visible_to(self.user).filter(pk__in=wanted["device_ids"]))
        if len(devices) != len(set(wanted["device_ids"])):
            raise invalid("There is no such device.", field="device_ids")
        made = start_recovery(incident, devices=devices, actor=self.actor, user=self.user)
        rows = self.get_queryset().filter(pk__in=[one.pk for one in made]).order_by("pk")
        return Response(shapes.RecoveryOut(rows, many=True).data, status=201)

    @extend_schema(request=shapes.StepIn, responses=shapes.RecoveryOut)
    @action(detail=True, methods=["post"])
    def step(self, _request: Request, pk: str) -> Response:
        """Say what became of one step."""
        recovery, wanted = self.get_object(), self.body(shapes.StepIn)
        found = get_object_or_404(RecoveryStep.objects.filter(recovery=recovery), pk=wanted.pop("step_id"))
        set_step(found, **wanted, actor=self.actor, user=self.user)
        return self.show(self.get_object())

    @extend_schema(request=shapes.WatchIn, responses=shapes.RecoveryOut)
    @action(detail=True, methods=["post"])
    def watch(self, _request: Request, pk: str) -> Response:
        """Begin the watched return, once every needed step is done."""
        recovery, wanted = self.get_object(), self.body(shapes.WatchIn)
        start_watch(recovery, hours=wanted.get("hours"), actor=self.actor, user=self.user)
        return self.show(self.get_object())

    @extend_schema(request=shapes.RecoveryReasonIn, responses=shapes.RecoveryOut)
    @action(detail=True, methods=["post"])
    def reopen(self, _request: Request, pk: str) -> Response:
        """Go through it again."""
        recovery, wanted = self.get_object(), self.body(shapes.RecoveryReasonIn)
        reopen_recovery(recovery, reason=wanted["comment"], actor=self.actor, user=self.user)
        return self.show(self.get_object())


class EvidenceFilters(filters.FilterSet):
    kind = AnyOf(CustodyKind.choices, field_name="kind")
    incident_id = AnyId(field_name="incident_id")
    device_id = AnyId(field_name="device_id")
    run_id = AnyId(field_name="run_id")
    sha256 = AnyText(field_name="sha256")
    deleted = filters.BooleanFilter(field_name="gone", lookup_expr="isnull", exclude=True)
    taken_since = Since("taken")
    taken_before = Before("taken")


class EvidenceViewSet(ApiViewSet):
    """Evidence and its custody. Contents are handed out by `/actions/{id}/artefacts/{artefact_id}`."""

    queryset = Custody.objects.none()
    serializer_class = shapes.CustodyOut
    filterset_class = EvidenceFilters
    search_fields = ("name", "device_name")
    default_ordering = "-taken"
    orderings = {"taken": ("taken", "id"), "id": ("id",)}
    required_permissions = {"list": keys.READ, "retrieve": keys.READ, "export": keys.REQUEST_RESPONSE}

    def get_queryset(self) -> Any:
        return Custody.objects.visible_to(self.user).select_related("blob", "incident").distinct()

    def context_of(self, rows: list[Any]) -> dict[str, Any]:
        return {**super().context_of(rows), "one": not self.is_list}

    @extend_schema(request=shapes.ExportIn, responses={(200, "application/zip"): OpenApiTypes.BINARY})
    @action(detail=False, methods=["post"])
    def export(self, _request: Request) -> HttpResponseBase:
        """A sealed export: the files, a manifest with hashes and custody, and its signature (docs/evidence.md)."""
        wanted = self.body(shapes.ExportIn)
        found = list(self.get_queryset().filter(pk__in=wanted["ids"]))
        if len(found) != len(set(wanted["ids"])):
            raise invalid("There is no such evidence.", field="ids")
        content = export_evidence(found, reason=wanted["comment"], actor=self.actor, user=self.user)
        return download(content, name="evidence.zip", media_type="application/zip")


class QuarantineFilters(filters.FilterSet):
    device_id = AnyId(field_name="device_id")
    file_id = AnyId(field_name="file_id")
    run_id = AnyId(field_name="run_id")
    released = filters.BooleanFilter(field_name="released", lookup_expr="isnull", exclude=True)


class QuarantineViewSet(ApiViewSet):
    """What lies, or lay, in the quarantine of which device. It is given back by undoing its run, or by `file.restore`
    of its file: every copy, or with the argument `copy`, an id of this list, that one."""

    queryset = QuarantinedItem.objects.none()
    serializer_class = shapes.QuarantinedOut
    filterset_class = QuarantineFilters
    search_fields = ("name", "path")
    default_ordering = "-since"
    orderings = {"since": ("since", "id"), "id": ("id",)}
    required_permissions = {"list": keys.READ, "retrieve": keys.READ}

    def get_queryset(self) -> Any:
        return QuarantinedItem.objects.visible_to(self.user).select_related("device", "file")

    def context_of(self, rows: list[Any]) -> dict[str, Any]:
        return {**super().context_of(rows), "drifts": drifts_of(rows)}
