from typing import TYPE_CHECKING

from django.db import models

from core import clock
from remediation.enums import Risk

if TYPE_CHECKING:
    from accounts.models import DeviceGroup


class ApproverRule(models.Model):
    """Who decides on requests for some action in some device group, and who else when they do not in time.

    `device_group` None stands for every group, `action` and `risk` empty for every action. The narrowest rule holds:
    an action before a risk class before everything, a group before every group.
    """

    device_group: "models.ForeignKey[DeviceGroup | None, DeviceGroup | None]" = models.ForeignKey(
        "accounts.DeviceGroup", models.CASCADE, null=True, blank=True, related_name="approver_rules"
    )
    action = models.CharField(max_length=60, blank=True)
    risk = models.CharField(max_length=10, choices=Risk.choices, blank=True)
    approvers = models.ManyToManyField("accounts.User", related_name="+")
    fallbacks = models.ManyToManyField("accounts.User", related_name="+", blank=True)
    fallback_after_min = models.PositiveIntegerField(default=15)
    note = models.CharField(max_length=500, blank=True)
    created = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["device_group", "action", "risk"], nulls_distinct=False, name="one_approver_rule_each"
            ),
            models.CheckConstraint(condition=models.Q(action="") | models.Q(risk=""), name="rule_by_action_or_risk"),
        ]

    def __str__(self) -> str:
        where = str(self.device_group) if self.device_group else "every group"
        what = self.action or (f"{self.get_risk_display().lower()} actions" if self.risk else "every action")
        return f"{what} in {where}"
