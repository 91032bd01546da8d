"""Which containments of an incident stand: what was taken back while it was open never held the attack up."""

from datetime import datetime

from django.db.models import Exists, Min, OuterRef, Q

from core.actors import Actor
from incidents.models import Incident
from incidents.services.mitigation import unmark_contained
from remediation.catalog import all_actions, get
from remediation.enums import RunStatus
from remediation.models import ActionRun, QuarantinedItem
from remediation.taken_back import DONE


def set_free(run: ActionRun, *, actor: Actor) -> None:
    """After a run was verified, and after what it gave back has left the list of quarantine: when it freed what a run
    had contained, whether or not it is the undo of that run, the incident counts what still stands."""
    freed = [action.key for action in all_actions() if action.contains and action.undo == run.action]
    if not freed:
        return
    here = Q(target_kind=run.target_kind, target_id=run.target_id, facet_key=run.facet_key)
    held = ActionRun.objects.filter(here | Q(pk=run.undoes_id or 0), action__in=freed, status=RunStatus.SUCCEEDED)
    for incident in Incident.objects.open().exclude(contained_at=None).filter(pk__in=held.values("incident")):
        unmark_contained(incident, standing=first_standing(incident), actor=actor,
                         reason=f"{run.number}: {get(run.action).label.lower()}, {run.target_name}")  # fmt: skip


def first_standing(incident: Incident) -> datetime | None:
    """When the first containment by a run of this incident that nobody took back was verified. Of an action on many
    devices each part stands or falls by itself."""
    containing = [action.key for action in all_actions() if action.contains]
    runs = ActionRun.objects.filter(incident=incident, action__in=containing, status=RunStatus.SUCCEEDED, children=None)
    first: datetime | None = runs.exclude(_given_back()).aggregate(first=Min("ended"))["first"]
    return first


def _given_back() -> Q:
    """Undone; or released later, by whatever run, with no copy left that an order took; or every copy that it took
    itself given back, one by one."""
    inverse = [action.undo for action in all_actions() if action.contains]
    done = ActionRun.objects.filter(status__in=DONE)
    later = done.filter(
        action__in=inverse, facet=OuterRef("facet"), facet_key=OuterRef("facet_key"), ended__gte=OuterRef("ended"),
        target_kind=OuterRef("target_kind"), target_id=OuterRef("target_id"),
    )  # fmt: skip
    # Of a file one copy may come back alone, and a later run may answer for what an earlier one took.
    left = QuarantinedItem.objects.held().filter(
        run__facet=OuterRef("facet"), run__facet_key=OuterRef("facet_key"), run__target_kind=OuterRef("target_kind"),
        run__target_id=OuterRef("target_id"),
    )  # fmt: skip
    own = QuarantinedItem.objects.filter(run=OuterRef("pk"))
    undone = Q(Exists(done.filter(undoes=OuterRef("pk"))))
    return undone | (Q(Exists(later)) & ~Q(Exists(left))) | (Q(Exists(own)) & ~Q(Exists(own.held())))
