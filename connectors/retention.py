"""Orders that were carried out or given up: the run that they served keeps what became of it. Agents that left, with
the inventory they told."""

from collections.abc import Sequence

from connectors.enums import AgentState
from connectors.models import Agent, AgentOrder, Delivery, EnrolmentToken
from core import retention

GONE = (AgentState.REJECTED, AgentState.REVOKED, AgentState.OFFBOARDED)


def declare_kinds() -> None:
    retention.declare(
        retention.Kind(
            "deliveries", "Orders to connections that have ended", "What the remote side answered, word for word.",
            lambda edge: Delivery.objects.filter(ended_at__lt=edge), "ended_at",
            lambda keys: Delivery.objects.filter(pk__in=keys).delete()[0], days=90, least=7,
        )
    )  # fmt: skip
    retention.declare(
        retention.Kind(
            "agent_orders", "Orders to endpoint agents that have ended",
            "What the device answered, word for word, and what it told while it worked.",
            lambda edge: AgentOrder.objects.filter(ended_at__lt=edge), "ended_at",
            lambda keys: AgentOrder.objects.filter(pk__in=keys).delete()[0], days=90, least=7,
        )
    )  # fmt: skip
    retention.declare(
        retention.Kind(
            "agents", "Endpoint agents that left",
            "Rejected, revoked and offboarded ones, with the users, programs and services of their devices.",
            lambda edge: Agent.objects.filter(state__in=GONE, decided_at__lt=edge), "decided_at",
            _forget_agents, days=365, least=30,
        )
    )  # fmt: skip
    retention.declare(
        retention.Kind(
            "enrolment_tokens", "Enrolment tokens that ended", "Used, withdrawn and expired ones.",
            lambda edge: EnrolmentToken.objects.filter(expires__lt=edge), "expires",
            lambda keys: EnrolmentToken.objects.filter(pk__in=keys).delete()[0], days=365, least=30,
        )
    )  # fmt: skip


def _forget_agents(keys: Sequence[int]) -> int:
    return Agent.objects.filter(pk__in=keys).delete()[1].get("connectors.Agent", 0)
