from typing import TYPE_CHECKING

from django.db import models

from core import clock
from core.actors import Actor
from notifications.enums import DispatchStatus
from remediation.enums import AnsweredBy, AskedAbout, ExpertStatus
from remediation.queries.experts import ExpertRequestQuerySet

if TYPE_CHECKING:
    from accounts.models import User
    from incidents.models import Incident
    from notifications.models import Dispatch


class ExpertGroup(models.Model):
    """People who know something that the others do not, asked together; the first who answers, answers."""

    name = models.CharField(max_length=80, unique=True)
    description = models.CharField(max_length=300, blank=True)
    members: "models.ManyToManyField[User, models.Model]" = models.ManyToManyField(
        "accounts.User", related_name="expert_groups"
    )
    answer_within_h = models.PositiveSmallIntegerField(default=24)
    retired = models.BooleanField(default=False)
    created = models.DateTimeField(default=clock.now)
    exercise = models.CharField(max_length=40, blank=True, db_index=True)

    def __str__(self) -> str:
        return self.name


class Retainer(models.Model):
    """Somebody outside who is paid to be asked. They have no account: questions go out by mail, and a person writes the
    answer down."""

    name = models.CharField(max_length=120, unique=True)
    address = models.EmailField("mail address")
    phone = models.CharField(max_length=60, blank=True)
    hours = models.CharField(max_length=120, blank=True, help_text="When they can be reached, in words.")
    active = models.BooleanField(default=True)
    created = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ExpertRequest(models.Model):
    """A question to an expert about one thing, with exactly what the asker chose to share, frozen.

    `context` is `[{"title", "lines"}]`. An expert need not see the thing itself: what is shared is all there is.
    """

    subject_kind = models.CharField(max_length=10, choices=AskedAbout.choices)
    subject_id = models.BigIntegerField()
    subject_name = models.CharField(max_length=320)
    incident: "models.ForeignKey[Incident | None, Incident | None]" = models.ForeignKey(
        "incidents.Incident", models.SET_NULL, null=True, related_name="expert_requests"
    )
    topic = models.CharField(max_length=200)
    context = models.JSONField(default=list)
    status = models.CharField(max_length=10, choices=ExpertStatus.choices, default=ExpertStatus.OPEN)
    asker: "models.ForeignKey[User, User]" = models.ForeignKey(
        "accounts.User", models.PROTECT, related_name="expert_questions"
    )
    asked_by = models.JSONField(help_text="The actor, frozen.")
    expert: "models.ForeignKey[User | None, User | None]" = models.ForeignKey(
        "accounts.User", models.PROTECT, null=True, related_name="+"
    )
    group: "models.ForeignKey[ExpertGroup | None, ExpertGroup | None]" = models.ForeignKey(
        "remediation.ExpertGroup", models.PROTECT, null=True, related_name="requests"
    )
    retainer: "models.ForeignKey[Retainer | None, Retainer | None]" = models.ForeignKey(
        "remediation.Retainer", models.PROTECT, null=True, related_name="requests"
    )
    created = models.DateTimeField(default=clock.now)
    due = models.DateTimeField()
    answered = models.DateTimeField(null=True, help_text="The first answer.")
    closed = models.DateTimeField(null=True)
    updated = models.DateTimeField(default=clock.now)
    version = models.PositiveIntegerField(default=1)
    exercise = models.CharField(max_length=40, blank=True, db_index=True)

    objects = ExpertRequestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(expert__isnull=False, group=None, retainer=None)
                | models.Q(expert=None, group__isnull=False, retainer=None)
                | models.Q(expert=None, group=None, retainer__isnull=False),
                name="expert_request_asks_one",
            )
        ]
        indexes = [
            models.Index(fields=["-updated", "-id"], name="expert_request_newest"),
            models.Index(fields=["subject_kind", "subject_id"], name="expert_request_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.topic}"

    @property
    def number(self) -> str:
        return f"ASK-{self.pk}"

    @property
    def thread(self) -> str:
        return f"incident:{self.incident_id}" if self.incident_id else f"expert_request:{self.pk}"

    @property
    def asked(self) -> str:
        """Whom it was put to."""
        return str(self.expert or self.group or self.retainer)

    @property
    def is_overdue(self) -> bool:
        return self.status == ExpertStatus.OPEN and self.due < clock.now()


class ExpertMessage(models.Model):
    """One message of the thread. `from_expert` is frozen: people leave groups.

    What goes to a retainer by mail has its dispatch; `delivery` stays when the dispatch is forgotten. `answered_by`
    says how a retainer's answer came to the actor, who wrote it down.
    """

    request: "models.ForeignKey[ExpertRequest, ExpertRequest]" = models.ForeignKey(
        "remediation.ExpertRequest", models.CASCADE, related_name="messages"
    )
    actor = models.JSONField()
    text = models.TextField()
    from_expert = models.BooleanField(default=False)
    answered_by = models.CharField(max_length=5, choices=AnsweredBy.choices, blank=True, db_default="")
    dispatch: "models.ForeignKey[Dispatch | None, Dispatch | None]" = models.ForeignKey(
        "notifications.Dispatch", models.SET_NULL, null=True, related_name="+"
    )
    delivery = models.CharField(max_length=10, choices=DispatchStatus.choices, blank=True, db_default="")
    delivery_said = models.CharField(max_length=300, blank=True, db_default="")
    at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return self.text[:80]

    @property
    def may_go_again(self) -> bool:
        """Whether the mail did not arrive and nothing tries any more."""
        return self.delivery in {DispatchStatus.FAILED, DispatchStatus.SKIPPED}

    @property
    def by(self) -> Actor:
        return Actor.from_json(self.actor)
