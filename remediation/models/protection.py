from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Value

from core import clock
from incidents.enums import EntityKind
from remediation.enums import MatchBy, ProtectedKind


class ProtectedAsset(models.Model):
    """What destructive actions must not touch, or not without a stronger right. `kind` says which of the two.

    `match_by` entity: the row `target_kind`/`target_id`. Name: `pattern` with `*` and `?` against every name of a
    target of `target_kind`. Address: an address or network of a device. Tag: a tag or role of a device or account.
    `device_group_ids`: a rule for devices of these groups alone; empty for everything.
    """

    kind = models.CharField(max_length=20, choices=ProtectedKind.choices)
    match_by = models.CharField(max_length=10, choices=MatchBy.choices)
    target_kind = models.CharField(max_length=10, choices=EntityKind.choices)
    target_id = models.BigIntegerField(null=True)
    pattern = models.CharField(max_length=255, blank=True)
    device_group_ids: "ArrayField[list[int], list[int]]" = ArrayField(
        models.BigIntegerField(), default=list, db_default=Value("{}"), blank=True
    )
    note = models.CharField(max_length=500)
    author = models.JSONField(help_text="The actor, frozen.")
    created = models.DateTimeField(default=clock.now)
    exercise = models.CharField(max_length=40, blank=True, db_index=True)

    class Meta:
        ordering = ["kind", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(match_by=MatchBy.ENTITY, target_id__isnull=False, pattern="")
                | (~models.Q(match_by=MatchBy.ENTITY) & models.Q(target_id=None) & ~models.Q(pattern="")),
                name="protection_says_what",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.rule_in_words}"

    @property
    def rule_in_words(self) -> str:
        """`device whose name is dc-*`."""
        if self.match_by == MatchBy.ENTITY:
            return f"this {self.target_kind}"
        return f"{self.target_kind} {MatchBy(self.match_by).label.lower()} {self.pattern}"
