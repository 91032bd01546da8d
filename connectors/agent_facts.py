"""What the pages and the API say of an agent: how it is, what it obeys, what it cannot do. What a device told is
hostile until it is shown: every reader here takes any shape and answers short texts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.enums import AgentState, OrderKind
from connectors.models import Agent, AgentOrder, AgentPolicy, SignedList, WantedState
from connectors.queries.agents import STATE_FACETS, TIME_TO_TAKE
from connectors.services.agents.heartbeat import AWAY_AFTER, is_connected
from core import clock
from core.wording import duration

FACET_WORDS = {"network": "Network", "contain": "Contained neighbours", "accounts": "Contained accounts",
               "execution": "Programs",
               "indicators": "Indicators"}  # fmt: skip
ORDER_WORDS = {"agent.groups": "Told its device group", "agent.release_code": "Release code",
               "device.contain": "Contain neighbours", "identity.contain": "Contain accounts",
               "indicators.address": "Enforce indicators on addresses",
               "indicators.file": "Enforce indicators on files",
               "indicators.apply": "Put indicators in force"}  # fmt: skip
# What a device says of its parts; its digests of indicators are for programs.
_PARTS = {"helper": "Helper", "guard": "Guard", "scanner": "Scanner", "detector": "Detector", "free_bytes": "Disk",
          "clock": "Clock"}  # fmt: skip
_HEALTH = {"connected": ("Connected", "ok", "check"), "away": ("Away", "warn", "clock"),
           "silent": ("Silent", "danger", "warn"), "": ("", "", "")}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FacetState:
    """One part of a device that can be wanted: what is wanted, what it told, and which order wanted it."""

    key: str
    label: str
    wanted: str
    observed: str
    detail: str
    since: datetime | None
    order: AgentOrder | None
    drifts: bool
    under_way: bool


def health_of(agent: Agent) -> str:
    """connected, away or silent; empty for one that is not in service."""
    if agent.state != AgentState.APPROVED:
        return ""
    if is_connected(agent):
        return "connected"
    return "silent" if agent.silent_since else "away"


def health_mark(agent: Agent) -> tuple[str, str, str]:
    """Word, kind and symbol of the pill."""
    return _HEALTH[health_of(agent)]


def connected_since() -> datetime:
    """Who was heard of after this is connected."""
    return clock.real_now() - AWAY_AFTER


def cannot(agent: Agent) -> dict[str, str]:
    """action -> why the device cannot, in its own words."""
    told = agent.status.get("capabilities")
    found = told.items() if isinstance(told, dict) else ()
    return {str(name)[:80]: text_of(why) for name, why in sorted(found) if isinstance(why, str) and why}


def can(agent: Agent) -> list[str]:
    told = agent.status.get("capabilities")
    return sorted(str(name)[:80] for name, why in told.items() if why == "") if isinstance(told, dict) else []


def word_of(action: str, lent: Mapping[str, str]) -> str:
    """An action in words: a later room's, then our own; what nobody knows stays as the device wrote it."""
    room, _, deed = action.partition(".")
    own = f"Live response: {deed.replace('_', ' ')}" if room == "live" and deed else action
    return lent.get(action) or ORDER_WORDS.get(action, own)


def health_told(agent: Agent) -> list[tuple[str, str]]:
    """What the device says of its own parts."""
    told = agent.status.get("health")
    told = told if isinstance(told, dict) else {}
    return [(label, _said(name, told[name])) for name, label in _PARTS.items() if name in told]


def _said(name: str, value: object) -> str:
    if name == "free_bytes" and isinstance(value, int) and not isinstance(value, bool):
        return f"{value / 2**30:,.1f} GiB free"
    if name == "clock" and isinstance(value, int | float) and not isinstance(value, bool):
        return "Right" if abs(value) < 2 else f"{duration(abs(value))} {'ahead' if value > 0 else 'behind'}"
    if isinstance(value, dict | list):
        return ", ".join(text_of(one) for one in (value.values() if isinstance(value, dict) else value))[:300]
    return text_of(value) or "Well"


def facets_of(agent: Agent) -> list[FacetState]:
    """Wanted beside observed, with two queries."""
    kept = WantedState.objects.filter(agent=agent).only("generation", "facets", "signed_at").first()
    wanted = kept.facets if kept and isinstance(kept.facets, dict) else {}
    orders = _latest_orders(agent)
    return [_facet(agent, name, wanted.get(name), orders.get(name), kept) for name in STATE_FACETS]


def _latest_orders(agent: Agent) -> dict[str, AgentOrder]:
    rows = AgentOrder.objects.filter(agent=agent, kind=OrderKind.STATE).exclude(generation=None)
    newest = rows.order_by("facet", "-pk").distinct("facet").defer("envelope", "progress", "result")
    return {order.facet: order for order in newest}


def network_of(agent: Agent) -> str:
    """What the device said last of its connection to the network; empty when it said nothing."""
    return _value(_told_of(agent, "network"))


