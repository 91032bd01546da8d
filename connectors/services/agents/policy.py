"""What the agents of a device group do while the portal is away, and which group each is told it is in."""

from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import DeviceGroup
from connectors.enums import OrderKind
from connectors.models import Agent, AgentPolicy, EnrolmentToken
from connectors.services.agents.orders import give_order
from core import audit, clock
from core.actors import Actor

SHORTEST_S, LONGEST_S = 300, 30 * 86_400
TOLD_FOR = timedelta(days=30)


def set_policy(group: DeviceGroup, *, stays_cut: bool, opens_after_s: int, actor: Actor) -> AgentPolicy:
    """For isolations from now on. Raises `ValidationError`."""
    if not SHORTEST_S <= opens_after_s <= LONGEST_S:
        raise ValidationError({"opens_after_s": "An isolation opens by itself after five minutes to thirty days."})
    with transaction.atomic():
        policy, _ = AgentPolicy.objects.select_for_update().get_or_create(device_group=group)
        before = (policy.stays_cut, policy.opens_after_s)
        policy.stays_cut, policy.opens_after_s = stays_cut, opens_after_s
        policy.save(update_fields=["stays_cut", "opens_after_s"])
        audit.record(
            "agent_policy.changed", subject=f"device_group:{group.pk}", actor=actor,
            changes={"stays_cut": (before[0], stays_cut), "opens_after_s": (before[1], opens_after_s)},
        )  # fmt: skip
    return policy


def tell_groups(agent: Agent) -> None:
    """The device hears which group it is in; for one group it is told once."""
    key = f"groups:{agent.pk}:{agent.device_group_id}:{agent.decided_at:%Y%m%dT%H%M%S}"
    give_order(agent, key=key, reference=f"agent:{agent.pk}", expires=clock.real_now() + TOLD_FOR,
               kind=OrderKind.STATE, action="agent.groups", facet="indicators")  # fmt: skip


def leave_retired_groups(**_payload: object) -> None:
    """Listener of `device_groups.changed`: agents and tokens of a group that is being deleted go to the default one."""
    home = DeviceGroup.objects.get(is_default=True)
    for rows in (Agent.objects, EnrolmentToken.objects):
        rows.filter(device_group__retired=True).update(device_group=home)
