import uuid
from collections.abc import Mapping

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from core import clock
from core.personal import Name
from incidents.enums import Criticality, EntityKind, RiskLevel
from incidents.queries.entities import MailboxQuerySet


class Mailbox(models.Model):
    """A mailbox; `key` is the lower-cased primary address."""

    key = models.CharField(max_length=320, unique=True)
    primary_address = models.CharField(max_length=320)
    display_name = models.CharField(max_length=255)
    upn = models.CharField(max_length=255, blank=True)
    tags = ArrayField(models.CharField(max_length=80), default=list)
    risk_level = models.CharField(max_length=16, choices=RiskLevel.choices, default=RiskLevel.NONE)
    criticality = models.CharField(max_length=10, choices=Criticality.choices, default=Criticality.NONE)
    is_hub = models.BooleanField(default=False)
    mitigation = models.JSONField(default=dict)
    first_seen = models.DateTimeField(default=clock.now)
    last_seen = models.DateTimeField(default=clock.now)
    version = models.PositiveIntegerField(default=1)
    exercise = models.CharField(max_length=40, blank=True, db_index=True)
    name_key = models.UUIDField(
        null=True, db_default=RandomUUID(), default=uuid.uuid4, editable=False,
        help_text="Under which the history keeps its names; none when it was erased.",
    )  # fmt: skip

    kind = EntityKind.MAILBOX
    objects = MailboxQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "mailboxes"
        indexes = [
            models.Index(fields=["-last_seen", "-id"], name="mailbox_last_seen"),
            GinIndex(fields=["display_name"], name="mailbox_name_trgm", opclasses=["gin_trgm_ops"]),
            GinIndex(fields=["key"], name="mailbox_key_trgm", opclasses=["gin_trgm_ops"]),
            GinIndex(fields=["upn"], name="mailbox_upn_trgm", opclasses=["gin_trgm_ops"]),
        ]

    def __str__(self) -> str:
        return self.display_name

    @property
    def named(self) -> Name:
        """The name for the history."""
        return self.in_history(self.display_name)

    def in_history(self, text: str) -> Name:
        return Name("mailbox", self.pk, text, self.name_key)


def name_keys(asked: int) -> Mapping[int, uuid.UUID | None]:
    """Of the one that is asked for: there are many."""
    return dict(Mailbox.objects.filter(pk=asked).values_list("pk", "name_key"))
