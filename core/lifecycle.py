"""The only writer of status columns: a table of allowed moves, compare-and-swap, audit, all in one transaction."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from django.db import models

from core import audit
from core.actors import Actor
from core.transactions import joined


class IllegalMove(Exception):
    """The table does not allow this move; `current` and `wanted` say which."""

    def __init__(self, subject: str, current: str, wanted: str) -> None:
        super().__init__(f"{subject} cannot go from {current} to {wanted}.")
        self.current, self.wanted = current, wanted


class LostRace(Exception):
    """Somebody else moved the row first."""


class Lifecycle:
    """A status column and the moves it may make.

    `verb` names the audit event, e.g. `incident.status`. `subject` is the audit prefix, e.g. `incident`.
    """

    def __init__(self, *, field: str, subject: str, moves: Mapping[str, AbstractSet[str]]) -> None:
        self.field, self.subject, self.moves = field, subject, moves

    def allows(self, current: str, wanted: str) -> bool:
        return wanted in self.moves.get(current, frozenset())

    def move(
        self,
        row: models.Model,
        wanted: str,
        *,
        actor: Actor,
        thread: str = "",
        reason: str = "",
        data: Mapping[str, Any] | None = None,
        **also: Any,
    ) -> None:
        """Move one row, setting further columns (`also`) with it; the instance is brought up to date.

        Raises `IllegalMove` when the table forbids it and `LostRace` when the stored value is no longer the
        instance's.
        """
        current = str(getattr(row, self.field))
        subject = f"{self.subject}:{row.pk}"
        if not self.allows(current, wanted):
            raise IllegalMove(subject, current, wanted)
        values = {self.field: wanted, **also}
        with joined():
            manager = type(row)._default_manager
            if not manager.filter(pk=row.pk, **{self.field: current}).update(**values):
                raise LostRace(subject)
            audit.record(
                f"{self.subject}.{self.field}",
                subject=subject,
                thread=thread or subject,
                actor=actor,
                reason=reason,
                changes={self.field: (current, wanted)},
                data=data,
            )
        for name, value in values.items():
            setattr(row, name, value)

    def move_many(
        self,
        rows: Sequence[models.Model],
        wanted: str,
        *,
        actor: Actor,
        thread: str = "",
        reason: str = "",
        **also: Any,
    ) -> None:
        """Move rows of one model together, each with its own audit event. Raises as `move()` does; the caller's
        transaction then ends without any of it."""
        by_status: dict[str, list[models.Model]] = defaultdict(list)
        for row in rows:
            current = str(getattr(row, self.field))
            if not self.allows(current, wanted):
                raise IllegalMove(f"{self.subject}:{row.pk}", current, wanted)
            by_status[current].append(row)
        values = {self.field: wanted, **also}
        with joined():
            for current, group in by_status.items():
                manager = type(group[0])._default_manager
                moved = manager.filter(pk__in=[row.pk for row in group], **{self.field: current}).update(**values)
                if moved != len(group):
                    raise LostRace(f"{self.subject}: {len(group) - moved} rows")
                audit.record_many(
                    [
                        audit.Entry(
                            f"{self.subject}.{self.field}",
                            subject=f"{self.subject}:{row.pk}",
                            thread=thread or f"{self.subject}:{row.pk}",
                            changes={self.field: (current, wanted)},
                            reason=reason,
                        )
                        for row in group
                    ],
                    actor=actor,
                )
        for row in rows:
            for name, value in values.items():
                setattr(row, name, value)
