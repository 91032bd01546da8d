"""How many endpoint agents enforce an indicator: each says which list it holds, and what of it it cannot do."""

from collections import Counter
from dataclasses import dataclass, field

from accounts.models import User
from connectors.models import Agent, SignedList
from remediation.models import Indicator

MOST = 5_000


@dataclass(slots=True)
class AgentReach:
    """Of `total` agents that it concerns `enforce` hold the newest list and can do it; `behind` hold an older one;
    `unsupported` counts the others by the reason that they gave."""

    total: int = 0
    enforce: int = 0
    behind: int = 0
    unsupported: Counter[str] = field(default_factory=Counter)

    @property
    def reasons(self) -> list[tuple[str, int]]:
        return self.unsupported.most_common(5)


def reach_of_indicator(indicator: Indicator, user: User) -> AgentReach | None:
    """None where no agent has joined, among those in the person's scope."""
    agents = Agent.objects.visible_to(user).in_service()
    if indicator.device_group_ids:
        agents = agents.filter(device_group_id__in=indicator.device_group_ids)
    digests = dict(SignedList.objects.values_list("connection_id", "digest"))
    told = "status__observed__indicators__evidence"
    found = AgentReach()
    for connection, digest, odd in agents.values_list("connection_id", f"{told}__digest", f"{told}__unsupported")[
        :MOST
    ]:
        found.total += 1
        reason = _reason(odd, indicator.remote_key)
        if not digest or digest != digests.get(connection):
            found.behind += 1
        elif reason:
            found.unsupported[reason] += 1
        else:
            found.enforce += 1
    return found if found.total else None


def _reason(listed: object, key: str) -> str:
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict) and one.get("key") == key:
            return str(one.get("reason", ""))[:300] or "It cannot do this."
    return ""
