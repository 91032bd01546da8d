"""What this room holds of somebody who is erased: reasons of stops and of decisions on agents, and what devices told of
the people who use them. A device that tells a name again is believed again: the account has to go there too."""

from connectors.models import Agent, AgentOrder, Halt
from core import erasure


def declare_parts() -> None:
    erasure.part("user", "stops", lambda person: erasure.scrub_naming(Halt, ("reason", "ended_reason"), person))
    erasure.part(
        "user", "decisions on endpoint agents", lambda person: erasure.scrub_naming(Agent, ("state_reason",), person)
    )
    for kind in ("user", "identity"):
        erasure.part(
            kind, "inventories of endpoint agents",
            lambda person: erasure.scrub_naming(Agent, ("inventory",), person),
        )  # fmt: skip
        erasure.part(
            kind, "answers of endpoint agents",
            lambda person: erasure.scrub_naming(AgentOrder, ("result", "progress", "error"), person),
        )  # fmt: skip
