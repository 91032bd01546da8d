from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Value

from core import clock
from incidents.enums import EVIDENCE_LABELS, EvidenceVerdict, RemediationStatus
from incidents.queries.evidence import EvidenceQuerySet

if TYPE_CHECKING:
    from incidents.models import Alert, Device, File, Identity, Mailbox


class Evidence(models.Model):
    """One thing an alert names. `type` is the Graph evidence type without its suffix (`device`, `user`, `file`,
    `process`, `ip`, `url`, `analyzedMessage`, ...). `display` is what people read, `key` what correlation compares
    (normalised, prefixed: `ip:203.0.113.77`, `sha256:...`, `message:<...>`; empty when it identifies nothing).
    At most one entity column is set; a process carries its image file, its device is in `device`. `members` are
    further things that it stands for, as keys: of a process the run itself and the one that started it
    (`process:<pid>@<second>`), of a mail cluster its messages."""

    alert: "models.ForeignKey[Alert, Alert]" = models.ForeignKey(
        "incidents.Alert", models.CASCADE, related_name="evidence"
    )
    type = models.CharField(max_length=40)
    roles = ArrayField(models.CharField(max_length=30), default=list)
    verdict = models.CharField(max_length=20, choices=EvidenceVerdict.choices, default=EvidenceVerdict.UNKNOWN)
    remediation_status = models.CharField(
        max_length=24, choices=RemediationStatus.choices, default=RemediationStatus.NONE
    )
    remediation_status_details = models.CharField(max_length=300, blank=True)
    display = models.CharField(max_length=500)
    key = models.CharField(max_length=300, blank=True)
    members = ArrayField(models.CharField(max_length=120), default=list, db_default=Value("{}"))
    data = models.JSONField(default=dict)
    device: "models.ForeignKey[Device | None, Device | None]" = models.ForeignKey(
        "incidents.Device", models.PROTECT, null=True, related_name="evidence", db_index=False
    )
    file: "models.ForeignKey[File | None, File | None]" = models.ForeignKey(
        "incidents.File", models.PROTECT, null=True, related_name="evidence", db_index=False
    )
    identity: "models.ForeignKey[Identity | None, Identity | None]" = models.ForeignKey(
        "incidents.Identity", models.PROTECT, null=True, related_name="evidence", db_index=False
    )
    mailbox: "models.ForeignKey[Mailbox | None, Mailbox | None]" = models.ForeignKey(
        "incidents.Mailbox", models.PROTECT, null=True, related_name="evidence", db_index=False
    )
    created = models.DateTimeField(default=clock.now)

    objects = EvidenceQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "evidence"
        indexes = [
            models.Index(fields=["key", "alert"], condition=~models.Q(key=""), name="evidence_key"),
            GinIndex(fields=["members"], condition=~models.Q(members=[]), name="evidence_members"),
            models.Index(fields=["device", "alert"], condition=~models.Q(device=None), name="evidence_device"),
            models.Index(fields=["file", "alert"], condition=~models.Q(file=None), name="evidence_file"),
            models.Index(fields=["identity", "alert"], condition=~models.Q(identity=None), name="evidence_identity"),
            models.Index(fields=["mailbox", "alert"], condition=~models.Q(mailbox=None), name="evidence_mailbox"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.display}"

    @property
    def type_label(self) -> str:
        return EVIDENCE_LABELS.get(self.type, self.type)

    @property
    def entity(self) -> "Device | File | Identity | Mailbox | None":
        """The entity this evidence stands for. A file on a device is the file."""
        return self.file or self.identity or self.mailbox or self.device
