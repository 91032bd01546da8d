from django.db import models


class DeviceGroup(models.Model):
    """A scope. A device belongs to the matching group of the highest rank (1 is the top), else to the default group.

    `rule` is `{"name"|"domain"|"tag"|"os": {"operator": "equals|startswith|endswith|contains", "values": [...]}}`:
    values of one property are alternatives (at most 10), properties must all match. The matcher lives in `incidents`.
    """

    name = models.CharField(max_length=80, unique=True)
    description = models.CharField(max_length=300, blank=True)
    rank = models.PositiveIntegerField(unique=True)
    rule = models.JSONField(default=dict)
    is_default = models.BooleanField(default=False)
    exercise = models.CharField(max_length=40, blank=True, db_index=True)

    class Meta:
        ordering = ["rank"]
        constraints = [
            models.UniqueConstraint(fields=["is_default"], condition=models.Q(is_default=True), name="one_default_group")
        ]

    def __str__(self) -> str:
        return self.name
