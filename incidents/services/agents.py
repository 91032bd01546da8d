"""What endpoint agents mean to devices: a joined machine becomes a Device that is bound to its agent, its inventory
keeps the Device up to date, its silence and what its detector found become alerts."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.db import transaction

from connectors.enums import AgentState
from connectors.models import Agent
from connectors.services.agents.inventory import addresses_in
from connectors.services.agents.policy import tell_groups
from core import audit, clock
from core.actors import Actor
from incidents.enums import Onboarding, SensorHealth
from incidents.ingest.accept import accept_alerts
from incidents.models import Device, DeviceBinding, Incident
from incidents.services.bindings import bind, unbind
from incidents.services.facts import DeviceFacts
from incidents.services.resolve_entities import resolve_devices

AGENTS = Actor.system("endpoint agents")
SOURCE = "Endpoint agents"
FORMAT = "soc_agent"
PREFIX = "soc:"


def agent_changed(*, agent_id: int) -> None:
    """Listener of `agent.changed`: who was approved becomes a Device and is bound to it."""
    agent = Agent.objects.select_related("connection", "device_group").filter(pk=agent_id).first()
    if agent is None:
        return
    if agent.state == AgentState.APPROVED:
        device = _device_for(agent)
        _keep_up_to_date(device, agent)
        tell_groups(agent)
    else:
        _mark_gone(agent)


def agent_told(*, agent_id: int, inventory: bool = False) -> None:
    """Listener of `agent.told`: a heartbeat that brought news."""
    agent = Agent.objects.filter(pk=agent_id, state=AgentState.APPROVED).first()
    device = device_of(agent) if agent else None
    if agent is not None and device is not None:
        _keep_up_to_date(device, agent)


def agent_silent(*, agent_id: int) -> None:
    """Listener of `agent.silent`: on a device with an open incident that is worth an alert, for somebody may have
    stopped it."""
    agent = Agent.objects.filter(pk=agent_id).first()
    device = device_of(agent) if agent else None
    if agent is None or device is None:
        return
    Device.objects.filter(pk=device.pk).update(health=SensorHealth.INACTIVE)
    if Incident.objects.open().filter(alerts__evidence__device=device).exists():
        accept_alerts([_silence(agent, device)], format="graph", source=SOURCE, actor=AGENTS, exercise=agent.exercise,
                      is_feed=False)  # fmt: skip


def take_alerts(agent: Agent, found: Sequence[dict[str, Any]]) -> list[str]:
    """What the detector on a device found, through the door by which every alert comes in. Which device it is about
    is what the agent is, whatever the alert says."""
    device = device_of(agent)
    if device is None:
        return []
    named = {"device": {"id": agent.device_id, "key": device.key, "name": device.display_name}}
    items = [{**one, **named, "agent": agent.device_id} for one in found]
    accept_alerts(items, format=FORMAT, source=SOURCE, actor=AGENTS, exercise=agent.exercise)
    return [str(one["id"])[:80] for one in found if isinstance(one.get("id"), str)]


def device_of(agent: Agent) -> Device | None:
    """The Device that the agent is bound to."""
    return Device.objects.filter(bindings__connection=agent.connection_id, bindings__remote_id=agent.device_id).first()


def _device_for(agent: Agent) -> Device:
    """The bound Device; a known one of this name, unless something else is bound to it; else a new one."""
    known = device_of(agent)
    if known is not None:
        return known
    with transaction.atomic():
        facts = facts_of(agent)
        # By its name first: the id of this agent must not come to lie on a device that is another's.
        named = resolve_devices([replace(facts, ids=())], at=clock.now(), exercise=agent.exercise)[0]
        if not _is_free(named.id or 0, agent):
            facts = DeviceFacts(host_name=f"{facts.host_name}-{agent.device_id[:8]}", ids=facts.ids)
        found = resolve_devices([facts], at=clock.now(), exercise=agent.exercise)[0]
        device = Device.objects.select_for_update().get(pk=found.id or 0)
        if not device.group_fixed:
            before, device.device_group_id, device.group_fixed = device.device_group_id, agent.device_group_id, True
            device.tags = sorted({*device.tags, *agent.tags})
            device.save(update_fields=["device_group", "group_fixed", "tags"])
            audit.record("device.group_changed", subject=f"device:{device.pk}", actor=AGENTS,
                         changes={"device_group": (before, agent.device_group_id)})  # fmt: skip
        bind(device, connection=agent.connection, remote_id=agent.device_id, actor=AGENTS)
    return device


def _is_free(device_id: int, agent: Agent) -> bool:
    """Whether nothing is bound to it; an agent of the same group that has left gives its place to who joins anew."""
    bindings = list(DeviceBinding.objects.filter(device=device_id).select_related("device"))
    gone = Agent.objects.filter(connection=agent.connection_id, state=AgentState.OFFBOARDED).filter(
        device_id__in=[one.remote_id for one in bindings], device_group=agent.device_group_id
    )
    if gone.count() != len(bindings):
        return False
    for one in bindings:
        unbind(one, entity=one.device, actor=AGENTS)
    return True


def facts_of(agent: Agent) -> DeviceFacts:
    system = agent.inventory.get("system")
    system = system if isinstance(system, dict) else {}
    ips, macs = addresses_in(agent.inventory)
    return DeviceFacts(
        dns_name=str(system.get("dns_name", ""))[:255], host_name=str(system.get("host_name", ""))[:255],
        ids=(PREFIX + agent.device_id,), os_platform=str(system.get("os", "Linux"))[:80],
        os_version=str(system.get("os_version", ""))[:80], ip_addresses=ips, mac_addresses=macs, tags=tuple(agent.tags),
        health=SensorHealth.ACTIVE, onboarding=Onboarding.ONBOARDED,
    )  # fmt: skip


def _keep_up_to_date(device: Device, agent: Agent) -> None:
    facts = facts_of(agent)
    values: dict[str, Any] = {
        "os_platform": facts.os_platform, "os_version": facts.os_version, "ip_addresses": list(facts.ip_addresses),
        "mac_addresses": list(facts.mac_addresses), "health": SensorHealth.ACTIVE, "onboarding": Onboarding.ONBOARDED,
        "last_seen": clock.now(),
    }  # fmt: skip
    Device.objects.filter(pk=device.pk).update(**values)


def _mark_gone(agent: Agent) -> None:
    device = device_of(agent)
    if device is not None:
        Device.objects.filter(pk=device.pk).update(health=SensorHealth.INACTIVE, onboarding=Onboarding.CAN_BE_ONBOARDED)


def _silence(agent: Agent, device: Device) -> dict[str, Any]:
    since = agent.silent_since or clock.real_now()
    moment = (since + timedelta(seconds=1)).isoformat()
    return {
        "id": f"agent-{agent.pk}-silent-{since:%Y%m%dT%H%M%S}",
        "title": f"The agent on {device} fell silent",
        "description": f"Nothing was heard of it since {since:%Y-%m-%d %H:%M} UTC, while an incident is open on the "
        "device. Somebody may have stopped it, or the device is off or cut from the portal.",
        "severity": "medium",
        "category": "DefenseEvasion",
        "mitreTechniques": ["T1562.001"],
        "serviceSource": "endpointAgents",
        "detectionSource": "customDetection",
        "productName": "Endpoint agents of the portal",
        "detectorId": "agent-silent",
        "firstActivityDateTime": moment,
        "lastActivityDateTime": moment,
        "createdDateTime": moment,
        "evidence": [{
            "@odata.type": "#microsoft.graph.security.deviceEvidence", "hostName": device.key,
            "deviceDnsName": device.key if "." in device.key else "",
        }],
    }  # fmt: skip
