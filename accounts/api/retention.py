"""`/retention`: how long what is kept and what would be deleted now; the days are options."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys
from core import retention
from core.api.fields import Moment
from core.api.serializers import Out
from core.api.views import ApiViewSet


class KeptBack(Out):
    why = serializers.CharField()
    count = serializers.IntegerField()


class RetentionOut(Out):
    kind = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    option = serializers.CharField(help_text="The option that holds the days; 0 keeps for good.")
    days = serializers.IntegerField()
    due = serializers.IntegerField(help_text="How many rows go next; 10,001 stands for more.")
    oldest = Moment(allow_null=True)
    kept_back = KeptBack(many=True)


class RetentionViewSet(ApiViewSet):
    """One answer with every kind."""

    pagination_class = None
    filter_backends = ()
    required_permissions = {"show_retention": keys.MANAGE_SETTINGS}

    @extend_schema(responses=RetentionOut(many=True))
    def show_retention(self, _request: Request) -> Response:
        """What is kept how long, and what goes next."""
        rows = [
            {
                "kind": one.kind.key,
                "label": one.kind.label,
                "option": one.kind.option,
                "days": one.days,
                "due": one.count,
                "oldest": one.oldest,
                "kept_back": [{"why": why, "count": count} for why, count in one.kept],
            }
            for one in retention.previews()
        ]
        return Response(RetentionOut(rows, many=True).data)
