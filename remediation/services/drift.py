"""Drift: what is at a target is no longer what the last run put there. Somebody or something changed it behind the
portal's back; the portal looks now and then, says so, and changes nothing by itself."""

from datetime import timedelta

from django.core.cache import cache
from django.db import transaction
from django.db.models import F, Q

from connectors.models import Agent
from connectors.ports import ObservedState
from connectors.services.observe import observe
from connectors.targets import Target as RemoteTarget
from core import audit, clock
from core.actors import Actor
from core.due import not_since
from incidents.models import Device, Identity, Mailbox
from incidents.services.agents import device_of
from incidents.services.bindings import NotBound, binding_of
from notifications.services.tell import tell
from remediation import alarms, policy
from remediation.catalog import get, inverse_of, words
from remediation.enums import OPEN_STATUSES, Facet
from remediation.lifecycle import announce_run
from remediation.models import ActionRun, ControlState
from remediation.services.control import is_in_force, show_state
from remediation.services.evidence import tell_evidence_of_state
from remediation.services.verify import key_of_facet

# At most so many looks a sweep, so that many targets in force make the rounds longer and not the load higher.
LOOKS = 20
EVERY = timedelta(minutes=5)
# What was given back is watched for a while too.
AFTERWARDS = timedelta(days=7)
# What an agent tells of its own device with every heartbeat that brings news.
OF_THE_DEVICE = (Facet.NETWORK, Facet.EXECUTION)
# Of one state so often within an hour; beyond that the ordinary look has to do.
MOST_NEWS, HOUR_S = 20, 3_600
WATCHER = Actor.system("remediation")


def look_at_due() -> int:
    """Look at the targets whose last look is the longest ago. Answers how many."""
    looked = 0
    for state in _due()[:LOOKS]:
        look_at(state)
        looked += 1
    return looked


def agent_told(*, agent_id: int, **_more: object) -> None:
    """Listener of `agent.told`: what its device says to be otherwise than it was seen last is looked at at once, so
    that nobody reads of an isolation that somebody lifted on the host."""
    agent = Agent.objects.in_service().filter(pk=agent_id).defer("inventory").first()
    observed = agent.status.get("observed") if agent is not None else None
    device = device_of(agent) if agent is not None and isinstance(observed, dict) else None
    if device is None or not isinstance(observed, dict):
        return
    states = ControlState.objects.of_target(device).filter(facet_key="", facet__in=OF_THE_DEVICE)
    for state in states.exclude(desired="").exclude(run_id=None):
        told = observed.get(state.facet)
        if isinstance(told, dict) and told.get("value") != state.observed and _is_believed(state):
            look_at(state)


def _is_believed(state: ControlState) -> bool:
    """A device that says now this and now that is looked at like any other after a while, so that it fills neither the
    history nor the bell."""
    name = f"state-news:{state.pk}:{int(clock.real_now().timestamp()) // HOUR_S}"
    cache.add(name, 0, 2 * HOUR_S)
    try:
        return cache.incr(name) <= MOST_NEWS
    except ValueError:
        return True


def look_at(state: ControlState) -> ControlState:
    """Read the truth of one state again and keep it. The looking happens outside any transaction."""
    run = ActionRun.objects.select_related("incident").filter(pk=state.run_id or 0).first()
    seen = _observe(state, run)
    with transaction.atomic():
        held = ControlState.objects.select_for_update().get(pk=state.pk)
        held.checked_at = clock.now()
        if held.generation == state.generation and run is not None and not _in_transit(held):
            _conclude(held, run, seen)
        else:
            held.save()
    return held


def _due() -> list[ControlState]:
    now = clock.now()
    facets = sorted({action.facet.value for action in words.lasting()})
    rows = ControlState.objects.exclude(desired="").exclude(run_id=None).filter(facet__in=facets)
    rows = rows.filter(words.in_force("desired", "observed") | Q(since__gte=now - AFTERWARDS) | ~Q(drift_since=None))
    rows = rows.filter(Q(checked_at__lte=now - EVERY) | not_since("checked_at", EVERY))
    return list(rows.order_by(F("checked_at").asc(nulls_first=True), "pk")[:LOOKS])


