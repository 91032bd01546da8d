from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from core import clock
from core.actors import Actor
from incidents.enums import EntityKind
from remediation.enums import OPEN_STATUSES, AssetClass, Decision, RequesterKind, RunStatus, Source
from remediation.queries.runs import RunQuerySet

if TYPE_CHECKING:
    from connectors.models import Connection
    from incidents.models import Incident


class ActionRun(models.Model):
    """One action on one target: asked for, decided, carried out, verified, perhaps undone by another run.

    A parent run fans out to children (`parent`), one per target; its status is derived from theirs and it has no
    connection of its own. `facet` plus target is what a run holds while open; `facet_key` narrows a facet to one
    object (`file:17`) so that two files on one device can be quarantined at once. `device_group_ids` is the scope a
    person needs (empty: no device is touched). `verification` is `{"done", "method", "at", "detail"}`.
    """

    action = models.CharField(max_length=60)
    target_kind = models.CharField(max_length=10, choices=EntityKind.choices)
    target_id = models.BigIntegerField()
    target_name = models.CharField(max_length=320, help_text="As it was called when the run was asked for.")
    facet = models.CharField(max_length=20)
    facet_key = models.CharField(max_length=80, blank=True)
    arguments = models.JSONField(default=dict)
    argument_digest = models.CharField(max_length=64)
    comment = models.TextField(help_text="The reason the requester gave.")
    incident: "models.ForeignKey[Incident | None, Incident | None]" = models.ForeignKey(
        "incidents.Incident", models.SET_NULL, null=True, related_name="runs"
    )
    parent: "models.ForeignKey[ActionRun | None, ActionRun | None]" = models.ForeignKey(
        "self", models.CASCADE, null=True, related_name="children"
    )
    undoes: "models.ForeignKey[ActionRun | None, ActionRun | None]" = models.ForeignKey(
        "self", models.SET_NULL, null=True, related_name="undone_by"
    )
    source = models.CharField(max_length=20, choices=Source.choices, default=Source.MANUAL)
    device_group_ids = ArrayField(models.BigIntegerField(), default=list)
    requested_by = models.JSONField(help_text="The actor, frozen.")
    requester_id = models.BigIntegerField(null=True, help_text="The person whose rights counted; four-eyes compares.")

    decision = models.CharField(max_length=14, choices=Decision.choices)
    decided_by = models.JSONField(null=True)
    decided_at = models.DateTimeField(null=True)
    decision_comment = models.TextField(blank=True)
    decision_seal = models.CharField(max_length=64, blank=True)
    expires_at = models.DateTimeField(null=True, help_text="When an undecided request expires.")

    status = models.CharField(max_length=20, choices=RunStatus.choices, default=RunStatus.WAITING)
    status_detail = models.CharField(max_length=500, blank=True)
    connection: "models.ForeignKey[Connection | None, Connection | None]" = models.ForeignKey(
        "connectors.Connection", models.PROTECT, null=True, related_name="+"
    )
    remote_id = models.CharField(max_length=200, blank=True)
    simulated = models.BooleanField(default=False)
    progress = models.PositiveSmallIntegerField(null=True)
    verification = models.JSONField(default=dict)
    asset_class = models.CharField(
        max_length=10, choices=AssetClass.choices, blank=True, help_text="What a cap counts it as; empty: as nothing."
    )
    requester_kind = models.CharField(max_length=10, choices=RequesterKind.choices, default=RequesterKind.PERSON)
    emergency = models.BooleanField(default=False, help_text="Approved by one person alone.")
    ordered = models.DateTimeField(null=True, help_text="When the order was given; caps count from here.")
    result = models.JSONField(default=dict)
    receipt = models.JSONField(default=dict, help_text="What the remote side needs to undo this.")

    created = models.DateTimeField(default=clock.now)
    queued = models.DateTimeField(null=True)
    delivered = models.DateTimeField(null=True)
    started = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True)
    next_step_at = models.DateTimeField(null=True, help_text="When a worker should look at it again.")
    steps = models.PositiveIntegerField(default=0)
    version = models.PositiveIntegerField(default=1)
    exercise = models.CharField(max_length=40, blank=True, db_index=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["target_kind", "target_id", "facet", "facet_key"],
                condition=models.Q(status__in=OPEN_STATUSES),
                name="one_open_run_per_target_and_facet",
            ),
            models.CheckConstraint(
                condition=~models.Q(status=RunStatus.SUCCEEDED) | models.Q(verification__done=True),
                name="run_succeeded_means_verified",
            ),
            models.CheckConstraint(
                condition=models.Q(decision__in=[Decision.NOT_REQUIRED, Decision.APPROVED])
                | models.Q(status__in=[RunStatus.WAITING, RunStatus.CANCELLED, RunStatus.EXPIRED, RunStatus.SKIPPED]),
                name="run_carried_out_only_when_decided",
            ),
        ]
        indexes = [
            models.Index(fields=["expires_at", "id"], condition=models.Q(decision="pending"), name="run_pending"),
            models.Index(fields=["next_step_at"], condition=~models.Q(next_step_at=None), name="run_due"),
            models.Index(fields=["-created", "-id"], name="run_newest"),
            models.Index(
                fields=["asset_class", "requester_kind", "-created"],
                condition=~models.Q(asset_class=""),
                name="run_counted",
            ),
            models.Index(fields=["target_kind", "target_id", "-created"], name="run_of_target"),
            models.Index(fields=["incident", "-created"], name="run_of_incident"),
            GinIndex(fields=["device_group_ids"], name="run_groups"),
            GinIndex(fields=["target_name"], name="run_target_trgm", opclasses=["gin_trgm_ops"]),
            GinIndex(fields=["comment"], name="run_comment_trgm", opclasses=["gin_trgm_ops"]),
        ]

    def __str__(self) -> str:
        return f"RUN-{self.pk} {self.action} {self.target_name}"

    @property
    def number(self) -> str:
        return f"RUN-{self.pk}"

    @property
    def thread(self) -> str:
        """Its story belongs to the incident's Activities when it has one."""
        return f"incident:{self.incident_id}" if self.incident_id else f"run:{self.pk}"

    @property
    def requester(self) -> Actor:
        return Actor.from_json(self.requested_by)

    @property
    def decider(self) -> Actor | None:
        return Actor.from_json(self.decided_by) if self.decided_by else None

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATUSES

    @property
    def is_verified(self) -> bool:
        return bool(self.verification.get("done"))
