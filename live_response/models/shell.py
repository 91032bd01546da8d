from typing import TYPE_CHECKING

from django.db import models

from core import clock
from core.actors import Actor
from live_response.enums import ShellDecision

if TYPE_CHECKING:
    from accounts.models import User
    from live_response.models.command import LiveCommand


class RawShell(models.Model):
    """A shell that somebody asked for, and what somebody else decided. `seal` is the portal's own over the decision,
    which the signer asks for. Of `key` and the portal's own is made what signs the typing; it is forgotten when the
    shell has ended.
    `typed` and `said` number the parts that were taken, `kept` is how much of the output is recorded."""

    command: "models.OneToOneField[LiveCommand, LiveCommand]" = models.OneToOneField(
        "live_response.LiveCommand", models.CASCADE, related_name="shell"
    )
    reason = models.CharField(max_length=1_000)
    minutes = models.PositiveSmallIntegerField()
    decision = models.CharField(max_length=10, choices=ShellDecision.choices, default=ShellDecision.ASKED)
    decide_until = models.DateTimeField()
    decided_by = models.JSONField(null=True, help_text="The actor, frozen.")
    decider: "models.ForeignKey[User | None, User | None]" = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, related_name="+"
    )
    decided = models.DateTimeField(null=True)
    comment = models.TextField(blank=True)
    until = models.DateTimeField(null=True)
    seal = models.CharField(max_length=64, blank=True)
    key = models.BinaryField(default=bytes)
    typed = models.PositiveIntegerField(default=0)
    said = models.PositiveIntegerField(default=0)
    kept = models.PositiveBigIntegerField(default=0)
    created = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(decision=ShellDecision.APPROVED)
                | models.Q(until__isnull=False, decided_by__isnull=False),
                name="live_shell_approved_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"shell of {self.command}"

    @property
    def by(self) -> Actor | None:
        """Who decided."""
        return Actor.from_json(self.decided_by) if self.decided_by else None


class ShellInput(models.Model):
    """A part of what was typed, signed, until the device has it."""

    shell: "models.ForeignKey[RawShell, RawShell]" = models.ForeignKey(RawShell, models.CASCADE, related_name="waiting")
    seq = models.PositiveIntegerField()
    body = models.TextField()
    signature = models.CharField(max_length=100)

    class Meta:
        ordering = ["seq"]
        constraints = [models.UniqueConstraint(fields=["shell", "seq"], name="live_shell_input_once")]
