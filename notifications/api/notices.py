"""`/notices`: what the caller was told in the portal."""

from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys
from core.api.fields import Flag, Id, Moment
from core.api.filters import AnyText
from core.api.serializers import In, Out
from core.api.views import ApiViewSet
from notifications.audiences import readable_subjects
from notifications.models import Notice
from notifications.services.inbox import in_words_of_now, mark


class NoticeOut(Out):
    id = Id(source="pk")
    topic = serializers.CharField()
    subject = serializers.CharField(help_text="Such as `incident:42`.")
    title = serializers.CharField()
    body = serializers.CharField()
    severity = serializers.CharField(allow_blank=True)
    url = serializers.CharField(allow_blank=True, help_text="A path of the portal.")
    created = Moment()
    read_at = Moment(allow_null=True)


class MarkIn(In):
    ids = serializers.ListField(child=Id(), max_length=200, required=False, help_text="Without it, all.")
    read = Flag()


class MarkedOut(Out):
    changed = serializers.IntegerField()


class NoticeFilters(filters.FilterSet):
    topic = AnyText(field_name="topic")
    subject = AnyText(field_name="subject")
    unread = filters.BooleanFilter(field_name="read_at", lookup_expr="isnull")


class NoticeViewSet(ApiViewSet):
    """One's own notices, without those about things that one may no longer read."""

    queryset = Notice.objects.none()
    serializer_class = NoticeOut
    filterset_class = NoticeFilters
    required_permissions = {"list": keys.READ, "retrieve": keys.READ, "mark": keys.READ}

    def get_queryset(self) -> QuerySet[Notice]:
        rows = Notice.objects.visible_to(self.user)
        subjects = set(rows.order_by().values_list("subject", flat=True).distinct())
        hidden = subjects - readable_subjects(self.user, subjects)
        return rows.exclude(subject__in=hidden) if hidden else rows

    def context_of(self, rows: list[Any]) -> dict[str, Any]:
        in_words_of_now(self.user, rows)
        return super().context_of(rows)

    @extend_schema(request=MarkIn, responses=MarkedOut)
    @action(detail=False, methods=["post"])
    def mark(self, _request: Request) -> Response:
        """Mark some, or all, as read or unread; notices of others are left alone."""
        wanted: dict[str, Any] = self.body(MarkIn)
        changed = mark(self.user, pks=wanted.get("ids"), read=wanted["read"], actor=self.actor)
        return Response({"changed": changed})
