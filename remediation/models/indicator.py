from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from core import clock
from core.actors import Actor
from incidents.enums import Severity
from remediation.enums import (
    Enforcement,
    IndicatorAction,
    IndicatorDeed,
    IndicatorSource,
    IndicatorStatus,
    IndicatorType,
)
from remediation.queries.indicators import EnforcementQuerySet, IndicatorQuerySet

if TYPE_CHECKING:
    from connectors.models import Connection
    from incidents.models import Incident

ABSENT = "absent"
# Nothing is sent by itself before a person says so.
HELD = datetime(9999, 1, 1, tzinfo=UTC)


class Indicator(models.Model):
    """What is allowed, watched, warned of or blocked, wherever a connection can enforce it.

    `value` is normalised, `key` names type and value (`ipAddress:203.0.113.9`, a long value hashed). Without
    `device_group_ids` it holds for all devices; `scope_key` names the groups, so that one value may have one indicator
    for everybody and others for groups. `origin` is the thing it was made from: `{"kind", "id", "name"}`.
    """

    type = models.CharField(max_length=24, choices=IndicatorType.choices)
    value = models.CharField(max_length=2000)
    key = models.CharField(max_length=120)
    scope_key = models.CharField(max_length=70, blank=True)
    action = models.CharField(max_length=20, choices=IndicatorAction.choices)
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    severity = models.CharField(max_length=16, choices=Severity.choices, default=Severity.MEDIUM)
    recommended_actions = models.TextField(blank=True)
    category = models.CharField(max_length=40, blank=True)
    techniques = ArrayField(models.CharField(max_length=12), default=list)
    device_group_ids = ArrayField(models.BigIntegerField(), default=list)
    expires_at = models.DateTimeField(null=True)
    generate_alert = models.BooleanField(default=False)
    source = models.CharField(max_length=10, choices=IndicatorSource.choices, default=IndicatorSource.MANUAL)
    status = models.CharField(max_length=8, choices=IndicatorStatus.choices, default=IndicatorStatus.ACTIVE)
    incident: "models.ForeignKey[Incident | None, Incident | None]" = models.ForeignKey(
        "incidents.Incident", models.SET_NULL, null=True, related_name="indicators"
    )
    origin = models.JSONField(default=dict)
    created_by = models.JSONField(help_text="The actor, frozen.")
    created = models.DateTimeField(default=clock.now)
    updated = models.DateTimeField(default=clock.now)
    version = models.PositiveIntegerField(default=1)
    exercise = models.CharField(max_length=40, blank=True, db_index=True)

    objects = IndicatorQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["key", "scope_key"],
                condition=models.Q(status="active"),
                name="one_indicator_per_value_and_scope",
            )
        ]
        indexes = [
            models.Index(fields=["-updated", "-id"], name="indicator_newest"),
            models.Index(fields=["expires_at"], condition=models.Q(status="active"), name="indicator_expiry"),
            GinIndex(fields=["device_group_ids"], name="indicator_groups"),
            GinIndex(fields=["value"], name="indicator_value_trgm", opclasses=["gin_trgm_ops"]),
            GinIndex(fields=["title"], name="indicator_title_trgm", opclasses=["gin_trgm_ops"]),
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.value}"

    @property
    def number(self) -> str:
        return f"IND-{self.pk}"

    @property
    def thread(self) -> str:
        return f"incident:{self.incident_id}" if self.incident_id else f"indicator:{self.pk}"

    @property
    def is_active(self) -> bool:
        return self.status == IndicatorStatus.ACTIVE

    @property
    def maker(self) -> Actor:
        return Actor.from_json(self.created_by)

    @property
    def remote_key(self) -> str:
        """What it is called in a connection's list."""
        return f"{self.key}|{self.scope_key}" if self.scope_key else self.key


class IndicatorChange(models.Model):
    """One deed on an indicator: the fields as they were and as they became. The newest can be taken back."""

    indicator: "models.ForeignKey[Indicator, Indicator]" = models.ForeignKey(
        "remediation.Indicator", models.CASCADE, related_name="changes"
    )
    deed = models.CharField(max_length=10, choices=IndicatorDeed.choices)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    actor = models.JSONField()
    reason = models.TextField(blank=True)
    at = models.DateTimeField(default=clock.now)
    undone = models.BooleanField(default=False)

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.deed} {self.indicator_id}"

    @property
    def by(self) -> Actor:
        return Actor.from_json(self.actor)


class IndicatorEnforcement(models.Model):
    """One indicator at one connection: what is wanted in its list, and what was last read there.

    `desired` and `observed` are an action or `absent`; the digests cover scope, expiry and texts as well.
    `delivery_id` is the order under way; `next_try_at` when the next one may be given.
    """

    indicator: "models.ForeignKey[Indicator, Indicator]" = models.ForeignKey(
        "remediation.Indicator", models.CASCADE, related_name="enforcements"
    )
    connection: "models.ForeignKey[Connection, Connection]" = models.ForeignKey(
        "connectors.Connection", models.CASCADE, related_name="+"
    )
    desired = models.CharField(max_length=20)
    desired_digest = models.CharField(max_length=32, blank=True)
    observed = models.CharField(max_length=20, default=ABSENT)
    observed_digest = models.CharField(max_length=32, blank=True)
    observed_at = models.DateTimeField(null=True)
    generation = models.PositiveIntegerField(default=1)
    delivery_id = models.BigIntegerField(null=True, db_index=True)
    attempts = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(default=clock.now)
    error = models.CharField(max_length=300, blank=True)

    objects = EnforcementQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["indicator", "connection"], name="one_enforcement_per_connection")
        ]
        indexes = [models.Index(fields=["connection", "next_try_at"], name="enforcement_due")]

    def __str__(self) -> str:
        return f"{self.indicator_id} at {self.connection_id}: {self.desired}"

    @property
    def is_as_wanted(self) -> bool:
        return (self.desired, self.desired_digest) == (self.observed, self.observed_digest)

    @property
    def is_held(self) -> bool:
        return self.next_try_at == HELD

    @property
    def state(self) -> Enforcement:
        if self.is_as_wanted and self.observed_at is not None:
            return Enforcement.LIFTED if self.desired == ABSENT else Enforcement.IN_FORCE
        if self.delivery_id is not None:
            return Enforcement.SENT
        if self.error:
            return Enforcement.FAILED if self.attempts else Enforcement.DIFFERS
        return Enforcement.WAITING
