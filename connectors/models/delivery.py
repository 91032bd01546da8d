from django.db import models

from connectors.enums import FINAL_STATES, DeliveryState
from core import clock


class Delivery(models.Model):
    """One order given to one connection, kept until its outcome is known.

    `reference` is opaque here (remediation writes `run:42`). `idempotency_key` makes a second submit of the same
    order the same order. `receipt` is what the remote side answered, `reverses` the receipt of what this order takes
    back. `ticket` names the order there. `claim` grows with every worker that takes a step: a worker whose lease ran
    out may not write any more. `artefacts` is a list of `{"name", "blob_id"}`.
    """

    reference = models.CharField(max_length=60, db_index=True)
    connection = models.ForeignKey("connectors.Connection", models.PROTECT, related_name="deliveries")
    action = models.CharField(max_length=60)
    target_kind = models.CharField(max_length=20)
    remote_id = models.CharField(max_length=200)
    target_name = models.CharField(max_length=320, blank=True)
    reason = models.TextField(blank=True)
    arguments = models.JSONField(default=dict)
    idempotency_key = models.CharField(max_length=64, unique=True)
    state = models.CharField(max_length=20, choices=DeliveryState.choices, default=DeliveryState.QUEUED)
    ticket = models.CharField(max_length=200, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=60, blank=True)
    error = models.CharField(max_length=500, blank=True)
    progress = models.PositiveSmallIntegerField(null=True, help_text="Percent, when the remote side knows it.")
    log = models.JSONField(default=list)
    result = models.JSONField(default=dict)
    receipt = models.JSONField(default=dict)
    reverses = models.JSONField(default=dict)
    artefacts = models.JSONField(default=list)
    cursor = models.CharField(max_length=200, blank=True)
    maybe_sent = models.BooleanField(default=False, help_text="A submit went out, whether or not an answer came back.")
    cancel_asked_at = models.DateTimeField(null=True)
    due = models.DateTimeField(default=clock.real_now)
    leased_until = models.DateTimeField(null=True)
    claim = models.PositiveIntegerField(default=0)
    start_s = models.PositiveIntegerField(default=3_600, help_text="From handing over to start.")
    run_s = models.PositiveIntegerField(default=3_600, help_text="From start to end.")
    seal = models.CharField(max_length=64, blank=True, db_default="", help_text="That the portal gave this order.")
    give_up_at = models.DateTimeField()
    created = models.DateTimeField(default=clock.now)
    delivered_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(
                fields=["due", "id"], condition=~models.Q(state__in=sorted(FINAL_STATES)), name="delivery_open"
            )
        ]

    def __str__(self) -> str:
        return f"{self.action} on {self.remote_id}"
