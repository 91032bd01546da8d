"""What was contained when the incident was resolved, asset by asset: from the ends of the runs and what was seen."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from core import clock
from core.wording import counted, duration
from incidents.assets import CONTAINABLE, attacked
from incidents.containment import containment_of
from incidents.models import Incident
from remediation.catalog.registry import all_actions
from remediation.catalog.registry import get as get_action
from remediation.enums import RunStatus
from remediation.models import ActionRun


@dataclass(frozen=True, slots=True)
class AssetState:
    """One asset that could be contained. `action` did it `since` then; `undone` when that was taken back again."""

    kind: str
    id: str
    name: str
    contained: bool
    action: str = ""
    run: str = ""
    since: datetime | None = None
    undone: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Hold:
    """A verified containment by one run; `ended` when another run took it back."""

    run: ActionRun
    since: datetime
    ended: datetime | None


def until_of(incident: Incident) -> datetime:
    """The moment that counts: the last close, or now while the incident is open."""
    return incident.resolved or clock.now()


def asset_states(incident: Incident) -> list[AssetState]:
    """Every device and account that the attack reached, as it stood at the close. What was taken back before the
    incident began tells of another one."""
    until = until_of(incident)
    found = []
    for kind in CONTAINABLE:
        entities = attacked(kind, incident)
        runs = ActionRun.objects.filter(target_kind=kind, target_id__in=[entity.pk for entity in entities])
        holds = holds_among(runs, until=until)
        last = {hold.run.target_id: hold for hold in holds if not hold.ended or hold.ended > incident.first_activity}
        found += [_state(kind, entity, last.get(entity.pk), until) for entity in entities]
    return found


def holds_of(incident: Incident) -> list[Hold]:
    """The verified containments of this incident's own runs up to the close, the earliest first."""
    own = ActionRun.objects.filter(incident=incident, parent=None)
    targets = set(own.values_list("target_kind", "target_id"))
    among = ActionRun.objects.filter(parent=None, target_id__in=[pk for _, pk in targets])
    holds = holds_among(among, until=until_of(incident))
    return [hold for hold in holds if hold.run.incident_id == incident.pk]


def holds_among(runs: Iterable[ActionRun], *, until: datetime) -> list[Hold]:
    """The verified containments among `runs`, each with the run that took it back before `until`."""
    inverse = {action.undo: action.key for action in all_actions() if action.contains}
    containing = set(inverse.values())
    done = [run for run in runs if run.status == RunStatus.SUCCEEDED and run.ended and run.ended <= until
            and not _is_part_of_another(run)]  # fmt: skip
    taken_back: dict[tuple[Any, ...], list[datetime]] = defaultdict(list)
    for run in done:
        if run.action in inverse and run.ended:
            taken_back[_facet(run, inverse[run.action])].append(run.ended)
    found = []
    for run in done:
        if run.action in containing and run.ended:
            ends = [at for at in taken_back[_facet(run, run.action)] if at >= run.ended]
            found.append(Hold(run, run.ended, min(ends, default=None)))
    return sorted(found, key=lambda hold: (hold.since, hold.run.pk))


def _is_part_of_another(run: ActionRun) -> bool:
    """A device that keeps another one out, or from which one file was taken, is not contained by that."""
    return run.parent_id is not None and get_action(run.action).fans_out


def _facet(run: ActionRun, action: str) -> tuple[Any, ...]:
    return (action, run.target_kind, run.target_id, run.facet_key)


def _state(kind: str, entity: Any, hold: Hold | None, until: datetime) -> AssetState:
    named = (kind, str(entity.pk), entity.display_name)
    seen = containment_of(entity)
    if hold is None and seen and seen.since and seen.since <= until:
        return AssetState(
            *named, contained=True, action=f"{seen.word.capitalize()}, not by an action here", since=seen.since
        )
    if hold is None:
        return AssetState(*named, contained=False)
    run = hold.run
    undone = hold.ended or _lost(entity, run, after=hold.since, until=until)
    return AssetState(
        *named, contained=undone is None, action=get_action(run.action).label, run=run.number, since=hold.since,
        undone=undone,
    )  # fmt: skip


def _lost(entity: Any, run: ActionRun, *, after: datetime, until: datetime) -> datetime | None:
    """When it was seen free again although no run here freed it."""
    facet = entity.mitigation.get(run.facet) or {}
    if facet.get("active", True) or not facet.get("since"):
        return None
    since = datetime.fromisoformat(facet["since"])
    return since if after < since <= until else None


def counts_in_words(states: Sequence[AssetState]) -> str:
    """`1 of 4 devices, 0 of 2 accounts`."""
    parts = []
    for kind, noun in CONTAINABLE.items():
        mine = [state.contained for state in states if state.kind == kind]
        if mine:
            parts.append(f"{sum(mine)} of {counted(len(mine), noun)}")
    return ", ".join(parts)


def undone_in_words(holds: Sequence[Hold], states: Sequence[AssetState]) -> str:
    """`Undone after 54 s`, when nothing that was contained was still so at the close."""
    if not holds or holds[0].ended is None:
        return ""
    if any(hold.ended is None for hold in holds) or any(state.contained for state in states):
        return ""
    return f"Undone after {duration(holds[0].ended - holds[0].since)}"
