"""The brakes on the wire."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api.fields import AnyObject, Choice, Id, Moment, Text, Whole
from core.api.serializers import FrozenActor, In, Out
from incidents.enums import EntityKind
from remediation.enums import EmergencyState, MatchBy, ProtectedKind, Risk, Stage
from remediation.models import Hold, ProtectedAsset, Refusal
from remediation.policy import Verdict
from remediation.policy.settings import is_refused
from remediation.services.request import MAX_COMMENT


class ThingOut(Out):
    kind = serializers.ChoiceField(EntityKind.choices)
    id = Id()
    name = serializers.CharField()


class HaltOut(Out):
    """One stop-all."""

    id = Id(source="pk")
    reason = serializers.CharField()
    by = FrozenActor()
    at = Moment()
    held_back = serializers.IntegerField(help_text="Orders that had not left.")
    on_the_way = serializers.IntegerField(help_text="Orders that had left and had not ended.")
    ended_at = Moment(allow_null=True)
    ended_by = FrozenActor(allow_null=True)
    ended_reason = serializers.CharField()


class StopOut(Out):
    stopped = serializers.BooleanField()
    halt = HaltOut(allow_null=True)


class ReasonIn(In):
    reason = Text(max_length=1_000)


class ProtectionOut(Out):
    id = Id(source="pk")
    kind = serializers.ChoiceField(ProtectedKind.choices)
    match_by = serializers.ChoiceField(MatchBy.choices)
    target_kind = serializers.ChoiceField(EntityKind.choices)
    target_id = Id(allow_null=True)
    pattern = serializers.CharField()
    device_group_ids = serializers.ListField(child=Id(), help_text="Where the rule holds; empty: everywhere.")
    note = serializers.CharField()
    author = FrozenActor()
    created = Moment()
    refuses = serializers.SerializerMethodField()

    def get_refuses(self, asset: ProtectedAsset) -> bool:
        """Whether destructive actions are refused; else an approver needs `response.protected`."""
        return is_refused(asset.kind)


class ProtectionIn(In):
    answer = ProtectionOut
    kind = Choice(ProtectedKind.choices)
    match_by = Choice(MatchBy.choices)
    target_kind = Choice([(one.value, one.label) for one in EntityKind if one != EntityKind.FILE])
    target_id = Id(required=False, allow_null=True)
    pattern = Text(max_length=255, required=False, allow_blank=True)
    device_group_ids = serializers.ListField(child=Id(), required=False, max_length=200)
    note = Text(max_length=500)


class PersonOut(Out):
    id = Id(source="pk")
    username = serializers.CharField()
    name = serializers.CharField(source="display_name")


class ApproverRuleOut(Out):
    id = Id(source="pk")
    device_group_id = Id(allow_null=True)
    action = serializers.CharField()
    risk = serializers.CharField()
    approvers = PersonOut(many=True)
    fallbacks = PersonOut(many=True)
    fallback_after_min = serializers.IntegerField()
    note = serializers.CharField()
    created = Moment()


class ApproverRuleIn(In):
    answer = ApproverRuleOut
    device_group_id = Id(required=False, allow_null=True)
    action = Text(max_length=60, required=False, allow_blank=True)
    risk = Choice(Risk.choices, required=False)
    approvers = serializers.ListField(child=Id(), min_length=1, max_length=50)
    fallbacks = serializers.ListField(child=Id(), max_length=50, required=False)
    fallback_after_min = Whole(required=False)
    note = Text(max_length=500, required=False, allow_blank=True)


class HoldOut(Out):
    id = Id(source="pk")
    target = serializers.SerializerMethodField()
    facet = serializers.CharField()
    facet_key = serializers.CharField()
    run_id = Id()
    by = FrozenActor()
    reason = serializers.CharField()
    at = Moment()
    lifted_at = Moment(allow_null=True)
    lifted_by = FrozenActor(allow_null=True)
    lifted_reason = serializers.CharField()

    @extend_schema_field(ThingOut)
    def get_target(self, hold: Hold) -> dict[str, Any]:
        return {"kind": hold.target_kind, "id": str(hold.target_id), "name": hold.target_name}


class EmergencyOut(Out):
    """An approval by one person alone."""

    id = Id(source="run_id")
    run_id = Id()
    by = FrozenActor()
    reason = serializers.CharField()
    at = Moment()
    ratify_until = Moment()
    state = serializers.ChoiceField(EmergencyState.choices)
    settled_by = FrozenActor(allow_null=True)
    settled_at = Moment(allow_null=True)
    settled_reason = serializers.CharField()
    outcome = serializers.CharField()
    undo_run_id = Id(allow_null=True)


class RefusalOut(Out):
    id = Id(source="pk")
    stage = serializers.ChoiceField(Stage.choices)
    code = serializers.CharField()
    rule = serializers.CharField()
    message = serializers.CharField()
    action = serializers.CharField()
    target = serializers.SerializerMethodField()
    inputs = AnyObject()
    actor = FrozenActor()
    run_id = Id(allow_null=True)
    incident_id = Id(allow_null=True)
    at = Moment()

    @extend_schema_field(ThingOut)
    def get_target(self, refusal: Refusal) -> dict[str, Any]:
        return {"kind": refusal.target_kind, "id": str(refusal.target_id), "name": refusal.target_name}


class AnswerOut(Out):
    rule = serializers.CharField()
    name = serializers.CharField(source="label")
    verdict = serializers.ChoiceField([one.value for one in Verdict])
    says = serializers.CharField()
    inputs = AnyObject()


class PartOut(Out):
    stage = serializers.ChoiceField(Stage.choices)
    question = serializers.CharField(source="title")
    verdict = serializers.ChoiceField([one.value for one in Verdict])
    summary = serializers.CharField()
    answers = AnswerOut(many=True)


class PolicyOut(Out):
    """Why somebody can or cannot: for asking, then for deciding."""

    results = PartOut(many=True)


class AloneIn(In):
    comment = Text(max_length=MAX_COMMENT, help_text="The reason; everybody who may decide is told it.")
