"""How far a run is taken back. A file action is taken back only when every device where it worked is: whoever sees a
part of them undoes that part, and the rest stays for somebody who may."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from remediation.enums import OPEN_STATUSES, RunStatus
from remediation.models import ActionRun

DONE = (RunStatus.SUCCEEDED, RunStatus.PARTIALLY_SUCCEEDED)
# What takes a run back, or may yet turn out to have.
CLAIMING = (*OPEN_STATUSES, *DONE, RunStatus.UNKNOWN)


class UndoState(StrEnum):
    NONE = "none"
    ASKED = "asked"  # every part is taken back or about to be
    PARTLY_UNDONE = "partly_undone"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class TakenBack:
    """Of `parts` (the devices of an action on many where it worked, else the run itself) `claimed` are taken back or
    about to be, and `undone` surely are. `latest` is the id of the newest run that does it."""

    parts: int = 1
    claimed: int = 0
    undone: int = 0
    latest: int | None = None

    @property
    def is_claimed(self) -> bool:
        """Whether nothing is left that could be taken back."""
        return self.parts > 0 and self.claimed == self.parts

    @property
    def state(self) -> UndoState:
        if not self.claimed:
            return UndoState.NONE
        if self.undone == self.parts:
            return UndoState.UNDONE
        if self.undone or self.claimed < self.parts:
            return UndoState.PARTLY_UNDONE
        return UndoState.ASKED


def taken_back(run: ActionRun) -> TakenBack:
    return taken_back_of([run.pk])[run.pk]


def taken_back_of(run_ids: Iterable[int]) -> dict[int, TakenBack]:
    """For each of the runs, with two queries whatever their number."""
    ids = list(run_ids)
    parts = _newest_of_each_device(ActionRun.objects.filter(parent__in=ids, status__in=DONE))
    alone = ActionRun.objects.filter(pk__in=ids, children=None)
    found = {pk: TakenBack() for pk in ids}
    for rows, column in ((alone, "pk"), (parts, "parent_id")):
        counted = rows.order_by().values_list(column).annotate(**_COUNTS)
        found |= {pk: TakenBack(*numbers) for pk, *numbers in counted}
    return found


def _newest_of_each_device(parts: QuerySet[ActionRun]) -> QuerySet[ActionRun]:
    """A containment asks a device anew when the addresses have changed: what was asked last is what is taken back."""
    newer = ActionRun.objects.filter(
        parent=OuterRef("parent"), target_kind=OuterRef("target_kind"), target_id=OuterRef("target_id"),
        status__in=DONE, pk__gt=OuterRef("pk"),
    )  # fmt: skip
    return parts.exclude(Exists(newer))


_COUNTS: dict[str, Any] = {
    "parts": Count("pk", distinct=True),
    "claimed": Count("pk", filter=Q(undone_by__status__in=CLAIMING), distinct=True),
    "undone": Count("pk", filter=Q(undone_by__status__in=DONE), distinct=True),
    # Of the undo of a part people know the run it belongs to.
    "latest": Max(Coalesce("undone_by__parent_id", "undone_by__pk"), filter=Q(undone_by__status__in=CLAIMING)),
}
