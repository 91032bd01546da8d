"""Alerts and their evidence on the wire."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api.fields import AnyObject, Choice, Id, Moment, Text, Words
from core.api.serializers import In, Out
from incidents.api.incident_shapes import EntityRef
from incidents.api.people import UserName
from incidents.enums import (
    AlertStatus,
    Classification,
    CorrelationReason,
    Determination,
    EvidenceRole,
    EvidenceVerdict,
    RemediationStatus,
    Severity,
)
from incidents.models import Alert, Evidence
from incidents.models.comment import MAX_COMMENT
from incidents.services.changes import MAX_TAG, MAX_TAGS, SETTABLE_ALERT_STATUS

ENTITY_COLUMNS = ("file", "identity", "mailbox", "device")
MAX_MOVED = 500


class EvidenceOut(Out):
    id = Id(source="pk")
    alert_id = Id()
    type = serializers.CharField()
    role = serializers.SerializerMethodField()
    roles = Words()
    verdict = serializers.ChoiceField(EvidenceVerdict.choices)
    remediation_status = serializers.ChoiceField(RemediationStatus.choices)
    remediation_status_details = serializers.CharField()
    display = serializers.CharField()
    entity = serializers.SerializerMethodField()
    data = AnyObject()  # type: ignore[assignment]
    created = Moment()

    def get_role(self, evidence: Evidence) -> str:
        return evidence.roles[0] if evidence.roles else EvidenceRole.UNKNOWN.value

    @extend_schema_field(EntityRef(allow_null=True))
    def get_entity(self, evidence: Evidence) -> dict[str, str] | None:
        """The entity it stands for; null when there is none, or none that you may see."""
        for kind in ENTITY_COLUMNS:
            found = getattr(evidence, f"{kind}_id")
            if found is not None:
                hidden = (kind, found) in self.context.get("hidden_entities", frozenset())
                return None if hidden else {"kind": kind, "id": str(found)}
        return None


class CorrelationOut(Out):
    reason = serializers.ChoiceField(CorrelationReason.choices)
    rule = serializers.CharField()
    evidence = serializers.CharField(source="said")
    other_alert = Id(source="seen_other_id", allow_null=True)


class Mark(Out):
    """What was cut or mended on the way in."""

    field = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()

    def to_representation(self, instance: dict[str, Any]) -> dict[str, Any]:
        return {str(name): str(instance.get(str(name), "")) for name in self.fields}


class AlertOut(Out):
    id = Id(source="pk")
    provider_alert_id = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    format = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    recommended_actions = serializers.CharField()
    severity = serializers.ChoiceField(Severity.choices)
    status = serializers.ChoiceField(AlertStatus.choices)
    classification = serializers.ChoiceField(Classification.choices)
    determination = serializers.ChoiceField(Determination.choices)
    assigned_to = UserName()
    categories = Words()
    mitre_techniques = Words()
    custom_tags = Words()
    service_source = serializers.CharField()
    detection_source = serializers.CharField()
    product_name = serializers.CharField()
    incident_id = Id(allow_null=True)
    correlation = serializers.SerializerMethodField()
    evidence = EvidenceOut(many=True)
    marks = Mark(many=True)
    first_activity = Moment()
    last_activity = Moment()
    created = Moment()
    updated = Moment()
    resolved = Moment(allow_null=True)
    exercise = serializers.CharField()
    version = serializers.IntegerField()

    @extend_schema_field(CorrelationOut(many=True))
    def get_correlation(self, alert: Alert) -> Any:
        """Why it belongs to its incident; what a person undid no longer counts."""
        in_force = [link for link in alert.links.all() if link.undone is None and link.incident_id == alert.incident_id]
        return CorrelationOut(in_force, many=True).data


class AlertChange(In):
    answer = AlertOut
    status = Choice([(status.value, status.label) for status in SETTABLE_ALERT_STATUS], required=False)
    classification = Choice(Classification.choices, required=False)
    determination = Choice(Determination.choices, required=False)
    assigned_to = UserName(required=False)
    custom_tags = Words(longest=MAX_TAG, max_length=MAX_TAGS, required=False)


class AlertMove(In):
    """`incident` null makes a new incident of them."""

    alerts = serializers.ListField(child=Id(), min_length=1, max_length=MAX_MOVED)
    incident = Id(allow_null=True)
    comment = Text(max_length=MAX_COMMENT, allow_blank=True, required=False)
    reason = Choice(CorrelationReason.choices)
