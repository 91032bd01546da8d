from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from core import clock
from incidents.enums import Classification, Determination, IncidentStatus, ServiceState, Severity, ValueSource
from incidents.queries.incidents import IncidentQuerySet

if TYPE_CHECKING:
    from accounts.models import User

NAMELESS = "Incident in several device groups"
# Figures of a period are counted from these indexes alone, without reading the wide rows.
MARKS = (("created", "incident_opened"), ("acknowledged", "incident_taken"), ("contained_at", "incident_held"),
         ("resolved", "incident_closed"))  # fmt: skip
COUNTED = ("id", "first_activity", "severity", "status", "classification", "assigned_to", "restricted",
           "reopened_count")  # fmt: skip


class Incident(models.Model):
    """The story that belongs together: one or more alerts, with everything the team did about it.

    `severity_rank` mirrors `severity` as 0-4 so that the queue can page by it. `open_to_all` is true when an alert
    names no device (or there is no alert), else `device_group_ids` decides who sees the incident. `alert_counts` is
    `{"total", "active", "high", "medium", "low", "informational", "unknown"}`; `impacted_assets` is `{"devices",
    "identities", "mailboxes", "files", "total", "names": [up to 8 {kind, id, name}]}`. `priority_factors` is a list
    of `{"key", "label", "points"}` that add up to `priority_score` (null while pending); `neutral` is the label that
    names no asset, where it differs. `sla` and `sla_pauses` are explained by `incidents.service_levels`; a pause is
    `{"since", "until", "reason", "note", "by"}`.

    What is said of all alerts together can name a host or an account of an alert that the reader may not see. Rows
    from `visible_to(user)` are therefore narrowed (`narrow_to`): who sees a part reads `neutral_name` and neutral
    factors and no summary. A narrowed row is for reading and refuses to be saved.
    """

    STANDS_FOR: ClassVar[Mapping[str, str]] = {"shown_name": "display_name"}  # annotations that lists are ordered by

    display_name = models.CharField(max_length=300)
    neutral_name = models.CharField(max_length=300, default=NAMELESS, help_text="Names no asset, quotes no alert.")
    name_source = models.CharField(max_length=8, choices=ValueSource.choices, default=ValueSource.AUTO)
    description = models.TextField(blank=True)
    summary = models.TextField(blank=True)
    status = models.CharField(max_length=20, choices=IncidentStatus.choices, default=IncidentStatus.ACTIVE)
    severity = models.CharField(max_length=16, choices=Severity.choices, default=Severity.UNKNOWN)
    severity_rank = models.PositiveSmallIntegerField(default=0)
    severity_source = models.CharField(max_length=8, choices=ValueSource.choices, default=ValueSource.AUTO)
    classification = models.CharField(max_length=40, choices=Classification.choices, default=Classification.UNKNOWN)
    determination = models.CharField(max_length=40, choices=Determination.choices, default=Determination.UNKNOWN)
    assigned_to: "models.ForeignKey[User | None, User | None]" = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, related_name="incidents"
    )
    custom_tags = ArrayField(models.CharField(max_length=80), default=list)
    system_tags = ArrayField(models.CharField(max_length=80), default=list)
    priority_score = models.PositiveSmallIntegerField(null=True)
    priority_factors = models.JSONField(default=list)
    alert_counts = models.JSONField(default=dict)
    impacted_assets = models.JSONField(default=dict)
    categories = ArrayField(models.CharField(max_length=60), default=list)
    mitre_techniques = ArrayField(models.CharField(max_length=20), default=list)
    service_sources = ArrayField(models.CharField(max_length=80), default=list)
    detection_sources = ArrayField(models.CharField(max_length=80), default=list)
    sources = ArrayField(models.CharField(max_length=80), default=list)
    device_group_ids = ArrayField(models.BigIntegerField(), default=list)
    open_to_all = models.BooleanField(default=True)
    restricted = models.BooleanField(default=False, help_text="Seen by the named people only (insider cases).")
    restricted_to: "models.ManyToManyField[User, models.Model]" = models.ManyToManyField(
        "accounts.User", related_name="restricted_incidents", blank=True
    )
    first_activity = models.DateTimeField(default=clock.now)
    last_activity = models.DateTimeField(default=clock.now)
    created = models.DateTimeField(default=clock.now)
    updated = models.DateTimeField(default=clock.now)
    last_modified_by = models.CharField(max_length=255, blank=True)
    acknowledged = models.DateTimeField(null=True, help_text="First owner or first In progress.")
    rose_to_high = models.DateTimeField(
        null=True, help_text="Its alerts made it High after somebody took it up, and nobody has looked since."
    )
    contained_at = models.DateTimeField(null=True, help_text="First verified containment.")
    resolved = models.DateTimeField(null=True, help_text="Last close.")
    reopened_count = models.PositiveIntegerField(default=0)
    resolving_comment = models.TextField(blank=True)
    redirect_incident: "models.ForeignKey[Incident | None, Incident | None]" = models.ForeignKey(
        "self", models.SET_NULL, null=True, related_name="redirected_incidents"
    )
    sla = models.JSONField(default=dict, help_text="How each clock of its service level stands.")
    sla_pauses = models.JSONField(default=list, help_text="When the clocks stood still, and why.")
    sla_started = models.DateTimeField(null=True, help_text="When the clocks of its service level began.")
    sla_state = models.CharField(max_length=20, choices=ServiceState.choices, blank=True)
    sla_due = models.DateTimeField(null=True, help_text="The earliest target that still runs.")
    sla_next = models.DateTimeField(null=True, help_text="When time alone changes the state of a clock.")
    continues: "models.ForeignKey[Incident | None, Incident | None]" = models.ForeignKey(
        "self", models.SET_NULL, null=True, related_name="continued_in", help_text="Resolved, and this one goes on."
    )
    on_hold = models.BooleanField(default=False, help_text="A legal hold keeps it; written by its service alone.")
    version = models.PositiveIntegerField(default=1)
    exercise = models.CharField(max_length=40, blank=True, db_index=True)

    objects = IncidentQuerySet.as_manager()
    _reader_groups: frozenset[int] | None = None

    class Meta:
        indexes = [
            models.Index(fields=["-priority_score", "-last_activity", "-id"], name="incident_priority"),
            models.Index(fields=["-last_activity", "-id"], name="incident_last_activity"),
            models.Index(fields=["-severity_rank", "-last_activity", "-id"], name="incident_severity"),
            models.Index(fields=["-updated", "-id"], name="incident_updated"),
            models.Index(
                fields=["-last_activity", "-id"],
                condition=models.Q(status__in=["active", "inProgress", "awaitingAction"]),
                name="incident_open",
            ),
            models.Index(fields=["assigned_to", "-last_activity"], name="incident_owner"),
            models.Index(fields=["id"], condition=models.Q(restricted=True), name="incident_restricted"),
            # Scope is "for all, or of my groups": with an index for either half nobody's counts read every row.
            models.Index(fields=["id"], condition=models.Q(open_to_all=True), name="incident_for_all"),
            models.Index(
                fields=["severity", "assigned_to"],
                include=("id", "restricted"),
                condition=models.Q(status__in=["active", "inProgress", "awaitingAction"]),
                name="incident_open_owner",
            ),
            models.Index(fields=["sla_due", "last_activity", "id"], name="incident_sla_due"),
            models.Index(fields=["sla_next"], condition=~models.Q(sla_next=None), name="incident_sla_next"),
            *[models.Index(fields=[mark], include=COUNTED, name=name) for mark, name in MARKS],
            GinIndex(fields=["device_group_ids"], name="incident_groups"),
            GinIndex(fields=["custom_tags"], name="incident_tags"),
            GinIndex(fields=["display_name"], name="incident_name_trgm", opclasses=["gin_trgm_ops"]),
            GinIndex(fields=["neutral_name"], name="incident_neutral_trgm", opclasses=["gin_trgm_ops"]),
        ]

    def __str__(self) -> str:
        return f"INC-{self.pk} {self.display_name}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.is_narrowed:
            raise RuntimeError(f"{self.number} was read for somebody who sees a part of it: lock the row to change it.")
        super().save(*args, **kwargs)

    def narrow_to(self, groups: frozenset[int]) -> None:
        """Keep what somebody of these device groups may know; nothing is taken from who sees every alert."""
        if set(self.device_group_ids) <= groups:
            return
        self._reader_groups = groups
        if self.name_source == ValueSource.AUTO:
            self.display_name = self.neutral_name
        self.summary = ""
        self.priority_factors = [{**row, "label": row.get("neutral", row["label"])} for row in self.priority_factors]

    @property
    def is_narrowed(self) -> bool:
        return self._reader_groups is not None

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        """Also what Django calls to fetch a deferred column: a narrowed row stays narrowed."""
        super().refresh_from_db(*args, **kwargs)
        if self._reader_groups is not None:
            self.narrow_to(self._reader_groups)

    @property
    def number(self) -> str:
        """The name people say: `INC-1048`."""
        return f"INC-{self.pk}"

    @property
    def thread(self) -> str:
        """The audit thread of everything that belongs to this incident."""
        return f"incident:{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.status not in (IncidentStatus.RESOLVED, IncidentStatus.REDIRECTED)

    @property
    def audience(self) -> list[int] | None:
        """Device groups that may know of changes, for live updates; None is everyone."""
        return None if self.open_to_all else list(self.device_group_ids)
