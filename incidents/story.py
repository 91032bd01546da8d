"""The attack story of an incident: steps in order of time, and the graph of who did what to whom.

Nothing here is stored: it is read from the alerts and the evidence that one person may see.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address
from typing import Any

from accounts.models import User
from core.wording import defang
from incidents.assets import CONTAINABLE, named_as_seen
from incidents.containment import Containment, containment_of
from incidents.enums import EvidenceVerdict, RemediationStatus, Severity
from incidents.models import Alert, Device, Evidence, Incident
from incidents.wording import short_command

MOST_ALERTS, MOST_EVIDENCE, MOST_DIGITS = 400, 6000, 19
ADDRESSES = {"ip", "url", "domain"}
HARMLESS = {RemediationStatus.REMEDIATED, RemediationStatus.PREVENTED, RemediationStatus.BLOCKED}
HIT = {"compromised", "attacked", "attacker", "commandAndControl"}
# Things of their own although an entity is named with them.
BESIDE = {"analyzedMessage", "mailCluster", "submissionMail"}
# Evidence types drawn under an entity rather than beside it, and the word that people use for a kind.
KINDS = {"user": "identity", "process": "process", "analyzedMessage": "message", "mailCluster": "message",
         "submissionMail": "message", "dns": "domain", "registryKey": "registry_key", "registryValue": "registry_key",
         "cloudApplication": "application", "oauthApplication": "application"}  # fmt: skip
KIND_WORDS = {"identity": "account", "message": "mail", "ip": "address", "url": "link", "domain": "domain",
              "registry_key": "registry key", "application": "app", "mailbox": "mailbox", "file": "file",
              "device": "device", "process": "process"}  # fmt: skip


@dataclass(slots=True)
class Node:
    """One thing of the story. `key` is its id in the page: `device-12`, or `e77` after its first evidence."""

    key: str
    kind: str
    label: str
    first: datetime
    entity: Any = None
    icon: str = ""
    alerts: set[int] = field(default_factory=set)
    malicious: bool = False
    suspicious: bool = False
    harmless: bool = True
    hit: bool = False
    stopped: bool = False
    reached: bool = False
    places: set[str] = field(default_factory=set)

    @property
    def containment(self) -> Containment | None:
        return containment_of(self.entity)

    @property
    def is_open(self) -> bool:
        """Malicious or attacked, and nothing holds it. An asset that the head of the page counts as not contained is
        open here as well (`reached`)."""
        if self.containment or (self.harmless and not self.hit):
            return False
        return self.reached or self.malicious or (self.hit and self.suspicious)

    @property
    def kind_word(self) -> str:
        return KIND_WORDS.get(self.kind, self.kind.replace("_", " "))


@dataclass(frozen=True, slots=True)
class Step:
    """Alerts of one title on the same things, one after the other."""

    alerts: tuple[Alert, ...]
    nodes: tuple[Node, ...]

    @property
    def first(self) -> Alert:
        return self.alerts[0]

    @property
    def severity(self) -> str:
        order = list(Severity.values)
        return max((alert.severity for alert in self.alerts), key=order.index)

    @property
    def node_keys(self) -> str:
        return " ".join(node.key for node in self.nodes)


@dataclass(frozen=True, slots=True)
class Story:
    """`hidden` alerts lie outside the reader's scope; `cut` ones beyond what one picture can say."""

    alerts: list[Alert]
    steps: list[Step]
    nodes: dict[str, Node]
    members: dict[int, list[tuple[Node, Evidence]]]
    hidden: int
    cut: int

    def evidence_of(self, key: str) -> list[Evidence]:
        return [item for pairs in self.members.values() for node, item in pairs if node.key == key]

    def node_of(self, key: str) -> Node | None:
        """By its key, or by any piece of evidence that names it, as `e77`."""
        if key in self.nodes or not (key[:1] == "e" and key[1:].isdecimal() and len(key) <= MOST_DIGITS):
            return self.nodes.get(key)
        wanted = int(key[1:])
        return next((node for pairs in self.members.values() for node, item in pairs if item.pk == wanted), None)

    @property
    def devices(self) -> list[Any]:
        return [node.entity for node in self.nodes.values() if node.kind == "device" and node.entity is not None]


