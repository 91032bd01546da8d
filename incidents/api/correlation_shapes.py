"""Shapes of the rules of correlation, of trials and of what people taught."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from core.api.fields import AnyObject, Flag, Id, Moment, Text, Whole
from core.api.serializers import FrozenActor, In, Out
from incidents.enums import CorrelationReason, TaughtKind, TaughtState
from incidents.services.set_rule import MAX_REASON


class CorrelationRuleOut(Out):
    """`joins` and `undone` are of the last 30 days, of alerts that the caller sees."""

    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    sentence = serializers.CharField()
    reason = serializers.ChoiceField(CorrelationReason.choices)
    on = serializers.BooleanField()
    window_hours = serializers.IntegerField()
    weight = serializers.IntegerField()
    joins = serializers.IntegerField()
    undone = serializers.IntegerField()
    last_join = Moment(allow_null=True)
    taught = serializers.IntegerField()


@extend_schema_serializer(many=False)
class CorrelationRulesOut(Out):
    results = CorrelationRuleOut(many=True)
    next = serializers.CharField(allow_null=True)
    count = serializers.IntegerField()


class RuleSet(In):
    answer = CorrelationRuleOut
    on = Flag(required=False)
    window_hours = Whole(required=False, min_value=0, max_value=2160)
    weight = Whole(required=False, min_value=1, max_value=1000)
    reason = Text(max_length=MAX_REASON)


class HeldBy(Out):
    id = Id()
    number = serializers.CharField()
    name = serializers.CharField()
    alerts = serializers.IntegerField()


class AffectedOut(Out):
    becomes = serializers.ChoiceField(["splits", "merges"])
    alerts = serializers.IntegerField()
    parts = serializers.ListField(child=serializers.IntegerField())
    incidents = HeldBy(many=True)


class CorrectionsOut(Out):
    looked_at = serializers.IntegerField()
    needless = serializers.IntegerField()
    wrong = serializers.IntegerField()


class TrialOut(Out):
    """`alerts` of `found` were put together twice, the newest ones when `is_cut`."""

    since = serializers.CharField()
    until = serializers.CharField()
    alerts = serializers.IntegerField()
    found = serializers.IntegerField()
    is_cut = serializers.BooleanField()
    before = serializers.IntegerField()
    after = serializers.IntegerField()
    splits = serializers.IntegerField()
    merges = serializers.IntegerField()
    moving = serializers.IntegerField()
    affected = AffectedOut(many=True)
    corrections = CorrectionsOut()
    exercise = serializers.CharField()


class OptionsTried(In):
    answer = TrialOut
    options = AnyObject(allow_empty=False)


class OfferOut(Out):
    """What may be taught from a reason; one with `option` wants a `value` other than the `present` one."""

    link_id = Id()
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    hint = serializers.CharField()
    kind = serializers.ChoiceField(TaughtKind.choices)
    option = serializers.CharField()
    present = serializers.IntegerField(allow_null=True)


@extend_schema_serializer(many=False)
class OffersOut(Out):
    results = OfferOut(many=True)


class _Lesson(In):
    alert = Id()
    link = Id()
    offer = Text(max_length=20)
    value = Whole(required=False, min_value=0, max_value=100_000)
    device_group_ids = serializers.ListField(
        child=Id(), required=False, max_length=200, help_text="Where it holds; empty: wherever you see."
    )


class LessonTried(_Lesson):
    answer = TrialOut


class CorrelationChangeOut(Out):
    id = Id(source="pk")
    kind = serializers.ChoiceField(TaughtKind.choices)
    state = serializers.ChoiceField(TaughtState.choices)
    in_force = serializers.BooleanField()
    shown = serializers.CharField()
    rule = serializers.CharField()
    device_group_ids = serializers.ListField(child=Id(), help_text="Where it holds; empty: everywhere.")
    option = serializers.CharField()
    value: Any = serializers.JSONField()
    before: Any = serializers.JSONField()
    reason = serializers.CharField()
    expires = Moment(allow_null=True)
    alert_id = Id(allow_null=True)
    author = FrozenActor()
    created = Moment()
    decider = FrozenActor(allow_null=True)
    decided = Moment(allow_null=True)
    lifter = FrozenActor(allow_null=True)
    lifted = Moment(allow_null=True)
    lift_reason = serializers.CharField()


class CorrelationChangeNew(_Lesson):
    answer = CorrelationChangeOut
    reason = Text(max_length=MAX_REASON)
    expires = Moment(required=False, allow_null=True)


class Decision(In):
    answer = CorrelationChangeOut
    accept = Flag()
    reason = Text(max_length=MAX_REASON)


class Lifted(In):
    answer = CorrelationChangeOut
    reason = Text(max_length=MAX_REASON)
