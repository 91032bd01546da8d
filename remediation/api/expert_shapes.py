"""Questions to experts on the wire."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api.fields import Choice, Id, Moment, Text, Whole, Words
from core.api.serializers import FrozenActor, In, Out
from notifications.enums import DispatchStatus
from remediation.enums import AnsweredBy, AskedAbout, ExpertStatus
from remediation.models import ExpertRequest
from remediation.services.ask_expert import LONGEST_H, MAX_TEXT, MAX_TOPIC

ASKED = [("person", "A person"), ("group", "A group"), ("retainer", "A retainer, by mail")]


class SubjectOut(Out):
    kind = serializers.ChoiceField(AskedAbout.choices)
    id = Id()
    name = serializers.CharField(help_text="As it was called when the question was put.")


class AskedOut(Out):
    kind = serializers.ChoiceField(ASKED)
    id = Id()
    name = serializers.CharField()


class BlockOut(Out):
    title = serializers.CharField()
    lines = serializers.ListField(child=serializers.CharField())


class ExpertMessageOut(Out):
    """`by` wrote it; `answered_by` says that they wrote down what a retainer answered. `delivery` is how far the mail
    to a retainer came."""

    id = Id(source="pk")
    by = FrozenActor()
    text = serializers.CharField()
    from_expert = serializers.BooleanField()
    answered_by = serializers.ChoiceField(AnsweredBy.choices, allow_blank=True)
    delivery = serializers.ChoiceField(DispatchStatus.choices, allow_blank=True)
    delivery_said = serializers.CharField(allow_blank=True)
    at = Moment()


class ExpertRequestOut(Out):
    id = Id(source="pk")
    subject = serializers.SerializerMethodField()
    incident_id = Id(allow_null=True)
    topic = serializers.CharField()
    status = serializers.ChoiceField(ExpertStatus.choices)
    overdue = serializers.BooleanField(source="is_overdue")
    asked_by = FrozenActor()
    to = serializers.SerializerMethodField()
    shared = serializers.SerializerMethodField(
        help_text="What the asker chose to share, as it was then; null for others than the asker and who is asked."
    )
    messages = ExpertMessageOut(many=True)
    created = Moment()
    due = Moment()
    answered = Moment(allow_null=True)
    closed = Moment(allow_null=True)
    exercise = serializers.CharField()
    version = serializers.IntegerField()

    @extend_schema_field(SubjectOut)
    def get_subject(self, request: ExpertRequest) -> dict[str, str]:
        return {"kind": request.subject_kind, "id": str(request.subject_id), "name": request.subject_name}

    @extend_schema_field(BlockOut(many=True, allow_null=True))
    def get_shared(self, request: ExpertRequest) -> Any:
        return request.context if request.pk in self.context["shared_with_me"] else None

    @extend_schema_field(AskedOut)
    def get_to(self, request: ExpertRequest) -> dict[str, Any]:
        kind = "person" if request.expert_id else "group" if request.group_id else "retainer"
        number = request.expert_id or request.group_id or request.retainer_id
        return {"kind": kind, "id": str(number), "name": request.asked}


class AskableOut(Out):
    results = AskedOut(many=True)
    next = serializers.CharField(allow_null=True)
    count = serializers.IntegerField()


class SubjectIn(In):
    kind = Choice(AskedAbout.choices)
    id = Id()


class AskedIn(In):
    kind = Choice(ASKED)
    id = Id()


class ExpertAsk(In):
    answer = ExpertRequestOut
    subject = SubjectIn()
    to = AskedIn()
    topic = Text(max_length=MAX_TOPIC)
    question = Text(max_length=MAX_TEXT)
    share = Words(required=False, max_length=10, help_text="Of `facts`, `alerts`, `evidence` and `actions`.")
    within_h = Whole(min_value=1, max_value=LONGEST_H, required=False)
    incident_id = Id(required=False, allow_null=True)


class ExpertSay(In):
    answer = ExpertRequestOut
    text = Text(max_length=MAX_TEXT)
    answered_by = Choice(
        AnsweredBy.choices, required=False, allow_null=True, help_text="How a retainer gave the answer you write down."
    )