def story_of(incident: Incident, user: User) -> Story:
    """Read the story in four queries, however many alerts there are."""
    visible = Alert.objects.visible_to(user).filter(incident=incident)
    alerts = list(visible.defer("additional_data", "description", "recommended_actions")
                  .order_by("first_activity", "id")[: MOST_ALERTS + 1])  # fmt: skip
    shown = alerts[:MOST_ALERTS]
    total = incident.alerts.count()
    known = len(alerts) if len(alerts) <= MOST_ALERTS else visible.count()
    nodes: dict[str, Node] = {}
    members = _members(shown, nodes, user)
    _mark_reached(nodes.values(), incident)
    return Story(shown, _steps(shown, members), nodes, members, total - known, known - len(shown))


def _mark_reached(nodes: Iterable[Node], incident: Incident) -> None:
    """While it presses, what the attack reached and nothing holds is open, whatever the sensors made of it."""
    if incident.is_open and incident.severity == Severity.HIGH:
        for node in nodes:
            node.reached = node.kind in CONTAINABLE and node.entity is not None


def _members(alerts: Sequence[Alert], nodes: dict[str, Node], user: User) -> dict[int, list[tuple[Node, Evidence]]]:
    """The nodes that each alert names, made on the way."""
    by_id = {alert.pk: alert for alert in alerts}
    evidence = Evidence.objects.filter(alert__in=list(by_id)).select_related("device", "file", "identity", "mailbox")
    told = list(evidence.order_by("alert_id", "id")[:MOST_EVIDENCE])
    # Whom a thing belongs to is said by all that is named; told of are those that the person sees.
    alone, owners = _named_alone(told), _own_addresses(told)
    rows = named_as_seen(told, user)
    seen = {item.device_id for item in rows}
    own = {address: device for address, device in owners.items() if device.pk in seen}
    found: dict[int, list[tuple[Node, Evidence]]] = {pk: [] for pk in by_id}
    places: dict[str, str] = {}
    hosts = {item.alert_id: item.device for item in rows if item.device is not None and item.alert_id in alone}
    for item in rows:
        alert = by_id[item.alert_id]
        host = item.device or hosts.get(item.alert_id)
        for subject in [own[item.display]] if item.type == "ip" and item.display in own else _subjects(item):
            found[item.alert_id].append((_node_for(subject, item, alert, host, nodes, places), item))
    return found


def _named_alone(rows: Iterable[Evidence]) -> set[int]:
    """The alerts that name one device only: what they say of a process happened there."""
    named: dict[int, set[int]] = {}
    for item in rows:
        if item.device_id is not None:
            named.setdefault(item.alert_id, set()).add(item.device_id)
    return {pk for pk, devices in named.items() if len(devices) == 1}


def _own_addresses(rows: Iterable[Evidence]) -> dict[str, Device]:
    """Internal addresses of the devices of the story: such an address is the device, told in another word. One that
    several of them go by (a gateway, an old lease) stays a thing of its own."""
    owners: dict[str, set[Device]] = {}
    for device in {item.device for item in rows if item.device is not None}:
        for address in device.ip_addresses:
            owners.setdefault(address, set()).add(device)
    return {address: found.pop() for address, found in owners.items() if len(found) == 1 and _is_internal(address)}


def _is_internal(address: str) -> bool:
    try:
        return not ip_address(address).is_global
    except ValueError:
        return False


