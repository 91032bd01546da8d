from typing import TYPE_CHECKING

from django.db import models

from core import clock

if TYPE_CHECKING:
    from incidents.models import Incident


class Refusal(models.Model):
    """A request, decision or execution that policy refused, with the inputs it used.

    `inputs["asked"]` holds what each rule up to the one that said no was told: `[{"rule", "answer", "inputs"}]`.
    """

    stage = models.CharField(max_length=12, help_text="request, decision or execution")
    code = models.CharField(max_length=40)
    rule = models.CharField(max_length=40, blank=True, help_text="The rule of the policy that said no.")
    message = models.CharField(max_length=500)
    action = models.CharField(max_length=60)
    target_kind = models.CharField(max_length=10)
    target_id = models.BigIntegerField()
    target_name = models.CharField(max_length=320, blank=True)
    inputs = models.JSONField(default=dict)
    actor = models.JSONField()
    run_id = models.BigIntegerField(null=True)
    incident: "models.ForeignKey[Incident | None, Incident | None]" = models.ForeignKey(
        "incidents.Incident", models.SET_NULL, null=True, related_name="refusals"
    )
    at = models.DateTimeField(default=clock.now)

    class Meta:
        indexes = [
            models.Index(fields=["target_kind", "target_id", "-at"], name="refusal_of_target"),
            models.Index(fields=["-at", "-id"], name="refusal_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"
