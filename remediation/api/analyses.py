"""`/analyses`: deep analyses of files; and the three requests by which an analysis host works."""

import base64
import binascii
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
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
from incidents.models import Device, File, Incident
from remediation.api import errors as _errors  # noqa: F401 - says how refusals are told
from remediation.api.analysis_shapes import AnalysisNew, AnalysisOut, ClaimIn, LeaseIn, OrderOut, ResultIn
from remediation.enums import AnalysisState
from remediation.models import DeepAnalysis
from remediation.services.analysis import Sample, request_analysis
from remediation.services.analysis_work import LeaseLost, claim, sample_of, store_failure, store_report


class AnalysisFilters(filters.FilterSet):
    state = AnyOf(AnalysisState.choices, field_name="state")
    file_id = AnyId(field_name="file_id")
    incident_id = AnyId(field_name="incident_id")
    sha256 = AnyText(field_name="file__sha256")
    created_since = Since("created")
    created_before = Before("created")


class AnalysisViewSet(ApiViewSet):
    """Deep analyses of files that the caller sees. What an analysis host asks is answered to the holder of a lease."""

    queryset = DeepAnalysis.objects.none()
    serializer_class = AnalysisOut
    filterset_class = AnalysisFilters
    search_fields = ("name",)
    # A copy of 15 MiB in base64, or a report.
    max_body_bytes = 21 * 1024 * 1024
    required_permissions = {
        "list": keys.READ,
        "retrieve": keys.READ,
        "create": keys.REQUEST_ANALYSIS,
        "claim": keys.ANALYSE,
        "sample": keys.ANALYSE,
        "result": keys.ANALYSE,
    }

    def get_queryset(self) -> QuerySet[DeepAnalysis]:
        seen = DeepAnalysis.objects.visible_to(self.user).select_related("file")
        return seen.defer("report") if self.action == "list" else seen

    @extend_schema(request=AnalysisNew, responses={201: AnalysisOut})
    def create(self, _request: Request) -> Response:
        """Submit a file that the portal knows, or a copy of one."""
        wanted = self.body(AnalysisNew)
        subject = self._subject(wanted)
        device = incident = None
        if wanted.get("device_id") is not None:
            device = get_object_or_404(Device.objects.visible_to(self.user), pk=wanted["device_id"])
        if wanted.get("incident_id") is not None:
            incident = get_object_or_404(Incident.objects.visible_to(self.user), pk=wanted["incident_id"])
        made = request_analysis(
            subject, reason=wanted["reason"], device=device, incident=incident, actor=self.actor, user=self.user
        )
        response = self.show(self.get_queryset().get(pk=made.pk), status=201)
        response["Location"] = f"/api/v1/analyses/{made.pk}"
        return response

    @extend_schema(request=ClaimIn, responses=OrderOut)
    @action(detail=False, methods=["post"])
    def claim(self, _request: Request) -> Response:
        """The oldest sample that waits, on a lease."""
        order = claim(actor=self.actor, host=self.body(ClaimIn)["host"])
        if order is None:
            return Response(OrderOut({"id": "", "lease": "", "name": "", "sha256": "", "run_s": 0}).data)
        one = order.analysis
        digest = one.sample.sha256 if one.sample is not None else ""
        told = {"id": str(one.pk), "lease": order.lease, "name": one.name, "sha256": digest, "run_s": order.run_s}
        return Response(OrderOut(told).data)

    @extend_schema(request=LeaseIn, responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["post"])
    def sample(self, request: Request, pk: str) -> HttpResponse:
        """The bytes of the sample, for who holds its lease."""
        if "Idempotency-Key" in request.headers:
            raise invalid("A download takes no Idempotency-Key.")
        try:
            content = sample_of(int(pk), lease=self._lease(LeaseIn)["lease"])
        except LeaseLost:
            raise Http404 from None
        response = HttpResponse(content, content_type="application/octet-stream")
        response["Content-Disposition"] = 'attachment; filename="sample"'
        response["X-Content-Type-Options"] = "nosniff"
        return response

    @extend_schema(request=ResultIn, responses=OrderOut)
    @action(detail=True, methods=["post"])
    def result(self, _request: Request, pk: str) -> Response:
        """The report, or why there is none. The lease ends with it."""
        told = self._lease(ResultIn)
        try:
            if "report" in told:
                store_report(int(pk), lease=told["lease"], told=told["report"], actor=self.actor)
            else:
                code, message = told.get("error_code") or "failed", told.get("error_message") or "No reason was told."
                store_failure(int(pk), lease=told["lease"], code=code, message=message, actor=self.actor)
        except LeaseLost:
            raise Http404 from None
        return Response(OrderOut({"id": pk, "lease": "", "name": "", "sha256": "", "run_s": 0}).data)

    def _lease(self, shape: Any) -> Any:
        """The body; without a lease there is nothing here."""
        if not isinstance(self.request.data, dict) or not self.request.data.get("lease"):
            raise Http404
        return self.body(shape)

    def _subject(self, wanted: Any) -> File | Sample:
        if (wanted.get("file_id") is None) == (not wanted.get("content")):
            raise invalid("Either a file_id or the content of a copy is needed.", field="file_id")
        if wanted.get("file_id") is not None:
            found: File = get_object_or_404(File.objects.visible_to(self.user), pk=wanted["file_id"])
            return found
        try:
            content = base64.b64decode(wanted["content"], validate=True)
        except (binascii.Error, ValueError):
            raise invalid("The content is not base64.", field="content") from None
        return Sample(content, wanted.get("name") or "sample")