def _observe(state: ControlState, run: ActionRun | None) -> ObservedState:
    """What is there; not known, with the reason, where nothing can be looked at."""
    if run is None:
        return ObservedState(state.facet, known=False, detail="The run that wanted this is no longer kept.")
    target = policy.MODELS[state.target_kind]._default_manager.filter(pk=state.target_id).first()
    if not isinstance(target, Device | Identity | Mailbox):
        return ObservedState(state.facet, known=False, detail="The target no longer exists.")
    try:
        binding = binding_of(target)
    except NotBound as error:
        return ObservedState(state.facet, known=False, detail=str(error))
    if not binding.connection.enabled:
        return ObservedState(state.facet, known=False, detail=f"The connection {binding.connection} is switched off.")
    remote = RemoteTarget(state.target_kind, binding.remote_id, str(target))
    return observe(binding.connection, remote, state.facet, key_of_facet(run))


def _in_transit(state: ControlState) -> bool:
    """A run is under way there: what is seen now is on its way to what is wanted."""
    return ActionRun.objects.filter(
        target_kind=state.target_kind, target_id=state.target_id, facet=state.facet, facet_key=state.facet_key,
        status__in=OPEN_STATUSES,
    ).exclude(queued=None).exists()  # fmt: skip


def _conclude(state: ControlState, run: ActionRun, seen: ObservedState) -> None:
    if not seen.known:
        state.detail = f"Could not be looked at: {seen.detail}"[:300]
        state.save()
        return
    before, was = state.drift_since, state.observed
    state.observed, state.observed_at = seen.value[:40], seen.at or clock.now()
    if state.observed != was:
        state.since = state.observed_at
    if has_ended(state, run, seen):
        state.desired = state.observed
    state.detail = difference(state, run, seen)[:300]
    if not state.detail:
        state.drift_since = None
    elif before is None:
        state.drift_since = state.observed_at
    state.save()
    show_state(state, run=run, actor=WATCHER)
    held = is_in_force(state.facet, state.observed)
    if held != is_in_force(state.facet, was):
        tell_evidence_of_state(run, held=held, actor=WATCHER)
    if (before is None) != (state.drift_since is None):
        _tell(state, run)


def has_ended(state: ControlState, run: ActionRun, seen: ObservedState) -> bool:
    """Whether what was wanted for some days only has ended by itself: that is no drift."""
    inverse, days = inverse_of(get(run.action)), str(run.arguments.get("days") or "")
    if not get(run.action).in_force or inverse is None or not days.isdecimal():
        return False
    return seen.value == inverse.wanted and clock.now() >= run.created + timedelta(days=int(days))


def difference(state: ControlState, run: ActionRun, seen: ObservedState) -> str:
    """How what was seen differs from what is wanted, in words; empty when it does not."""
    if seen.value != state.desired:
        return f"{words.said(state.desired)} is wanted, {words.said(seen.value)} was seen."
    action = get(run.action)
    for name in action.wanted_arguments if action.wanted == state.desired else ():
        wanted, found = run.arguments.get(name), seen.attributes.get(name)
        if wanted != found:
            label = next(one.label.lower() for one in action.parameters if one.name == name)
            return f"{label} {wanted} is wanted, {found or 'none'} was seen."
    return ""


def _tell(state: ControlState, run: ActionRun) -> None:
    """The history, the open pages and the people hear of it, once for each time that it happens."""
    drifts = state.is_drifting
    audit.record(
        "control.drifted" if drifts else "control.agrees",
        subject=f"run:{run.pk}", thread=run.thread, actor=WATCHER, reason=state.detail,
        data={"target": f"{state.target_kind}:{state.target_id}", "facet": state.facet, "desired": state.desired,
              "observed": state.observed},
    )  # fmt: skip
    announce_run(run)
    if not drifts:
        return
    incident = run.incident
    groups = run.device_group_ids or (incident.device_group_ids if incident is not None else [])
    tell(
        alarms.DRIFT,
        subject=f"run:{run.pk}",
        title=f"{run.target_name} is no longer {words.said(state.desired)}",
        body=f"{state.detail} It was not changed through the portal.",
        url="/actions/in-force/?drift=1",
        severity=incident.severity if incident is not None else "",
        device_group_ids=groups,
        once=f"{state.pk}:{state.generation}:{state.drift_since}",
        facts={"run": run.pk, "action": run.action, **({"incident": incident.pk} if incident is not None else {})},
        actor=WATCHER,
    )
