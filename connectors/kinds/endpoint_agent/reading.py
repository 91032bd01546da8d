"""What a device is, from its last heartbeat: it looks at itself anew for each."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Q

from connectors.enums import AgentState, OrderState
from connectors.kinds.endpoint_agent.listed import action_of_portal
from connectors.models import Agent, AgentOrder, AgentUpload, Connection, Delivery, SignedList, WantedState
from connectors.ports import INDICATOR_HITS, ObservedState
from connectors.services.agents.hits import hits_after
from connectors.signing.envelope import INDICATOR_LIST, NotSigned, opened
from connectors.signing.keys import known_keys
from core import clock
from core.models import Blob

METHOD = "Read by the agent on the device"
_ANSWERED = (OrderState.SUCCEEDED, OrderState.PARTIALLY_SUCCEEDED)


def read_facet(agent: Agent, facet: str, key: str) -> ObservedState:
    """One facet as the device told it; `known` is false while it has not told."""
    told = agent.status.get("observed")
    told = told if isinstance(told, dict) else {}
    if facet in _ANSWERS:
        return _ANSWERS[facet](agent)
    if facet == "files":
        return _file(agent, told.get("files"), key)
    if facet in {"contain", "accounts"} and key:
        return _contained(agent, facet, told.get(facet), key)
    seen = told.get(facet)
    if not isinstance(seen, dict):
        value = {"network": "connected", "execution": "unrestricted", "scan": "never", "package": "never"}.get(facet)
        if value is None or facet in _wanted(agent):
            return _unknown(facet, "The device has not told yet.")
        return _seen(agent, facet, value, {}, {"told": "nothing was ever wanted of it"})
    evidence = seen.get("evidence")
    evidence = evidence if isinstance(evidence, dict) else {}
    return _seen(agent, facet, str(seen.get("value", "")), _attributes(agent, facet, seen, evidence),
                 {**evidence, "detail": seen.get("detail", ""), "reached": seen.get("reached")})  # fmt: skip


def _attributes(
    agent: Agent, facet: str, seen: Mapping[str, Any], evidence: Mapping[str, Any]
) -> dict[str, str]:  # fmt: skip
    if facet == "network" and seen.get("value") == "isolated":
        wanted = _wanted(agent).get("network", {})
        return {"isolation_type": str(wanted.get("type", ""))} if seen.get("reached") is True else {}
    if facet in {"scan", "package"}:
        return {name: str(evidence[name]) for name in ("order", "scan_type") if evidence.get(name)}
    return {}


def _wanted(agent: Agent) -> dict[str, Any]:
    facets = WantedState.objects.filter(agent=agent).values_list("facets", flat=True).first()
    return facets if isinstance(facets, dict) else {}


def _sweep(agent: Agent) -> ObservedState:
    """A sweep leaves nothing on the device but its answer, and that is the truth about it."""
    orders = AgentOrder.objects.filter(agent=agent, action="device.sweep", state__in=_ANSWERED)
    last = orders.order_by("-ended_at", "-pk").first()
    if last is None:
        return _seen(agent, "sweep", "never", {}, {})
    found = last.result.get("found")
    evidence = {"found": len(found) if isinstance(found, list) else 0, "answered": str(last.ended_at)}
    return _seen(agent, "sweep", "finished", {"order": last.key}, evidence)


def _contained(agent: Agent, facet: str, seen: object, key: str) -> ObservedState:
    """Whether this device keeps out what the entry `key` names, a device or an account, and what it refused."""
    wanted = {one["id"] for one in _wanted(agent).get(facet, {}).get("entries", [])}
    evidence = seen.get("evidence") if isinstance(seen, dict) else None
    entries = evidence.get("entries") if isinstance(evidence, dict) else None
    if not isinstance(entries, list):
        return _unknown(facet, "The device has not told yet.") if wanted else _seen(agent, facet, "open", {}, {})
    entry = next((one for one in entries if isinstance(one, dict) and one.get("id") == key), None)
    if entry is None:
        return _seen(agent, facet, "open", {}, {"entries": len(entries)})
    value = "contained" if entry.get("enforced") and not entry.get("missing") else "not_contained"
    return _seen(agent, facet, value, {}, dict(entry))


def read_place(agent: Agent) -> ObservedState:
    """Whether the device is the portal's at all: the portal's own word, for who has left tells nothing any more."""
    value = "joined" if agent.state == AgentState.APPROVED else str(agent.state)
    return ObservedState("agent", known=True, value=value, method="The portal's own record of the agent",
                         at=clock.now(), evidence={"since": str(agent.decided_at)})  # fmt: skip


def _collected(agent: Agent) -> ObservedState:
    """The last file that was fetched from the device: it counts when all of it is here."""
    orders = AgentOrder.objects.filter(agent=agent, action="file.collect", state__in=_ANSWERED)
    last = orders.order_by("-ended_at", "-pk").first()
    if last is None:
        return _seen(agent, "collected", "never", {}, {})
    sent = [one for one in last.result.get("artefacts") or () if isinstance(one, dict)]
    sha256 = str(sent[0].get("sha256", "")) if sent else ""
    here = _is_kept(last, sha256) or AgentUpload.objects.filter(
        Q(whole=True) | Q(size=0), agent=agent, sha256=sha256
    ).exists()  # fmt: skip
    evidence = {"sha256": sha256, "path": last.result.get("path")}
    return _seen(agent, "collected", "collected" if here else "not_here", {"order": last.key}, evidence)


def _is_kept(order: AgentOrder, sha256: str) -> bool:
    """Whether the file was taken over from what the device sent."""
    delivery = Delivery.objects.filter(idempotency_key=order.key).only("artefacts").first()
    kept = [one["blob_id"] for one in delivery.artefacts] if delivery is not None else []
    return Blob.objects.filter(pk__in=kept, sha256=sha256).exists()


def _file(agent: Agent, seen: object, key: str) -> ObservedState:
    """`key` is `sha256:...`; what no order ever named was never looked for."""
    digest = key.partition(":")[2]
    evidence = seen.get("evidence") if isinstance(seen, dict) else None
    files = evidence.get("files") if isinstance(evidence, dict) else None
    word = files.get(digest) if isinstance(files, dict) else None
    if word is None:
        return _unknown("files", "The device has not looked for this file yet.")
    return _seen(agent, "files", str(word), {}, {"sha256": digest})


def read_list(connection: Connection, facet: str, key: str) -> ObservedState:
    """The indicators as they were signed last."""
    if facet == INDICATOR_HITS:
        return ObservedState(facet, known=True, value="told", method=METHOD, at=clock.now(),
                             evidence={"hits": hits_after(connection, key)})  # fmt: skip
    kept = SignedList.objects.filter(connection=connection).first()
    try:
        entries = _entries_of(kept) if kept is not None and kept.envelope else {}
    except NotSigned:
        return _unknown(facet, "The list that is kept was not signed by this portal.")
    evidence = {"version": kept.version if kept else 0, "digest": kept.digest if kept else ""}
    if key:
        entry = entries.get(key)
        value = str(entry["action"]) if entry else "absent"
        attributes = {"digest": str(entry.get("digest", ""))} if entry else {}
        return ObservedState(facet, known=True, value=value, attributes=attributes, method=METHOD_OF_LIST,
                             at=clock.now(), evidence=evidence)  # fmt: skip
    return ObservedState(facet, known=True, value="listed", method=METHOD_OF_LIST, at=clock.now(),
                         evidence={**evidence, "indicators": entries})  # fmt: skip


def _entries_of(kept: SignedList) -> dict[str, Any]:
    """What was signed, not what the row says, with actions in the portal's words. Raises `NotSigned`."""
    listed = opened(kept.envelope, INDICATOR_LIST, known_keys())["entries"]
    return {str(one["key"]): {**one, "action": action_of_portal(one)} for one in listed}


# What leaves nothing on the device but its answer.
_ANSWERS = {"sweep": _sweep, "collected": _collected}
METHOD_OF_LIST = "The list that was signed for all agents"


def _seen(
    agent: Agent, facet: str, value: str, attributes: Mapping[str, str], evidence: Mapping[str, Any]
) -> ObservedState:  # fmt: skip
    return ObservedState(
        facet, known=True, value=value, attributes=attributes, method=METHOD, at=agent.status_at or clock.now(),
        evidence={**evidence, "generation": agent.generation},
    )  # fmt: skip


def _unknown(facet: str, why: str) -> ObservedState:
    return ObservedState(facet, known=False, detail=why, at=clock.now())
