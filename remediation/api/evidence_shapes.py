"""Sweeps, recoveries and evidence on the wire."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api.fields import AnyObject, Choice, Id, Moment, Text
from core.api.serializers import FrozenActor, In, Out
from remediation.enums import (
    CustodyKind,
    FindingState,
    RecoveryState,
    StepKind,
    StepState,
    SweepItemKind,
    SweepPartState,
    SweepState,
)
from remediation.models import Custody
from remediation.services.custody import Line, lines_of
from remediation.services.gather_signs import LONGEST, MOST_SIGNS
from remediation.services.recover import LONGEST_H
from remediation.services.request import MAX_COMMENT


class SignOut(Out):
    id = serializers.CharField()
    kind = serializers.ChoiceField(SweepItemKind.choices)
    value = serializers.CharField()


class SweepPartOut(Out):
    device_id = Id()
    device = serializers.CharField()
    run_id = Id(allow_null=True)
    state = serializers.ChoiceField(SweepPartState.choices)
    detail = serializers.CharField(help_text="Why it was not asked, did not answer, or could not look everywhere.")
    found = serializers.IntegerField()
    missed = serializers.ListField(child=serializers.CharField(), help_text="Kinds not looked for everywhere.")
    answered = Moment(allow_null=True)


class ComparedOut(Out):
    earlier_id = Id(source="earlier.pk")
    text = serializers.CharField(source="in_words")
    gone = serializers.SerializerMethodField()
    left = serializers.SerializerMethodField()
    unknown = serializers.SerializerMethodField()
    fresh = serializers.SerializerMethodField()

    def get_gone(self, told: Any) -> int:
        return len(told.gone)

    def get_left(self, told: Any) -> int:
        return len(told.left)

    def get_unknown(self, told: Any) -> int:
        """On devices that did not answer, or could not look everywhere."""
        return len(told.unknown)

    def get_fresh(self, told: Any) -> int:
        return len(told.fresh)


class SweepOut(Out):
    id = Id(source="pk")
    incident_id = Id()
    state = serializers.ChoiceField(SweepState.choices)
    reason = serializers.CharField()
    asked_by = FrozenActor()
    items = SignOut(many=True)
    created = Moment()
    ended = Moment(allow_null=True)
    devices = serializers.SerializerMethodField()
    compared = serializers.SerializerMethodField()

    @extend_schema_field(SweepPartOut(many=True))
    def get_devices(self, row: Any) -> Any:
        """Those that you see."""
        return SweepPartOut(self.context["parts"].get(row.pk, []), many=True).data

    @extend_schema_field(ComparedOut(allow_null=True))
    def get_compared(self, row: Any) -> Any:
        """With the sweep of the incident before it; null for the first, and in lists."""
        told = self.context["compared"].get(row.pk)
        return ComparedOut(told).data if told is not None else None


class SignIn(In):
    answer = SignOut
    kind = Choice(SweepItemKind.choices)
    value = Text(max_length=LONGEST)


class SweepNew(In):
    answer = SweepOut
    incident_id = Id()
    items = serializers.ListField(child=SignIn(), min_length=1, max_length=MOST_SIGNS)
    comment = Text(max_length=MAX_COMMENT, help_text="The reason.")


class FindingOut(Out):
    id = Id(source="pk")
    incident_id = Id()
    device_id = Id()
    device = serializers.CharField()
    kind = serializers.ChoiceField(SweepItemKind.choices)
    value = serializers.CharField()
    where = serializers.CharField()
    detail = serializers.CharField()
    sha256 = serializers.CharField()
    file_id = Id(allow_null=True)
    state = serializers.ChoiceField(FindingState.choices)
    first_seen = Moment()
    last_seen = Moment()
    run_id = Id(source="removal_id", allow_null=True, help_text="The run that removes it.")
    indicator_id = Id(allow_null=True)
    said = serializers.CharField(help_text="Why it is removed or accepted.")


class FindingsIn(In):
    ids = serializers.ListField(child=Id(), min_length=1, max_length=200)
    comment = Text(max_length=MAX_COMMENT, help_text="The reason.")


class RemovalOut(Out):
    id = Id(source="finding.pk")
    ok = serializers.BooleanField()
    code = serializers.CharField()
    message = serializers.CharField()
    run_id = Id(source="run", allow_null=True)
    indicator_id = Id(source="indicator", allow_null=True)


class RemovalsOut(Out):
    results = RemovalOut(many=True)
    done = serializers.IntegerField()
    refused = serializers.IntegerField()


class AcceptedOut(Out):
    accepted = serializers.IntegerField()


class ReopenedOut(Out):
    reopened = serializers.IntegerField()


class StepOut(Out):
    id = Id(source="pk")
    kind = serializers.ChoiceField(StepKind.choices)
    label = serializers.CharField()  # type: ignore[assignment]
    required = serializers.BooleanField()  # type: ignore[assignment]
    state = serializers.ChoiceField(StepState.choices)
    by = FrozenActor(allow_null=True)
    at = Moment(allow_null=True)
    note = serializers.CharField()
    link = serializers.CharField()


class RecoveryOut(Out):
    id = Id(source="pk")
    incident_id = Id()
    device_id = Id()
    device = serializers.CharField()
    state = serializers.ChoiceField(RecoveryState.choices)
    detail = serializers.CharField()
    began = Moment()
    watch_hours = serializers.IntegerField()
    watch_until = Moment(allow_null=True)
    ended = Moment(allow_null=True)
    alert_id = Id(allow_null=True, help_text="The alert that ended the watch badly.")
    steps = StepOut(many=True)
    version = serializers.IntegerField()


class RecoveryNew(In):
    answer = RecoveryOut
    incident_id = Id()
    device_ids = serializers.ListField(child=Id(), min_length=1, max_length=500)


class StepIn(In):
    step_id = Id()
    state = Choice([(one.value, one.label) for one in StepState if one != StepState.FAILED])
    note = Text(max_length=2_000, allow_blank=True, required=False)
    link = Text(max_length=500, allow_blank=True, required=False)


class WatchIn(In):
    hours = serializers.IntegerField(min_value=1, max_value=LONGEST_H, required=False)


class RecoveryReasonIn(In):
    comment = Text(max_length=2_000, help_text="The reason.")


class LineOut(Out):
    at = Moment()
    what = serializers.CharField(source="word")
    who = serializers.CharField(source="actor")
    why = serializers.CharField(source="reason")
    event = serializers.IntegerField(help_text="Of the audit log.")
    seal = serializers.IntegerField(allow_null=True, help_text="Its place in the chain; null while it is not sealed.")


class CustodyOut(Out):
    id = Id(source="pk")
    number = serializers.CharField()
    kind = serializers.ChoiceField(CustodyKind.choices)
    name = serializers.CharField()
    sha256 = serializers.CharField()
    size = serializers.IntegerField(allow_null=True)
    device_id = Id(allow_null=True)
    device = serializers.CharField(source="device_name")
    incident_id = Id(allow_null=True)
    run_id = Id(allow_null=True)
    taken = Moment()
    taken_by = FrozenActor()
    device_signature = AnyObject(source="proof", help_text="What the device's key signed; empty without.")
    kept_until = serializers.SerializerMethodField()
    legal_hold = serializers.SerializerMethodField()
    opened = serializers.IntegerField()
    last_opened = Moment(allow_null=True)
    deleted = Moment(source="gone", allow_null=True)
    deleted_because = serializers.CharField(source="gone_why")
    custody = serializers.SerializerMethodField()

    @extend_schema_field(Moment(allow_null=True))
    def get_kept_until(self, row: Custody) -> str | None:
        until = row.blob.keep_until if row.blob else None
        return Moment().to_representation(until) if until else None

    def get_legal_hold(self, row: Custody) -> bool:
        return bool(row.incident and row.incident.on_hold)

    @extend_schema_field(LineOut(many=True))
    def get_custody(self, row: Custody) -> Any:
        """Every line of the chain; empty in lists."""
        lines: list[Line] = lines_of(row) if self.context.get("one") else []
        return LineOut(lines, many=True).data


class ExportIn(In):
    ids = serializers.ListField(child=Id(), min_length=1, max_length=200)
    comment = Text(max_length=MAX_COMMENT, help_text="The reason.")


class QuarantinedOut(Out):
    id = Id(source="pk")
    device_id = Id()
    device = serializers.CharField()
    file_id = Id(allow_null=True)
    name = serializers.CharField()
    path = serializers.CharField()
    sha256 = serializers.CharField()
    size = serializers.IntegerField(allow_null=True)
    run_id = Id(allow_null=True)
    indicator_id = Id(allow_null=True)
    since = Moment()
    released = Moment(allow_null=True)
    observed = serializers.SerializerMethodField()

    def get_observed(self, row: Any) -> str:
        """What the device says where it is not in quarantine any more; empty where it is."""
        drift = self.context["drifts"].get(row.pk)
        return drift.observed if drift is not None else ""
