import uuid

from django.db import models

from core import clock
from notifications.enums import DispatchStatus
from notifications.queries.dispatches import DispatchQuerySet


class Dispatch(models.Model):
    """One mail or one call of an endpoint, on its way. Its words are made when it is sent, for who may read what then.

    A dispatch of a rule names the rule; a person's own mail names the person alone; a digest has no message and lists
    its items. `letter` names a row such as `expert_message:7` whose room writes the words itself
    (`notifications.services.letters`).
    """

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    message = models.ForeignKey("notifications.Message", models.CASCADE, null=True, related_name="dispatches")
    rule = models.ForeignKey("notifications.Rule", models.CASCADE, null=True, related_name="dispatches")
    user = models.ForeignKey("accounts.User", models.CASCADE, null=True, related_name="+")
    address = models.EmailField(blank=True, help_text="Of a recipient who has no account.")
    endpoint = models.ForeignKey("notifications.Endpoint", models.CASCADE, null=True, related_name="dispatches")
    letter = models.CharField(max_length=80, blank=True, db_default="")
    status = models.CharField(max_length=10, choices=DispatchStatus.choices, default=DispatchStatus.WAITING)
    said = models.CharField(max_length=300, blank=True, help_text="What the other side answered, or why not.")
    code = models.PositiveIntegerField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    held_until = models.DateTimeField(null=True, help_text="Quiet hours of the person.")
    next_attempt_at = models.DateTimeField(null=True, default=clock.real_now)
    created = models.DateTimeField(default=clock.real_now)
    ended = models.DateTimeField(null=True)

    objects = DispatchQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["next_attempt_at", "id"], condition=models.Q(status="waiting"), name="dispatch_due"),
            models.Index(fields=["created"], name="dispatch_age"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["message", "rule", "user", "address", "endpoint"],
                condition=~models.Q(message=None),
                nulls_distinct=False,
                name="dispatch_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.recipient}: {self.get_status_display()}"

    @property
    def recipient(self) -> str:
        return str(self.user or self.endpoint or self.address)


class DispatchAttempt(models.Model):
    """One try and what came of it."""

    dispatch = models.ForeignKey(Dispatch, models.CASCADE, related_name="tries")
    at = models.DateTimeField(default=clock.real_now)
    code = models.PositiveIntegerField(null=True)
    said = models.CharField(max_length=300, blank=True)
    milliseconds = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.said
