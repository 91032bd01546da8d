"""Is the effect of a run in force now? A truth of its own: history says what was asked, this what holds."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q

from remediation.catalog import words
from remediation.enums import OPEN_STATUSES, PolicyStatus, RunStatus
from remediation.models import ActionRun, ControlState
from remediation.taken_back import DONE

_UNDECIDED = (*OPEN_STATUSES, RunStatus.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Standing:
    """`parts` is how many targets it is in force on."""

    status: PolicyStatus
    drifts: bool = False
    parts: int = 0


def standings_of(runs: Iterable[ActionRun]) -> dict[int, Standing]:
    """For each run, with two queries whatever their number."""
    found = list(runs)
    ids = [run.pk for run in found if run.action in _keys()]
    whole_of = dict(ActionRun.objects.filter(parent__in=ids).values_list("pk", "parent_id")) if ids else {}
    states = ControlState.objects.filter(run_id__in=[*ids, *whole_of]) if ids else ControlState.objects.none()
    in_force: dict[int, int] = {}
    drifting: set[int] = set()
    for state in states:
        pk = whole_of.get(state.run_id or 0) or state.run_id or 0
        in_force[pk] = in_force.get(pk, 0) + words.means_in_force(state.facet, state.observed)
        if state.is_drifting:
            drifting.add(pk)
    return {run.pk: Standing(_of(run, in_force.get(run.pk, 0)), run.pk in drifting, in_force.get(run.pk, 0))
            for run in found}  # fmt: skip


def having(status: str) -> Q:
    """Runs of this policy status."""
    lasting = Q(action__in=sorted(_keys()))
    if status == PolicyStatus.ACTIVE:
        return lasting & Q(status__in=DONE) & _with_state(words.in_force("observed"))
    if status == PolicyStatus.INACTIVE:
        return lasting & Q(status__in=DONE) & ~_with_state(words.in_force("observed"))
    if status == PolicyStatus.NO_STATUS:
        return lasting & Q(status__in=_UNDECIDED)
    return ~lasting | ~Q(status__in=[*DONE, *_UNDECIDED])


def drifting() -> Q:
    """Runs whose effect was changed elsewhere."""
    return _with_state(~Q(drift_since=None))


def _with_state(wanted: Q) -> Q:
    """Runs that put such a state there, by themselves or by one of their parts."""
    states = ControlState.objects.filter(wanted)
    part = ActionRun.objects.filter(parent=OuterRef("pk"), pk__in=states.values("run_id"))
    return Q(Exists(states.filter(run_id=OuterRef("pk")))) | Q(Exists(part))


def _keys() -> set[str]:
    return {action.key for action in words.withholding()}


def _of(run: ActionRun, in_force: int) -> PolicyStatus:
    if run.action not in _keys():
        return PolicyStatus.NOT_APPLICABLE
    if run.status in _UNDECIDED:
        return PolicyStatus.NO_STATUS
    if run.status not in DONE:
        return PolicyStatus.NOT_APPLICABLE
    return PolicyStatus.ACTIVE if in_force else PolicyStatus.INACTIVE
