"""Agents that fell silent: told once for each silence."""

from datetime import timedelta

from django.db import transaction

from connectors.models import Agent
from connectors.services.agents.announce import announce
from core import audit, clock, options, outbox
from core.actors import Actor
from core.options import Option

SILENT_MINUTES = options.declare(
    Option(
        "agents.silent_minutes",
        10,
        "Endpoint agents: minutes after which one that says nothing counts as silent",
        help="On a device with an open incident that raises an alert.",
        minimum=3,
        maximum=10_080,
    )
)
AT_ONCE = 500


def tell_of_silence(*, actor: Actor) -> int:
    """How many fell silent since the last look."""
    minutes: int = options.get(SILENT_MINUTES.key)
    limit = clock.real_now() - timedelta(minutes=minutes)
    count = 0
    for pk in Agent.objects.in_service().filter(seen_at__lt=limit, silent_since=None).values_list("pk")[:AT_ONCE]:
        with transaction.atomic():
            agent = Agent.objects.select_for_update().get(pk=pk[0])
            if agent.silent_since is not None or agent.seen_at is None or agent.seen_at >= limit:
                continue
            agent.silent_since = agent.seen_at
            agent.save(update_fields=["silent_since"])
            audit.record("agent.silent", subject=agent.thread, thread=agent.thread, actor=actor,
                         data={"last_heard": agent.seen_at.isoformat()})  # fmt: skip
            outbox.publish("agent.silent", agent_id=agent.pk)
            announce(agent)
            count += 1
    return count
