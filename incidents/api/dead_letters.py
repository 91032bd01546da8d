"""`/dead-letters`: items that could not become alerts."""

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys
from core.api.errors import conflict
from core.api.fields import Id, Moment, Text
from core.api.serializers import In, NothingIn, Out
from core.api.views import ApiViewSet
from incidents.api.filters import DeadLetterFilters
from incidents.enums import DeadLetterState
from incidents.ingest.dead_letters import WHOLE_SCOPE, discard_letter
from incidents.ingest.replay import replay_letter
from incidents.ingest.store import Outcome
from incidents.models import DeadLetter

MAX_SHOWN = 64 * 1024


class DeadLetterOut(Out):
    id = Id(source="pk")
    source = serializers.CharField()  # type: ignore[assignment]
    format = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()
    field = serializers.CharField()
    state = serializers.ChoiceField(DeadLetterState.choices)
    truncated = serializers.BooleanField(help_text="The item was too large to be kept whole.")
    alert_id = Id(allow_null=True)
    created = Moment()
    handled = Moment(allow_null=True)
    handled_by = serializers.CharField()
    exercise = serializers.CharField()


class WholeDeadLetterOut(DeadLetterOut):
    raw = serializers.SerializerMethodField(help_text="The item as it came, its first 64 KB; bad bytes are replaced.")

    def get_raw(self, letter: DeadLetter) -> str:
        return bytes(letter.raw[:MAX_SHOWN]).decode(errors="replace")


class Rejection(Out):
    index = serializers.IntegerField()
    code = serializers.CharField()
    message = serializers.CharField()
    field = serializers.CharField(allow_blank=True)


class Accepted(Out):
    index = serializers.IntegerField()
    id = Id()
    provider_alert_id = serializers.CharField()
    incident_id = Id(allow_null=True)
    outcome = serializers.ChoiceField(choices=[outcome.value for outcome in Outcome])


class ReceiptOut(Out):
    """What became of each item."""

    accepted = serializers.IntegerField()
    updated = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    rejected = Rejection(many=True)
    alerts = Accepted(many=True)


class DiscardIn(In):
    reason = Text(max_length=500, allow_blank=True, required=False)


class DeadLetterViewSet(ApiViewSet):
    """Kept raw until somebody who sees all device groups replays or discards them: nobody could read which devices they
    name. For everybody else there are none."""

    queryset = DeadLetter.objects.none()
    filterset_class = DeadLetterFilters
    search_fields = ("message", "source")
    orderings = {"id": ("id",)}
    required_permissions = {
        "list": keys.MANAGE_SYSTEM,
        "retrieve": keys.MANAGE_SYSTEM,
        "replay": keys.MANAGE_SYSTEM,
        "discard": keys.MANAGE_SYSTEM,
    }

    def get_serializer_class(self) -> Any:
        return DeadLetterOut if self.action == "list" else WholeDeadLetterOut

    def get_queryset(self) -> QuerySet[DeadLetter]:
        if self.action == "list" and not self.user.scope.everything:
            raise PermissionDenied(WHOLE_SCOPE)  # an empty list would say that everything became an alert
        rows = DeadLetter.objects.visible_to(self.user)
        return rows.defer("raw") if self.action == "list" else rows

    @extend_schema(request=NothingIn, responses=ReceiptOut)
    @action(detail=True, methods=["post"])
    def replay(self, _request: Request, pk: str) -> Response:
        """Send it through the ordinary path again."""
        letter = self._open_letter()
        self.body(NothingIn)
        return Response(replay_letter(letter, actor=self.actor).as_json())

    @extend_schema(request=DiscardIn, responses=WholeDeadLetterOut)
    @action(detail=True, methods=["post"])
    def discard(self, _request: Request, pk: str) -> Response:
        """Say that nothing will come of it; it stays readable."""
        letter = self._open_letter()
        discard_letter(letter, actor=self.actor, reason=self.body(DiscardIn).get("reason", ""))
        return self.show(self.get_object())

    def _open_letter(self) -> DeadLetter:
        letter: DeadLetter = self.get_object()
        if letter.state != DeadLetterState.OPEN:
            raise conflict(f"This dead letter was {letter.state} already.")
        if self.action == "replay" and letter.truncated:
            raise ValidationError("It was too large to be kept whole, so it cannot be replayed.", code="truncated")
        return letter
