"""`/period-reports`: figures of a period, frozen."""

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys
from core.api.errors import invalid
from core.api.fields import AnyObject, Id, Moment, Text
from core.api.filters import AnyId, AnyOf
from core.api.serializers import FrozenActor, In, Out
from core.api.views import ApiViewSet
from reviews.enums import DocumentState
from reviews.figures.period import read_period
from reviews.models import PeriodReport
from reviews.report import zone_called
from reviews.services.period_report import MAX_NOTES, MAX_TITLE, order_report, remake_report


class PeriodReportOut(Out):
    """`figures` is null until they are computed; `digest` is the SHA-256 over their canonical JSON."""

    id = Id(source="pk")
    series = Id()
    edition = serializers.IntegerField()
    title = serializers.CharField()
    since = Moment()
    until = Moment()
    time_zone = serializers.CharField(source="zone")
    notes = serializers.CharField()
    author = FrozenActor()
    made = Moment()
    state = serializers.ChoiceField(DocumentState.choices)
    error = serializers.CharField()
    digest = serializers.CharField()
    figures = AnyObject(source="content", allow_null=True)


class PeriodReportNew(In):
    answer = PeriodReportOut
    since = serializers.CharField(max_length=40)
    until = serializers.CharField(max_length=40)
    time_zone = Text(max_length=60, required=False)
    title = Text(max_length=MAX_TITLE, allow_blank=True, required=False)
    notes = Text(max_length=MAX_NOTES, allow_blank=True, required=False)


class RemakeIn(In):
    answer = PeriodReportOut
    notes = Text(max_length=MAX_NOTES, allow_blank=True, required=False)


class PeriodReportFilters(filters.FilterSet):
    series = AnyId(field_name="series")
    state = AnyOf(DocumentState.choices, field_name="state")


class PeriodReportViewSet(ApiViewSet):
    """Reports that tell no more than the caller may see. What is frozen never changes."""

    queryset = PeriodReport.objects.none()
    serializer_class = PeriodReportOut
    filterset_class = PeriodReportFilters
    search_fields = ("title",)
    orderings = {"made": ("made", "id"), "id": ("id",)}
    default_ordering = "-made"
    required_permissions = {
        "list": keys.READ_REPORTS,
        "retrieve": keys.READ_REPORTS,
        "create": keys.MAKE_REPORTS,
        "remake": keys.MAKE_REPORTS,
    }

    def get_queryset(self) -> QuerySet[PeriodReport]:
        return PeriodReport.objects.visible_to(self.user)

    @extend_schema(request=PeriodReportNew, responses={201: PeriodReportOut})
    def create(self, _request: Request) -> Response:
        """Freeze the figures of a period as the caller may see them; a worker computes and prints them."""
        wanted = self.body(PeriodReportNew)
        name = wanted.pop("time_zone", "UTC")
        zone = zone_called(name)
        if zone.key != name:
            raise invalid("There is no such time zone.", field="time_zone")
        span = {"since": wanted.pop("since"), "until": wanted.pop("until")}
        period = read_period(span, zone=zone)
        if period.word != "custom":
            raise invalid("Two times with a zone are needed, the first before the second.", field="since")
        words = {"title": wanted.get("title", ""), "notes": wanted.get("notes", "")}
        return self.show(order_report(self.user, period=period, actor=self.actor, **words), status=201)

    @extend_schema(request=RemakeIn, responses={201: PeriodReportOut})
    @action(detail=True, methods=["post"])
    def remake(self, _request: Request, pk: str) -> Response:
        """The same span as a new edition; the earlier one stays."""
        report = self.get_object()
        notes = self.body(RemakeIn).get("notes", "")
        return self.show(remake_report(report, user=self.user, notes=notes, actor=self.actor), status=201)
