"""The badge of what devices contain, a device or an account: it has no agent that could be asked, so those who enforce
it are."""

from core import clock
from core.actors import Actor
from incidents.models import Device, Identity
from incidents.services.mitigation import Mitigation, set_mitigation
from remediation.catalog import get
from remediation.models import ActionRun, ControlState
from remediation.policy.peers import entry_key

CONTAINED, OPEN = "contained", "open"


def whole_of(run: ActionRun) -> ActionRun | None:
    """The containment that it is a part of, or takes a part of back; None for anything else."""
    if not get(run.action).by_peers:
        return None
    found: ActionRun | None = run
    while found is not None and found.parent is None:
        found = found.undoes
    return found.parent if found is not None else None


def show_containment(parent: ActionRun, *, actor: Actor) -> bool | None:
    """After any of the parts has ended; it is contained while one device enforces it. Answers whether it is from now
    on; None when that has not changed."""
    model = Identity if parent.target_kind == Identity.kind else Device
    entity: Device | Identity | None = model._default_manager.filter(pk=parent.target_id).first()
    if entity is None:
        return None
    rows = ControlState.objects.filter(target_kind="device", facet=parent.facet, facet_key=entry_key(entity))
    held = rows.filter(observed=CONTAINED).exists()
    wanted = rows.filter(desired=CONTAINED).exists()
    now = Mitigation(
        state=CONTAINED if held else OPEN, active=held, desired=CONTAINED if wanted else OPEN,
        observed=CONTAINED if held else OPEN, since=clock.now(), by=parent.requester.name, simulated=parent.simulated,
    )  # fmt: skip
    before = entity.mitigation.get(str(parent.facet), {})
    if (before.get("state"), before.get("desired")) != (now.state, now.desired):
        set_mitigation(entity, facet=str(parent.facet), now=now, actor=actor, thread=parent.thread)
    return held if bool(before.get("active")) != held else None
