"""Indicators on the wire."""

from rest_framework import serializers

from core.api.fields import Choice, Flag, Id, Moment, Text, Words
from core.api.serializers import FrozenActor, In, Out
from incidents.enums import Severity
from remediation.enums import Enforcement, IndicatorAction, IndicatorSource, IndicatorStatus, IndicatorType
from remediation.services.import_indicators import MOST_ROWS
from remediation.services.request import MAX_COMMENT

SEVERITIES = [(one.value, one.label) for one in Severity if one != Severity.UNKNOWN]


class EnforcementOut(Out):
    """One connection: what is wanted in its list and what was read there."""

    connection_id = Id()
    state = serializers.ChoiceField(Enforcement.choices)
    desired = serializers.CharField()
    observed = serializers.CharField()
    observed_at = Moment(allow_null=True)
    error = serializers.CharField()


class IndicatorOut(Out):
    id = Id(source="pk")
    type = serializers.ChoiceField(IndicatorType.choices)
    value = serializers.CharField()
    action = serializers.ChoiceField(IndicatorAction.choices)
    title = serializers.CharField()
    description = serializers.CharField()
    severity = serializers.ChoiceField(SEVERITIES)
    recommended_actions = serializers.CharField()
    category = serializers.CharField()
    techniques = serializers.ListField(child=serializers.CharField())
    device_group_ids = serializers.ListField(child=Id(), help_text="Empty: all devices.")
    expires_at = Moment(allow_null=True)
    generate_alert = serializers.BooleanField()
    status = serializers.ChoiceField(IndicatorStatus.choices)
    source = serializers.ChoiceField(IndicatorSource.choices)  # type: ignore[assignment]
    enforcements = EnforcementOut(many=True)
    created_by = FrozenActor()
    created = Moment()
    updated = Moment()
    exercise = serializers.CharField()
    version = serializers.IntegerField()


class _Fields(In):
    answer = IndicatorOut
    action = Choice(IndicatorAction.choices)
    title = Text(max_length=200)
    description = Text(max_length=4_000, required=False, allow_blank=True)
    severity = Choice(SEVERITIES, required=False)
    recommended_actions = Text(max_length=4_000, required=False, allow_blank=True)
    category = Text(max_length=40, required=False, allow_blank=True)
    techniques = Words(longest=12, required=False, max_length=30)
    device_group_ids = serializers.ListField(child=Id(), required=False, max_length=200)
    expires_at = Moment(required=False, allow_null=True)
    generate_alert = Flag(required=False)


class IndicatorRow(_Fields):
    """One row of an import."""

    type = Choice(IndicatorType.choices)
    value = Text(max_length=2_000)


class IndicatorNew(IndicatorRow):
    incident_id = Id(required=False, allow_null=True)
    comment = Text(max_length=MAX_COMMENT, help_text="The reason.")


class IndicatorEdit(_Fields):
    comment = Text(max_length=MAX_COMMENT, help_text="The reason.")


class IndicatorImport(In):
    indicators = serializers.ListField(child=serializers.DictField(), min_length=1, max_length=MOST_ROWS)
    comment = Text(max_length=MAX_COMMENT, help_text="The reason.")


class ImportedRow(Out):
    row = serializers.IntegerField(help_text="Its place in the request, from 1.")
    indicator_id = Id(allow_null=True)
    verdict = serializers.ChoiceField(["new", "change", "same", "wrong"])
    failure_reason = serializers.CharField()


class ImportOut(Out):
    results = ImportedRow(many=True)
    next = serializers.CharField(allow_null=True)
    count = serializers.IntegerField()


class WhichOut(Out):
    type = serializers.ChoiceField(IndicatorType.choices)
    value = serializers.CharField()
    matching = IndicatorOut(many=True)
    winner = Id(allow_null=True)
