"""With an agent goes what it enforced: a device that has left the portal withholds nothing any more, and nothing is in
force on the one that joins in its place."""

from django.db import transaction

from connectors.enums import AgentState, OrderState
from connectors.models import Agent, AgentOrder
from core import audit, clock
from core.actors import Actor
from incidents.models import Device
from incidents.services.agents import device_of
from remediation.catalog import get, inverse_of, words
from remediation.catalog.devices import OFFBOARD
from remediation.enums import Facet
from remediation.lifecycle import announce_run
from remediation.models import ActionRun, ControlState
from remediation.services.control import show_state
from remediation.services.evidence import tell_evidence_of_state

FOLLOWER = Actor.system("remediation")
WHY = "The agent that enforced it has left the portal."
# What an agent lifts when it leaves; what it holds in quarantine stays there.
_LIFTED = (Facet.NETWORK, Facet.EXECUTION, Facet.CONTAIN, Facet.ACCOUNTS)


def agent_changed(*, agent_id: int, **_more: object) -> None:
    """Listener of `agent.changed`; told twice it does the same as told once."""
    agent = Agent.objects.filter(pk=agent_id, state=AgentState.OFFBOARDED).first()
    device = device_of(agent) if agent is not None else None
    if agent is None or device is None or not _lifted_all(agent):
        return
    held = ControlState.objects.filter(target_kind=Device.kind, target_id=device.pk, facet__in=_LIFTED)
    for state in held.filter(words.in_force("desired", "observed")):
        _end(state)


def _lifted_all(agent: Agent) -> bool:
    """A device that could not lift everything is not called open."""
    left = AgentOrder.objects.filter(agent=agent, action=OFFBOARD.key)
    return left.filter(state=OrderState.SUCCEEDED).exists()


def _end(state: ControlState) -> None:
    with transaction.atomic():
        held = ControlState.objects.select_for_update().get(pk=state.pk)
        run = ActionRun.objects.filter(pk=held.run_id or 0).first()
        free = _free_word(run) if run is not None else ""
        if run is None or not free or held.generation != state.generation:
            return
        now = clock.now()
        held.desired = held.observed = free
        held.since = held.observed_at = held.checked_at = now
        held.drift_since, held.detail = None, WHY
        held.save()
        audit.record(
            "control.ended", subject=f"run:{run.pk}", thread=run.thread, actor=FOLLOWER, reason=WHY,
            data={"target": f"{held.target_kind}:{held.target_id}", "facet": held.facet, "observed": held.observed},
        )  # fmt: skip
        show_state(held, run=run, actor=FOLLOWER)
        tell_evidence_of_state(run, held=False, actor=FOLLOWER)
        announce_run(run)


def _free_word(run: ActionRun) -> str:
    """What the target is when nothing is withheld there."""
    action = get(run.action)
    free = inverse_of(action) if action.in_force else action
    return free.wanted if free is not None else ""
