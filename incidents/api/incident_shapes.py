"""Incidents on the wire."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api.fields import AnyObject, Choice, Id, Moment, Text, Words
from core.api.serializers import FrozenActor, In, Out
from incidents.api.people import UserName
from incidents.enums import (
    Category,
    Classification,
    CorrelationReason,
    Determination,
    EntityKind,
    IncidentStatus,
    ServiceState,
    Severity,
    ValueSource,
)
from incidents.models.comment import MAX_COMMENT
from incidents.services.changes import MAX_NAME, MAX_TAG, MAX_TAGS, MAX_TEXT, SETTABLE_STATUS
from incidents.services.merge import MOST_AT_ONCE

ASSET_COUNTS = ("devices", "identities", "mailboxes", "files", "total")


class AlertCounts(Out):
    total = serializers.IntegerField()
    active = serializers.IntegerField()
    high = serializers.IntegerField()
    medium = serializers.IntegerField()
    low = serializers.IntegerField()
    informational = serializers.IntegerField()
    unknown = serializers.IntegerField()

    def to_representation(self, instance: dict[str, Any]) -> dict[str, Any]:
        return {str(name): int(instance.get(str(name), 0)) for name in self.fields}


class EntityRef(Out):
    kind = serializers.ChoiceField(EntityKind.choices)
    id = Id()


class AssetName(EntityRef):
    name = serializers.CharField()


class ImpactedAssets(Out):
    devices = serializers.IntegerField()
    identities = serializers.IntegerField()
    mailboxes = serializers.IntegerField()
    files = serializers.IntegerField()
    total = serializers.IntegerField()
    names = AssetName(many=True)

    def to_representation(self, instance: dict[str, Any]) -> dict[str, Any]:
        """What is out of scope is counted, not named."""
        hidden: frozenset[tuple[str, int]] = self.context.get("hidden_entities", frozenset())
        names = [
            {"kind": one["kind"], "id": str(one["id"]), "name": str(one["name"])}
            for one in instance.get("names", ())
            if (one["kind"], int(one["id"])) not in hidden
        ]
        return {**{name: int(instance.get(name, 0)) for name in ASSET_COUNTS}, "names": names}


class PriorityFactor(Out):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    points = serializers.FloatField()


class IncidentOut(Out):
    id = Id(source="pk")
    display_name = serializers.CharField()
    description = serializers.CharField()
    summary = serializers.CharField()
    status = serializers.ChoiceField(IncidentStatus.choices)
    severity = serializers.ChoiceField(Severity.choices)
    severity_source = serializers.ChoiceField(ValueSource.choices)
    classification = serializers.ChoiceField(Classification.choices)
    determination = serializers.ChoiceField(Determination.choices)
    assigned_to = UserName()
    custom_tags = Words()
    system_tags = Words()
    priority_score = serializers.IntegerField(allow_null=True)
    priority_factors = PriorityFactor(many=True)
    alert_counts = AlertCounts()
    impacted_assets = ImpactedAssets()
    categories = Words()
    mitre_techniques = Words()
    service_sources = Words()
    detection_sources = Words()
    sources = Words()
    restricted = serializers.BooleanField()
    on_hold = serializers.BooleanField(help_text="A legal hold keeps it.")
    first_activity = Moment()
    last_activity = Moment()
    created = Moment()
    updated = Moment()
    last_modified_by = serializers.CharField()
    acknowledged = Moment(allow_null=True)
    contained_at = Moment(allow_null=True)
    resolved = Moment(allow_null=True)
    service_level = serializers.ChoiceField(ServiceState.choices, source="sla_state", allow_blank=True)
    service_level_due = Moment(source="sla_due", allow_null=True)
    clocks = AnyObject(source="sla", help_text="How each clock of the service level stands.")
    reopened_count = serializers.IntegerField()
    resolving_comment = serializers.CharField()
    redirect_incident_id = Id(allow_null=True)
    exercise = serializers.CharField(help_text="Which played company it belongs to; empty for real ones.")
    version = serializers.IntegerField()


class IncidentChange(In):
    """What a PATCH may change; fields left out keep their value."""

    answer = IncidentOut
    display_name = Text(max_length=MAX_NAME, required=False)
    description = Text(max_length=MAX_TEXT, allow_blank=True, required=False)
    severity = Choice(Severity.choices, allow_null=True, required=False, help_text="Null: the highest of its alerts.")
    custom_tags = Words(longest=MAX_TAG, max_length=MAX_TAGS, required=False)
    assigned_to = UserName(required=False)
    status = Choice([(status.value, status.label) for status in SETTABLE_STATUS], required=False)
    classification = Choice(Classification.choices, required=False)
    determination = Choice(Determination.choices, required=False)
    resolving_comment = Text(max_length=MAX_TEXT, allow_blank=True, required=False)


class EntityRefIn(In):
    kind = Choice(EntityKind.choices)
    id = Id()


class IncidentNew(In):
    """An incident by hand, with one alert that names the entities."""

    answer = IncidentOut
    display_name = Text(max_length=MAX_NAME)
    severity = Choice(Severity.choices)
    description = Text(max_length=MAX_TEXT, allow_blank=True, required=False)
    category = Choice(Category.choices, required=False)
    alert_title = Text(max_length=500, required=False)
    entities = EntityRefIn(many=True, required=False, max_length=100)  # type: ignore[call-arg]
    custom_tags = Words(longest=MAX_TAG, max_length=MAX_TAGS, required=False)
    assigned_to = UserName(required=False)


class MergeCheck(Out):
    holds = serializers.BooleanField()
    said = serializers.CharField(help_text="What holds, or what stands in the way and the way out.")


class MergePlanOut(Out):
    """What a merge would do; it may be done when every check holds."""

    incident = Id(source="target")
    merged = serializers.ListField(child=Id(), source="sources", help_text="These would lead to `incident`.")
    why = serializers.CharField(help_text="Why this one stays: the portal chooses.")
    alerts = serializers.IntegerField(help_text="How many would move.")
    comments = serializers.IntegerField()
    mergeable = serializers.SerializerMethodField()
    checks = MergeCheck(many=True)

    def get_mergeable(self, plan: Any) -> bool:
        return not plan.refusals


class MergePlanNew(In):
    answer = MergePlanOut
    incidents = serializers.ListField(child=Id(), min_length=2, max_length=MOST_AT_ONCE)


class MergeNew(In):
    answer = IncidentOut
    incidents = serializers.ListField(child=Id(), min_length=2, max_length=MOST_AT_ONCE)
    comment = Text(max_length=MAX_TEXT, allow_blank=True, required=False)
    reasons = serializers.ListField(
        child=Choice(CorrelationReason.choices), min_length=1, max_length=len(CorrelationReason), required=False
    )


class CommentOut(Out):
    id = Id(source="pk")
    text = serializers.CharField()
    author = FrozenActor()
    created = Moment()


class CommentNew(In):
    answer = CommentOut
    text = Text(max_length=MAX_COMMENT)


class ActivityOut(Out):
    """One entry of the history: who changed what, when and why. `changes` is `{"field": [old, new]}`."""

    id = Id()
    at = Moment()
    actor = serializers.SerializerMethodField()
    verb = serializers.CharField()
    subject = serializers.CharField()
    changes = AnyObject()
    reason = serializers.CharField()
    data = AnyObject()  # type: ignore[assignment]

    @extend_schema_field(FrozenActor)
    def get_actor(self, event: Any) -> dict[str, str]:
        return {"kind": event.actor_kind, "id": event.actor_id, "name": event.actor_name}


def new_incident_arguments(checked: dict[str, Any]) -> dict[str, Any]:
    """What `create_incident` calls the fields of `IncidentNew`."""
    names = {"custom_tags": "tags"}
    left_out = {"display_name", "entities"}
    return {names.get(name, name): value for name, value in checked.items() if name not in left_out}