def _subjects(item: Evidence) -> list[Any]:
    """What one piece of evidence is about: entities, and None for the thing itself when it is none of them.

    A mail stands beside its mailbox, a process without a known image and a file beside the device they were seen on.
    """
    itself = item.type in BESIDE or (item.type == "process" and item.file is None)
    main = None if itself else item.entity
    places = [thing for thing in (item.mailbox if itself else None, item.device) if thing is not None]
    return [main, *[thing for thing in places if thing != main]]


def _identity_of(entity: Any, item: Evidence, host: Device | None) -> str:
    """What makes two pieces of evidence the same thing. A process is one of its machine: the same command line on
    another machine is another process."""
    if entity is not None:
        return f"{entity.kind.value}-{entity.pk}"
    itself = f"{item.type}/{item.key or item.display}"
    return f"{itself}@{host.pk}" if item.type == "process" and host is not None else itself


def _node_for(
    entity: Any, item: Evidence, alert: Alert, host: Device | None, nodes: dict[str, Node], places: dict[str, str]
) -> Node:
    identity = _identity_of(entity, item, host)
    key = places.setdefault(identity, identity if entity else f"e{item.pk}")
    node = nodes.get(key)
    if node is None:
        kind = entity.kind.value if entity else KINDS.get(item.type, item.type)
        label = entity.display_name if entity else item.display
        node = nodes[key] = Node(key, kind, label, alert.first_activity, entity, _icon(kind, entity))
    if host is not None and node.kind in {"process", "file"}:
        node.places.add(host.display_name)
    node.first = min(node.first, alert.first_activity)
    node.alerts.add(alert.pk)
    node.malicious |= item.verdict == EvidenceVerdict.MALICIOUS
    node.suspicious |= item.verdict in {EvidenceVerdict.MALICIOUS, EvidenceVerdict.SUSPICIOUS}
    node.hit |= entity == item.entity and bool(HIT.intersection(item.roles))
    node.stopped |= item.remediation_status in {RemediationStatus.BLOCKED, RemediationStatus.PREVENTED}
    node.harmless &= item.remediation_status in HARMLESS
    return node


def _icon(kind: str, entity: Any) -> str:
    return "server" if kind == "device" and "server" in str(getattr(entity, "os_platform", "")).lower() else ""


def _steps(alerts: Iterable[Alert], members: dict[int, list[tuple[Node, Evidence]]]) -> list[Step]:
    steps: list[Step] = []
    for alert in alerts:
        nodes = tuple({node.key: node for node, _item in members[alert.pk]}.values())
        last = steps[-1] if steps else None
        same = last and last.first.title == alert.title and {n.key for n in last.nodes} == {n.key for n in nodes}
        if last and same:
            steps[-1] = Step((*last.alerts, alert), last.nodes)
        else:
            steps.append(Step((alert,), nodes))
    return steps


def subjects_of(step: Step) -> list[Node]:
    """What the step is about, at most two things: where it happened, and with what."""
    order = {"device": 0, "mailbox": 1, "identity": 2, "file": 3, "process": 4}
    ranked = sorted(step.nodes, key=lambda node: (order.get(node.kind, 5), node.first))
    seen: dict[str, Node] = {}
    for node in ranked:
        if node.kind not in seen and node.label not in {other.label for other in seen.values()}:
            seen[node.kind] = node
    return list(seen.values())[:2]


def short_label(node: Node) -> str:
    """Addresses defanged, a process by its program and what it was started with, without the folders."""
    if node.kind in ADDRESSES:
        return defang(node.label)
    return short_command(node.label) if node.kind == "process" else node.label


def lead_of(story: Story) -> Node | None:
    """What the reader should look at first: the open device that was hit last, else what most alerts name."""
    assets = [node for node in story.nodes.values() if node.entity is not None]
    still_open = [node for node in assets if node.is_open and node.kind in {"device", "identity", "mailbox"}]
    if still_open:
        return max(still_open, key=lambda node: (node.kind == "device", node.first))
    return max(assets, key=lambda node: (node.kind == "device", len(node.alerts)), default=None)
