"""The policy in force: what we want on a facet, and what was last observed there."""

from typing import Any

from django.db import transaction

from connectors.ports import ObservedState
from core import clock
from core.actors import Actor
from incidents.models import Device, Identity, Mailbox
from incidents.services.mitigation import Mitigation, set_mitigation
from remediation.catalog import get, words
from remediation.models import ActionRun, ControlState
from remediation.policy import MODELS, Target
from remediation.services.evidence import tell_evidence_of_state
from remediation.services.show_containment import show_containment, whole_of


def set_desired(run: ActionRun, *, actor: Actor, target: Target) -> ControlState | None:
    """From now on the run's state is wanted; the newest generation wins. None for actions that leave no state."""
    action = get(run.action)
    if action.by_order:
        return None
    with transaction.atomic():
        state = _locked(run)
        state.desired, state.run_id = action.wanted_of(run.arguments), run.pk
        state.by, state.since = run.requester.name, clock.now()
        state.generation += 1
        state.drift_since, state.detail = None, ""
        state.save()
        _show(state, run, target, actor=actor)
    return state


def give_up_desired(run: ActionRun, *, actor: Actor, target: Target) -> None:
    """The run ended without its effect: what is in force is what was last seen, unless a newer run wants otherwise."""
    with transaction.atomic():
        state = ControlState.objects.select_for_update().filter(run_id=run.pk, **facet_of(run)).first()
        if state is not None and state.desired != state.observed:
            state.desired, state.drift_since, state.detail = state.observed, None, ""
            state.save(update_fields=["desired", "drift_since", "detail"])
            _show(state, run, target, actor=actor)


def set_observed(run: ActionRun, *, observed: ObservedState, actor: Actor, target: Target) -> None:
    """Keep what was seen, whoever looked."""
    if not observed.known or get(run.action).by_order:
        return
    with transaction.atomic():
        state = _locked(run)
        if state.observed != observed.value:
            state.since = observed.at or clock.now()
        state.observed, state.observed_at = observed.value[:40], observed.at or clock.now()
        state.checked_at = clock.now()
        if state.observed == state.desired:
            state.drift_since, state.detail = None, ""
        state.save()
        _show(state, run, target, actor=actor)


def facet_of(run: ActionRun) -> dict[str, Any]:
    return {
        "target_kind": run.target_kind,
        "target_id": run.target_id,
        "facet": run.facet,
        "facet_key": run.facet_key,
    }


def state_of(run: ActionRun) -> ControlState | None:
    return ControlState.objects.filter(**facet_of(run)).first()


def show_state(state: ControlState, *, run: ActionRun, actor: Actor) -> None:
    """Bring the badge of the entity in line after a look that belongs to no run under way, and that of whatever is
    contained there: it is held no longer when this was the last that held it."""
    whole = whole_of(run) if state.facet_key else None
    if whole is not None:
        held = show_containment(whole, actor=actor)
        if held is not None:
            tell_evidence_of_state(whole, held=held, actor=actor)
        return
    target = MODELS[state.target_kind]._default_manager.filter(pk=state.target_id).first()
    if target is not None:
        _show(state, run, target, actor=actor)


def _locked(run: ActionRun) -> ControlState:
    ControlState.objects.bulk_create([ControlState(**facet_of(run))], ignore_conflicts=True)
    return ControlState.objects.select_for_update().get(**facet_of(run))


def _show(state: ControlState, run: ActionRun, target: Target, *, actor: Actor) -> None:
    """The badge of the entity. Facets that are narrowed to one object (a file, a message) have none."""
    if state.facet_key or not isinstance(target, Device | Identity | Mailbox):
        return
    set_mitigation(
        target,
        facet=state.facet,
        now=Mitigation(
            state=state.observed,
            active=is_in_force(state.facet, state.observed),
            desired=state.desired,
            observed=state.observed,
            since=state.since,
            by=state.by,
            simulated=run.simulated,
        ),
        actor=actor,
        thread=run.thread,
    )


def is_in_force(facet: str, word: str) -> bool:
    """Whether the word means that something is withheld now."""
    return words.means_in_force(facet, word)
