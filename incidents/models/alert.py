from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from core import clock
from incidents.enums import AlertStatus, Classification, Determination, Severity
from incidents.queries.alerts import AlertQuerySet

if TYPE_CHECKING:
    from accounts.models import User
    from incidents.models.incident import Incident


class Alert(models.Model):
    """One detection by one source. Belongs to exactly one incident once correlated; `incident` is null only while it
    waits for the correlation lane. Identity is (source, provider_alert_id); `content_digest` tells a repeat from a
    change. `marks` names what was cut or mended on the way in: `[{"field", "code", "message"}]`. `source_state` is the
    status, classification and determination that the source said last: where ours still equals it, the source may
    change it; where a person decided, it may not."""

    source = models.CharField(max_length=80)
    provider_alert_id = models.CharField(max_length=200)
    format = models.CharField(max_length=30)
    content_digest = models.BinaryField(max_length=16)
    detector_id = models.CharField(max_length=200, blank=True)
    title = models.CharField(max_length=500)
    description = models.TextField(blank=True)
    recommended_actions = models.TextField(blank=True)
    severity = models.CharField(max_length=16, choices=Severity.choices, default=Severity.UNKNOWN)
    status = models.CharField(max_length=16, choices=AlertStatus.choices, default=AlertStatus.NEW)
    classification = models.CharField(max_length=40, choices=Classification.choices, default=Classification.UNKNOWN)
    determination = models.CharField(max_length=40, choices=Determination.choices, default=Determination.UNKNOWN)
    assigned_to: "models.ForeignKey[User | None, User | None]" = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, related_name="alerts"
    )
    categories = ArrayField(models.CharField(max_length=60), default=list)
    mitre_techniques = ArrayField(models.CharField(max_length=20), default=list)
    service_source = models.CharField(max_length=80, default="unknown")
    detection_source = models.CharField(max_length=80, default="unknown")
    product_name = models.CharField(max_length=200, blank=True)
    provider_incident_id = models.CharField(max_length=200, blank=True)
    custom_tags = ArrayField(models.CharField(max_length=80), default=list)
    actor_display_name = models.CharField(max_length=200, blank=True)
    threat_display_name = models.CharField(max_length=200, blank=True)
    first_activity = models.DateTimeField()
    last_activity = models.DateTimeField()
    created = models.DateTimeField(default=clock.now, help_text="When it arrived here.")
    updated = models.DateTimeField(default=clock.now)
    resolved = models.DateTimeField(null=True)
    incident: "models.ForeignKey[Incident | None, Incident | None]" = models.ForeignKey(
        "incidents.Incident", models.PROTECT, null=True, related_name="alerts"
    )
    correlated = models.DateTimeField(null=True)
    device_group_ids = ArrayField(models.BigIntegerField(), default=list)
    additional_data = models.JSONField(default=dict)
    marks = models.JSONField(default=list)
    source_state = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=1)
    exercise = models.CharField(max_length=40, blank=True)

    objects = AlertQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "provider_alert_id"], name="alert_once")]
        indexes = [
            models.Index(fields=["-last_activity", "-id"], name="alert_last_activity"),
            models.Index(fields=["incident", "first_activity", "id"], name="alert_of_incident"),
            models.Index(fields=["id"], condition=models.Q(correlated=None), name="alert_waiting"),
            models.Index(fields=["-created"], name="alert_created"),
            models.Index(
                fields=["source", "provider_incident_id"],
                condition=~models.Q(provider_incident_id=""),
                name="alert_provider_incident",
            ),
            models.Index(fields=["exercise"], condition=~models.Q(exercise=""), name="alert_exercise"),
            GinIndex(fields=["device_group_ids"], name="alert_groups"),
            models.Index(fields=["provider_alert_id"], name="alert_provider_id"),
            GinIndex(fields=["title"], name="alert_title_trgm", opclasses=["gin_trgm_ops"]),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def audience(self) -> list[int] | None:
        return list(self.device_group_ids) or None
