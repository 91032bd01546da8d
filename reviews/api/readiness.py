"""`/readiness`, `/contacts` and `/drills`: how prepared the house is, who decides, and what was practised."""

from django.db.models import Prefetch, QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys
from core import clock
from core.api.fields import Id, Moment
from core.api.filters import AnyOf
from core.api.serializers import FrozenActor, Out
from core.api.views import ApiViewSet
from core.readiness import Group, State
from incidents.api.people import UserName
from reviews.enums import DecisionKind, DrillKind
from reviews.models import Contact, Drill, Lesson
from reviews.services.readiness import Standing, holding, standings


class RowOut(Out):
    label = serializers.CharField()  # type: ignore[assignment]
    note = serializers.CharField()
    url = serializers.CharField()


class ChangeOut(Out):
    at = Moment()
    state = serializers.ChoiceField([(state.value, state.label) for state in State])
    sentence = serializers.CharField()
    count = serializers.IntegerField(allow_null=True)
    of = serializers.IntegerField(allow_null=True)


class CheckOut(Out):
    """`count` of `of` hold, where the check counts. `rows` is null when the caller may not read things by name."""

    key = serializers.CharField(source="check.key")
    label = serializers.CharField(source="check.label")  # type: ignore[assignment]
    group = serializers.ChoiceField([(group.value, group.label) for group in Group], source="check.group")
    why = serializers.CharField(source="check.why")
    url = serializers.CharField(source="check.url")
    state = serializers.ChoiceField([(state.value, state.label) for state in State], source="finding.state")
    sentence = serializers.CharField(source="finding.sentence")
    count = serializers.IntegerField(source="finding.count", allow_null=True)
    of = serializers.IntegerField(source="finding.of", allow_null=True)
    rows = serializers.SerializerMethodField()
    more = serializers.IntegerField(source="finding.more")
    since = Moment(allow_null=True)
    history = ChangeOut(many=True)

    @extend_schema(responses=RowOut(many=True))
    def get_rows(self, one: Standing) -> list[dict[str, str]] | None:
        return [dict(RowOut(row).data) for row in one.finding.rows] if one.reads_rows else None


class ReadinessOut(Out):
    """`holding` of `total` checks hold in full. History is told to those who see every device group."""

    at = Moment()
    holding = serializers.IntegerField()
    total = serializers.IntegerField()
    checks = CheckOut(many=True)


class ReadinessViewSet(ApiViewSet):
    """How prepared the house is, computed now from what the caller may see."""

    queryset = Contact.objects.none()
    serializer_class = ReadinessOut
    pagination_class = None
    filter_backends = ()
    required_permissions = {"show_readiness": keys.READ_REPORTS}

    @extend_schema(responses=ReadinessOut, operation_id="readiness")
    def show_readiness(self, _request: Request) -> Response:
        """Every check with its finding, what mends it, and how it stood before."""
        now = clock.now()
        found = standings(self.user, now=now)
        answer = {"at": now, "holding": holding(found), "total": len(found), "checks": found}
        return Response(ReadinessOut(answer).data)


class ContactOut(Out):
    """`person` and `deputy` are user names; without one, `name` and `deputy_name` say who it is."""

    id = Id(source="pk")
    decision = serializers.ChoiceField(DecisionKind.choices)
    words = serializers.CharField()
    person = UserName()
    name = serializers.CharField()
    phone = serializers.CharField()
    mail = serializers.CharField()
    deputy = UserName()
    deputy_name = serializers.CharField()
    deputy_phone = serializers.CharField()
    deputy_mail = serializers.CharField()
    note = serializers.CharField()
    reviewed = serializers.DateField()
    updated = Moment()
    version = serializers.IntegerField()


class ContactFilters(filters.FilterSet):
    decision = AnyOf(DecisionKind.choices, field_name="decision")


class ContactViewSet(ApiViewSet):
    """Who decides, who stands in, and how they are reached."""

    queryset = Contact.objects.none()
    serializer_class = ContactOut
    filterset_class = ContactFilters
    search_fields = ("words", "name", "deputy_name", "note")
    orderings = {"id": ("id",), "reviewed": ("reviewed", "id")}
    default_ordering = "id"
    required_permissions = {"list": keys.READ, "retrieve": keys.READ}

    def get_queryset(self) -> QuerySet[Contact]:
        return Contact.objects.visible_to(self.user).with_people()


class DrillOut(Out):
    """`lesson_ids` are the lessons of it that the caller may see."""

    id = Id(source="pk")
    kind = serializers.ChoiceField(DrillKind.choices)
    held = serializers.DateField()
    scenario = serializers.CharField()
    participants = serializers.CharField()
    findings = serializers.CharField()
    next_due = serializers.DateField(allow_null=True)
    lesson_ids = serializers.ListField(child=Id(), source="seen_lessons")
    created = Moment()
    created_by = FrozenActor()
    updated = Moment()
    version = serializers.IntegerField()


class DrillFilters(filters.FilterSet):
    kind = AnyOf(DrillKind.choices, field_name="kind")


class DrillViewSet(ApiViewSet):
    """Exercises that were held, and when the next ones are due."""

    queryset = Drill.objects.none()
    serializer_class = DrillOut
    filterset_class = DrillFilters
    search_fields = ("scenario", "participants", "findings")
    orderings = {"held": ("held", "id"), "id": ("id",)}
    default_ordering = "-held"
    required_permissions = {"list": keys.READ, "retrieve": keys.READ}

    def get_queryset(self) -> QuerySet[Drill]:
        seen = Lesson.objects.visible_to(self.user).order_by("pk")
        return Drill.objects.visible_to(self.user).prefetch_related(Prefetch("lessons", seen, to_attr="seen_lessons"))
