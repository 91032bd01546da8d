"""Which containments of an incident stand: what was taken back while it was open never held the attack up."""

from datetime import datetime

from core.actors import Actor
from incidents.models import Incident
from incidents.services.mitigation import unmark_contained
from remediation.catalog import all_actions, get
from remediation.enums import RunStatus
from remediation.models import ActionRun
from remediation.taken_back import UndoState, taken_back_of


def set_free(run: ActionRun, *, actor: Actor) -> None:
    """After a run was verified: when it took a containment back, the incident counts what still stands."""
    undone = run.undoes
    if undone is None or undone.incident is None or not get(undone.action).contains:
        return
    unmark_contained(undone.incident, standing=first_standing(undone.incident), actor=actor,
                     reason=f"{run.number}: {get(run.action).label.lower()}, {run.target_name}")  # fmt: skip


def first_standing(incident: Incident) -> datetime | None:
    """When the first containment by a run of this incident that nobody took back was verified."""
    containing = [action.key for action in all_actions() if action.contains]
    runs = ActionRun.objects.filter(incident=incident, action__in=containing, status=RunStatus.SUCCEEDED)
    ends = dict(runs.exclude(ended=None).values_list("pk", "ended"))
    taken = taken_back_of(ends)
    return min((at for pk, at in ends.items() if at and taken[pk].state != UndoState.UNDONE), default=None)
