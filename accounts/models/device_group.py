from django.db import models


class DeviceGroup(models.Model):
    """A scope. A device belongs to the matching group of the highest rank (1 is the top), else to the default group.

    `rule` is `{"name"|"domain"|"tag"|"os": {"operator": "equals|startswith|endswith|contains", "values": [...]}}`:
    values of one property are alternatives (at most 10), properties must all match, an empty rule matches nothing.
    The matcher lives in `incidents`.
    """

    name = models.CharField(max_length=80, unique=True)
    description = models.CharField(max_length=300, blank=True)
    rank = models.PositiveIntegerField()
    rule = models.JSONField(default=dict)
    is_default = models.BooleanField(default=False)
    retired = models.BooleanField(default=False, help_text="Deleted by an administrator, until its devices have moved.")
    exercise = models.CharField(max_length=40, blank=True, db_index=True)

    class Meta:
        ordering = ["rank"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="one_default_group"
            ),
            # Checked at commit, so that one transaction can change the whole order.
            models.UniqueConstraint(fields=["rank"], name="one_group_per_rank", deferrable=models.Deferrable.DEFERRED),
        ]

    def __str__(self) -> str:
        return self.name
