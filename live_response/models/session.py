from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import models

from core import clock
from core.actors import Actor
from live_response.enums import OPEN_SESSIONS, Level, SessionKind, SessionState
from live_response.queries.sessions import SessionQuerySet

if TYPE_CHECKING:
    from accounts.models import User
    from incidents.models import Device, Incident


class LiveSession(models.Model):
    """A person at work on one device, from asking for the connection to its end. `agent_id` is the agent that was
    there then. `last_input_at` is when the person typed last, which is what idling is counted from. `facts` is what
    the agent told of the device when it connected; `recording_head` is the last link of the recording's chain."""

    device: "models.ForeignKey[Device, Device]" = models.ForeignKey(
        "incidents.Device", models.CASCADE, related_name="live_sessions"
    )
    agent_id = models.CharField(max_length=80)
    incident: "models.ForeignKey[Incident | None, Incident | None]" = models.ForeignKey(
        "incidents.Incident", models.SET_NULL, null=True, related_name="live_sessions"
    )
    kind = models.CharField(max_length=10, choices=SessionKind.choices, default=SessionKind.CONSOLE)
    level = models.CharField(max_length=10, choices=Level.choices, default=Level.BASIC)
    state = models.CharField(max_length=14, choices=SessionState.choices, default=SessionState.REQUESTED)
    state_detail = models.CharField(max_length=500, blank=True)
    reason = models.TextField()
    opened_by = models.JSONField(help_text="The actor, frozen.")
    user: "models.ForeignKey[User | None, User | None]" = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, related_name="live_sessions"
    )
    folder = models.CharField(max_length=4_096, default="/")
    trace = models.BooleanField(default=False)
    facts = models.JSONField(default=dict)
    created = models.DateTimeField(default=clock.now)
    started = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True)
    last_input_at = models.DateTimeField(default=clock.now)
    recording_head = models.CharField(max_length=64, blank=True)
    exercise = models.CharField(max_length=40, blank=True, db_index=True)

    objects = SessionQuerySet.as_manager()

    class Meta:
        ordering = ["-created", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["device"], condition=models.Q(state__in=OPEN_SESSIONS), name="one_open_live_session_per_device"
            ),
        ]
        indexes = [
            models.Index(fields=["-created", "-id"], name="live_session_newest"),
            models.Index(fields=["device", "-created"], name="live_session_of_device"),
            models.Index(fields=["state"], condition=models.Q(state__in=OPEN_SESSIONS), name="live_session_open"),
        ]

    def __str__(self) -> str:
        return f"{self.number} on {self.device}"

    @property
    def number(self) -> str:
        return f"LR-{self.pk}"

    @property
    def opener(self) -> Actor:
        return Actor.from_json(self.opened_by)

    @property
    def thread(self) -> str:
        """Its story belongs to the incident's Activities when it has one, else to the device's."""
        return f"incident:{self.incident_id}" if self.incident_id else f"device:{self.device_id}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_SESSIONS

    @property
    def duration(self) -> timedelta:
        return (self.ended or clock.now()) - (self.started or self.created)
