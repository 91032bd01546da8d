"""`/incidents/{id}/report`: the post-incident report as data."""

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys
from core.api.fields import AnyObject, Id, Moment
from core.api.serializers import Out
from core.api.views import ApiViewSet
from incidents.models import Incident
from reviews.enums import ReviewState
from reviews.models import Review
from reviews.report import report_of


class ReportOut(Out):
    incident_id = Id()
    state = serializers.ChoiceField([("none", "Not begun"), *ReviewState.choices])
    signed_at = Moment(allow_null=True)
    snapshot_sha256 = serializers.CharField(allow_blank=True)
    report = AnyObject(help_text="The frozen report of a signed review, else the report as it stands.")


class ReportViewSet(ApiViewSet):
    """The report below its incident."""

    queryset = Incident.objects.none()
    serializer_class = ReportOut
    pagination_class = None
    filter_backends = ()
    required_permissions = {"report": keys.READ}

    @extend_schema(responses=ReportOut, operation_id="incidents_report")
    def report(self, _request: Request, pk: str) -> Response:
        """Timeline, people, times, assets, actions and lessons of an incident."""
        incident = Incident.objects.wholly_visible_to(self.user).filter(pk=pk).first()
        if incident is None:
            raise Http404
        review = Review.objects.filter(incident=incident).first()
        answer = {
            "incident_id": incident.pk,
            "state": review.state if review else "none",
            "signed_at": review.signed_at if review else None,
            "snapshot_sha256": review.snapshot_sha256 if review else "",
            "report": report_of(review or Review(incident=incident)),
        }
        return Response(ReportOut(answer).data)
