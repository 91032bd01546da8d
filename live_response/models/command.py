from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import models

from core import clock
from core.actors import Actor
from live_response.enums import OPEN_COMMANDS, CommandState, Level, Output, Where
from live_response.queries.sessions import CommandQuerySet
from remediation.enums import Decision

if TYPE_CHECKING:
    from accounts.models import User
    from incidents.models import Device
    from live_response.models.fleet import FleetQuery
    from live_response.models.library import LibraryFile
    from live_response.models.session import LiveSession
    from remediation.models import ActionRun


class LiveCommand(models.Model):
    """One command: typed in a session, or a question that one of many devices is asked (`query`, no session).

    `arguments` is what leaves the portal, `given` what was typed. `seal` covers everything that an order is made of, so
    that a row written behind the portal's back is never signed. `output` and `table` are bounded; `run` is the action
    of the Action center that carries it out, where one does.
    """

    session: "models.ForeignKey[LiveSession | None, LiveSession | None]" = models.ForeignKey(
        "live_response.LiveSession", models.CASCADE, null=True, related_name="commands"
    )
    query: "models.ForeignKey[FleetQuery | None, FleetQuery | None]" = models.ForeignKey(
        "live_response.FleetQuery", models.CASCADE, null=True, related_name="answers"
    )
    device: "models.ForeignKey[Device, Device]" = models.ForeignKey(
        "incidents.Device", models.CASCADE, related_name="live_commands"
    )
    agent_id = models.CharField(max_length=80, blank=True)
    number = models.PositiveIntegerField()
    line = models.CharField(max_length=2_000, help_text="As it was typed.")
    name = models.CharField(max_length=20)
    level = models.CharField(max_length=10, choices=Level.choices)
    where = models.CharField(max_length=10, choices=Where.choices)
    given = models.JSONField(default=dict)
    action = models.CharField(max_length=40, blank=True)
    arguments = models.JSONField(default=dict)
    run_s = models.PositiveIntegerField(default=600)
    output_as = models.CharField(max_length=6, choices=Output.choices, default=Output.TABLE)
    save_as = models.CharField(max_length=100, blank=True)
    background = models.BooleanField(default=False)
    state = models.CharField(max_length=20, choices=CommandState.choices, default=CommandState.WAITING)
    code = models.CharField(max_length=60, blank=True)
    detail = models.CharField(max_length=500, blank=True)
    output = models.TextField(blank=True)
    table = models.JSONField(default=list)
    names = models.JSONField(default=list, help_text="The columns of the table in their order, which rows do not keep.")
    result = models.JSONField(default=dict)
    truncated = models.BooleanField(default=False)
    exit_code = models.IntegerField(null=True)
    progress = models.PositiveSmallIntegerField(null=True)
    progress_seq = models.PositiveIntegerField(default=0)
    order = models.BigIntegerField(null=True, db_index=True, help_text="The order that the agent was given.")
    run: "models.ForeignKey[ActionRun | None, ActionRun | None]" = models.ForeignKey(
        "remediation.ActionRun", models.SET_NULL, null=True, related_name="live_commands"
    )
    library_file: "models.ForeignKey[LibraryFile | None, LibraryFile | None]" = models.ForeignKey(
        "live_response.LibraryFile", models.SET_NULL, null=True, related_name="uses"
    )
    needs: "models.ForeignKey[LiveCommand | None, LiveCommand | None]" = models.ForeignKey(
        "self", models.SET_NULL, null=True, related_name="needed_by", help_text="What `-auto` typed before it."
    )
    typed_by = models.JSONField(help_text="The actor, frozen.")
    user: "models.ForeignKey[User | None, User | None]" = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, related_name="+"
    )
    seal = models.CharField(max_length=64)
    created = models.DateTimeField(default=clock.now)
    started = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True)
    due = models.DateTimeField(null=True, help_text="When nobody waits for it any more.")

    objects = CommandQuerySet.as_manager()

    class Meta:
        ordering = ["created", "id"]
        constraints = [
            models.UniqueConstraint(fields=["session", "number"], name="live_command_number_in_session"),
            models.UniqueConstraint(fields=["query", "device"], name="live_question_once_per_device"),
            models.CheckConstraint(
                condition=models.Q(session=None) ^ models.Q(query=None), name="live_command_of_session_or_query"
            ),
        ]
        indexes = [
            models.Index(fields=["-created", "-id"], name="live_command_newest"),
            models.Index(fields=["due"], condition=models.Q(state__in=OPEN_COMMANDS), name="live_command_due"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.line[:60]}"

    @property
    def reference(self) -> str:
        """What the order that carries it out refers to."""
        return f"live:{self.pk}"

    @property
    def typist(self) -> Actor:
        return Actor.from_json(self.typed_by)

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_COMMANDS

    @property
    def standing(self) -> str:
        """Its state for people. What became a run that nobody has decided on does not run."""
        waits = self.is_open and self.run is not None and self.run.decision == Decision.PENDING
        return "Waits for approval" if waits else CommandState(self.state).label

    @property
    def duration(self) -> timedelta | None:
        return self.ended - self.created if self.ended else None

    @property
    def columns(self) -> list[str]:
        """The columns of its table in order; those that only some rows have come last."""
        return list(dict.fromkeys([*self.names, *(name for row in self.table[:50] for name in row)]))

    @property
    def ordered(self) -> list[dict[str, Any]]:
        """Its rows with the columns in order."""
        names = self.columns
        return [{name: row[name] for name in names if name in row} for row in self.table]

    @property
    def cells(self) -> list[list[str]]:
        """The rows of its table as text, column by column."""
        names = self.columns
        return [["" if row.get(name) is None else str(row.get(name)) for name in names] for row in self.table]