def _told_of(agent: Agent, facet: str) -> Mapping[str, Any]:
    told = agent.status.get("observed")
    seen = told.get(facet) if isinstance(told, dict) else None
    return seen if isinstance(seen, dict) else {}


def _value(seen: Mapping[str, Any]) -> str:
    return text_of(seen.get("value")).replace("_", " ")


def _facet(agent: Agent, name: str, wanted: object, order: AgentOrder | None, kept: WantedState | None) -> FacetState:
    seen = _told_of(agent, name)
    fetches, had_time = _fetches(name, wanted, seen), _had_time(agent, kept)
    behind = not had_time and kept is not None and (kept.generation > agent.generation or fetches)
    overdue = had_time and (fetches or (order is not None and (order.generation or 0) > agent.generation))
    return FacetState(
        name, FACET_WORDS[name], in_words(name, wanted), _value(seen),
        text_of(seen.get("detail")), _since(agent, name, seen.get("evidence"), order), order,
        drifts=overdue or (seen.get("reached") is False and not behind), under_way=behind and wanted is not None,
    )  # fmt: skip


def _fetches(name: str, wanted: object, seen: Mapping[str, Any]) -> bool:
    """Whether the device has been told of a list that it does not hold yet."""
    evidence = seen.get("evidence")
    if name != "indicators" or not isinstance(wanted, dict) or not isinstance(evidence, dict):
        return False
    return text_of(evidence.get("digest")) != text_of(wanted.get("digest"))


def _had_time(agent: Agent, kept: WantedState | None) -> bool:
    """Whether it was heard long enough after its newest wish was signed to have become so."""
    return kept is not None and agent.seen_at is not None and agent.seen_at > kept.signed_at + TIME_TO_TAKE


def _since(agent: Agent, name: str, evidence: object, order: AgentOrder | None) -> datetime | None:
    """When what is in force was signed. Indicators come as a list that is signed anew without an order to the device;
    of one that is no longer the newest nothing is known."""
    signed = order.signed_at if order else None
    digest = text_of(evidence.get("digest")) if isinstance(evidence, dict) else ""
    if name != "indicators" or not digest:
        return signed
    kept = SignedList.objects.filter(connection=agent.connection_id, digest=digest).only("signed_at").first()
    return kept.signed_at if kept else None


def in_words(facet: str, wanted: object) -> str:
    """What is wanted of a facet; empty where nothing is."""
    if not isinstance(wanted, dict):
        return ""
    match facet:
        case "network":
            return f"isolated ({text_of(wanted.get('type'))})" if wanted.get("isolated") else "connected"
        case "execution":
            return {"enforce": "restricted", "audit": "audited", "off": "unrestricted"}.get(
                text_of(wanted.get("mode")), ""
            )
        case "contain" | "accounts":
            entries = wanted.get("entries")
            return f"{len(entries)} contained" if isinstance(entries, list) and entries else "none"
    return "the list that was signed last"


def opens_in_words(policy: AgentPolicy | None) -> str:
    """What becomes of an isolation while the portal is away."""
    if policy is not None and policy.stays_cut:
        return "An isolated device stays cut off for as long as the portal is away."
    seconds = policy.opens_after_s if policy else AgentPolicy._meta.get_field("opens_after_s").get_default()
    return f"An isolated device opens by itself {_span(seconds)} after it last heard the portal."


def _span(seconds: int) -> str:
    if seconds % 86_400 == 0 and seconds > 2 * 86_400:
        return f"{seconds // 86_400} days"
    return "1 hour" if seconds == 3_600 else f"{seconds // 3_600} hours" if seconds % 3_600 == 0 else duration(seconds)


def system_of(agent: Agent) -> Mapping[str, Any]:
    """What the device says it is; of a light row or a whole one."""
    told = agent.__dict__.get("system", None) if "inventory" not in agent.__dict__ else agent.inventory.get("system")
    return told if isinstance(told, dict) else {}


def os_of(agent: Agent) -> str:
    system = system_of(agent)
    return " ".join(text_of(system.get(name)) for name in ("os", "os_version")).strip()


def fingerprint_of(agent: Agent) -> str:
    """The device id as people compare it: groups of four."""
    return " ".join(agent.device_id[place : place + 4] for place in range(0, len(agent.device_id), 4))


def rows_of(agent: Agent, part: str, *columns: str) -> list[list[str]]:
    """A list of the inventory as texts, whatever the device sent."""
    told = agent.inventory.get(part)
    listed = [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []
    return [[_cell(one.get(column)) for column in columns] for one in listed]


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(text_of(one) for one in value[:30])
    return text_of(value)


def text_of(value: object) -> str:
    return str(value)[:300] if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def unread_of(agent: Agent) -> list[tuple[str, str]]:
    """What the device could not read of itself, and why."""
    told = agent.inventory.get("unread")
    return [(text_of(name), text_of(why)) for name, why in list(told.items())[:20]] if isinstance(told, dict) else []
