import uuid
from collections.abc import Mapping

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from core import clock
from core.personal import Name
from incidents.enums import Criticality, EntityKind, RiskLevel
from incidents.queries.entities import IdentityQuerySet


class Identity(models.Model):
    """An account. `key` is the lower-cased UPN when known, else `domain\\name` or the bare name; `aliases` are its
    other keys (`sid:...`, `aad:...`, `domain\\name`). `mitigation` as on devices."""

    key = models.CharField(max_length=255, unique=True)
    aliases = ArrayField(models.CharField(max_length=255), default=list)
    display_name = models.CharField(max_length=255)
    account_name = models.CharField(max_length=255, blank=True)
    domain = models.CharField(max_length=255, blank=True)
    upn = models.CharField(max_length=255, blank=True)
    sid = models.CharField(max_length=200, blank=True)
    department = models.CharField(max_length=120, blank=True)
    job_title = models.CharField(max_length=120, blank=True)
    tags = ArrayField(models.CharField(max_length=80), default=list)
    risk_level = models.CharField(max_length=16, choices=RiskLevel.choices, default=RiskLevel.NONE)
    criticality = models.CharField(max_length=10, choices=Criticality.choices, default=Criticality.NONE)
    is_service = models.BooleanField(default=False)
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

    kind = EntityKind.IDENTITY
    objects = IdentityQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "identities"
        indexes = [
            models.Index(fields=["display_name", "id"], name="identity_name"),
            models.Index(fields=["-last_seen", "-id"], name="identity_last_seen"),
            GinIndex(fields=["aliases"], name="identity_aliases", fastupdate=False),
            GinIndex(fields=["display_name"], name="identity_name_trgm", opclasses=["gin_trgm_ops"]),
            GinIndex(fields=["key"], name="identity_key_trgm", opclasses=["gin_trgm_ops"]),
            GinIndex(fields=["upn"], name="identity_upn_trgm", opclasses=["gin_trgm_ops"]),
        ]

    def __str__(self) -> str:
        return self.display_name

    @property
    def named(self) -> Name:
        """The name for the history."""
        return self.in_history(self.display_name)

    def in_history(self, text: str) -> Name:
        return Name("identity", self.pk, text, self.name_key)


def name_keys(asked: int) -> Mapping[int, uuid.UUID | None]:
    """Of the one that is asked for: there are many."""
    return dict(Identity.objects.filter(pk=asked).values_list("pk", "name_key"))
