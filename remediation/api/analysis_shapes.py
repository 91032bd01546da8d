"""Deep analyses on the wire."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api.fields import AnyObject, Id, Moment, Text
from core.api.serializers import FrozenActor, In, Out
from remediation.enums import AnalysisState, SampleSource
from remediation.models import DeepAnalysis
from remediation.services.request import MAX_COMMENT

MAX_UPLOAD = 15 * 1024 * 1024


class MatchOut(Out):
    kind = serializers.CharField()
    value = serializers.CharField()
    why = serializers.CharField()


class AnalysisOut(Out):
    """In lists `report` is left out (null): one analysis is asked for by its id."""

    id = Id(source="pk")
    file_id = Id()
    name = serializers.CharField()
    sha256 = serializers.CharField(source="file.sha256", allow_blank=True)
    sample_from = serializers.ChoiceField(SampleSource.choices, source="source")
    device_id = Id(allow_null=True)
    run_id = Id(allow_null=True)
    incident_id = Id(allow_null=True)
    asked_by = FrozenActor()
    reason = serializers.CharField()
    state = serializers.ChoiceField(AnalysisState.choices)
    stage = serializers.CharField(allow_blank=True)
    created = Moment()
    submitted = Moment(allow_null=True)
    began = Moment(allow_null=True)
    ended = Moment(allow_null=True)
    error_code = serializers.CharField(allow_blank=True)
    error_message = serializers.CharField(allow_blank=True)
    matches = MatchOut(many=True)
    alert_id = Id(allow_null=True)
    report = serializers.SerializerMethodField()
    exercise = serializers.CharField(allow_blank=True)
    version = serializers.IntegerField()

    @extend_schema_field({"type": "object", "additionalProperties": True, "nullable": True})
    def get_report(self, analysis: DeepAnalysis) -> object:
        return None if "report" in analysis.get_deferred_fields() else analysis.report


class AnalysisNew(In):
    """Either `file_id`, or a copy: `content` in base64 (at most 15 MiB) with its `name`."""

    answer = AnalysisOut
    file_id = Id(required=False, allow_null=True)
    content = Text(required=False, allow_blank=True, max_length=MAX_UPLOAD * 4 // 3 + 8, trim_whitespace=False)
    name = Text(required=False, allow_blank=True, max_length=255)
    device_id = Id(required=False, allow_null=True, help_text="The device to collect it from.")
    incident_id = Id(required=False, allow_null=True)
    reason = Text(max_length=MAX_COMMENT)


class ClaimIn(In):
    host = Text(max_length=120, help_text="What the analysis host calls itself.")


class OrderOut(Out):
    """`id` is empty when nothing waits."""

    id = serializers.CharField(allow_blank=True)
    lease = serializers.CharField(allow_blank=True, help_text="To be sent back with every further request about it.")
    name = serializers.CharField(allow_blank=True)
    sha256 = serializers.CharField(allow_blank=True)
    run_s = serializers.IntegerField()


class LeaseIn(In):
    lease = Text(max_length=100)


class ResultIn(In):
    """Either `report`, or `error_code` and `error_message`."""

    lease = Text(max_length=100)
    report = AnyObject(required=False)
    error_code = Text(required=False, allow_blank=True, max_length=40)
    error_message = Text(required=False, allow_blank=True, max_length=300)
