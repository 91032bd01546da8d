"""`/follow-ups` and `/lessons`: what reviews ask for, and what is learned."""

from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.shortcuts import get_object_or_404
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys
from core.api.errors import conflict
from core.api.fields import Choice, Id, Moment, Text, Words
from core.api.filters import AnyId, AnyOf, AnyText
from core.api.serializers import FrozenActor, In, Out
from core.api.views import ApiViewSet
from incidents.api.people import UserName
from incidents.models import Incident
from reviews.enums import FollowUpState, LessonCategory, LessonState
from reviews.models import FollowUp, Lesson
from reviews.services.follow_up import change_follow_up, overdue, set_follow_up_state
from reviews.services.lessons import StaleLesson, change_lesson, move_lesson, write_lesson


class FollowUpOut(Out):
    id = Id(source="pk")
    incident_id = Id(source="review.incident_id")
    text = serializers.CharField()
    owner = UserName()
    due = serializers.DateField()
    state = serializers.ChoiceField(FollowUpState.choices)
    lesson_id = Id(allow_null=True)
    outcome = serializers.CharField()
    done_at = Moment(allow_null=True)
    done_by = FrozenActor(allow_null=True)
    reopened_count = serializers.IntegerField()
    created = Moment()


class FollowUpChange(In):
    """Done needs an `outcome`: what was done, or where the evidence is. Opening again keeps it."""

    answer = FollowUpOut
    owner = UserName(required=False)
    due = serializers.DateField(required=False)
    state = Choice(FollowUpState.choices, required=False)
    outcome = Text(max_length=2000, required=False)
    reason = Text(max_length=500, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("state") == FollowUpState.DONE and not attrs.get("outcome"):
            raise serializers.ValidationError({"outcome": ["What was done, or where is the evidence?"]})
        return attrs


class FollowUpFilters(filters.FilterSet):
    state = AnyOf(FollowUpState.choices, field_name="state")
    owner = AnyText(field_name="owner__username")
    lesson_id = AnyId(field_name="lesson_id")
    overdue = filters.BooleanFilter(method="only_overdue")

    def only_overdue(self, rows: QuerySet[FollowUp], _name: str, value: bool) -> QuerySet[FollowUp]:
        return rows.filter(overdue()) if value else rows.exclude(overdue())


class FollowUpViewSet(ApiViewSet):
    """Follow-ups of the reviews that the caller may see."""

    queryset = FollowUp.objects.none()
    serializer_class = FollowUpOut
    filterset_class = FollowUpFilters
    search_fields = ("text",)
    orderings = {"due": ("due", "id"), "id": ("id",)}
    default_ordering = "due"
    required_permissions = {
        "list": keys.READ,
        "retrieve": keys.READ,
        "partial_update": keys.MANAGE_FOLLOW_UPS,
    }

    def get_queryset(self) -> QuerySet[FollowUp]:
        return FollowUp.objects.visible_to(self.user).select_related("owner", "review__incident")

    @extend_schema(request=FollowUpChange, responses=FollowUpOut)
    def partial_update(self, _request: Request, pk: str) -> Response:
        """Give it to somebody else, move its date, mark it done or open it again."""
        row, wanted = self.get_object(), self.body(FollowUpChange, partial=True)
        changes: dict[str, Any] = {name: wanted[name] for name in ("owner", "due") if name in wanted}
        said = wanted.get("reason", "")
        with transaction.atomic():
            if changes:
                change_follow_up(row, changes=changes, actor=self.actor, reason=said)
            if "state" in wanted:
                state = FollowUpState(wanted["state"])
                outcome = wanted.get("outcome", "") if state == FollowUpState.DONE else said
                set_follow_up_state(row.review, follow_up_id=row.pk, state=state, actor=self.actor, outcome=outcome)
        return self.show(self.get_object())


class LessonOut(Out):
    id = Id(source="pk")
    what = serializers.CharField()
    why = serializers.CharField()
    category = serializers.ChoiceField(LessonCategory.choices)
    state = serializers.ChoiceField(LessonState.choices)
    owner = UserName()
    incident_id = Id(allow_null=True)
    techniques = Words()
    detectors = Words()
    created = Moment()
    created_by = FrozenActor()
    updated = Moment()
    version = serializers.IntegerField()


class LessonChange(In):
    answer = LessonOut
    what = Text(max_length=300, required=False)
    why = Text(max_length=5000, allow_blank=True, required=False)
    category = Choice(LessonCategory.choices, required=False)
    owner = UserName(required=False)
    techniques = Words(longest=20, max_length=40, required=False)
    detectors = Words(longest=200, max_length=40, required=False)
    state = Choice(LessonState.choices, required=False)
    reason = Text(max_length=2000, allow_blank=True, required=False)


class LessonNew(In):
    answer = LessonOut
    what = Text(max_length=300)
    why = Text(max_length=5000, allow_blank=True, required=False)
    category = Choice(LessonCategory.choices, required=False)
    owner = UserName(required=False)
    techniques = Words(longest=20, max_length=40, required=False)
    detectors = Words(longest=200, max_length=40, required=False)
    incident_id = Id(required=False)


class LessonFilters(filters.FilterSet):
    state = AnyOf(LessonState.choices, field_name="state")
    category = AnyOf(LessonCategory.choices, field_name="category")
    owner = AnyText(field_name="owner__username")
    technique = AnyText(field_name="techniques", lookup="overlap")
    incident_id = AnyId(field_name="incident_id")


class LessonViewSet(ApiViewSet):
    """The register of lessons."""

    queryset = Lesson.objects.none()
    serializer_class = LessonOut
    filterset_class = LessonFilters
    search_fields = ("what", "why")
    orderings = {"updated": ("updated", "id"), "created": ("created", "id"), "id": ("id",)}
    default_ordering = "-updated"
    required_permissions = {
        "list": keys.READ,
        "retrieve": keys.READ,
        "create": keys.MANAGE_FOLLOW_UPS,
        "partial_update": keys.MANAGE_FOLLOW_UPS,
    }

    def get_queryset(self) -> QuerySet[Lesson]:
        return Lesson.objects.visible_to(self.user).select_related("owner")

    def search_for(self, text: str) -> Q:
        return Q(what__icontains=text) | Q(why__icontains=text)

    @extend_schema(request=LessonNew, responses={201: LessonOut})
    def create(self, _request: Request) -> Response:
        """Write down a lesson; techniques and detectors come from the incident unless they are given."""
        wanted = self.body(LessonNew)
        asked = wanted.pop("incident_id", None)
        incident = None
        if asked is not None:
            incident = get_object_or_404(Incident.objects.wholly_visible_to(self.user), pk=asked)
        return self.show(write_lesson(wanted, actor=self.actor, incident=incident), status=201)

    @extend_schema(request=LessonChange, responses=LessonOut)
    def partial_update(self, _request: Request, pk: str) -> Response:
        """Change its words, or its state: proposed, adopted, verified, rejected."""
        row = self.get_object()
        version = self.expected_version(row)
        wanted = self.body(LessonChange, partial=True)
        state, reason = wanted.pop("state", None), wanted.pop("reason", "")
        try:
            with transaction.atomic():
                row = change_lesson(row, changes=wanted, actor=self.actor, expected_version=version)
                if state is not None and state != row.state:
                    move_lesson(row, state=state, actor=self.actor, reason=reason)
        except StaleLesson:
            raise conflict("It was changed in the meantime.") from None
        return self.show(self.get_object())
