"""The alerts of a batch with what they have in common with others, read with a fixed number of queries."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from incidents.correlation.addresses import is_comparable, is_internal_target, scoped_key
from incidents.correlation.entities import Entities, Named, load_entities
from incidents.correlation.habits import Habits, plain_title
from incidents.correlation.nearness import Contents
from incidents.correlation.rules import (
    ACCOUNT,
    ADDRESS,
    ANCESTRY,
    ARTEFACT,
    ARTEFACT_PREFIXES,
    CLUSTER,
    COMMAND,
    CONNECTION,
    DEVICE,
    DOMAIN,
    FILE,
    MESSAGE,
    PROGRAM,
    PROVIDER,
    REPEATED,
    URL,
    Rule,
)
from incidents.enums import SEVERITY_RANK, Category, Severity
from incidents.ingest import lineage

QUIET = SEVERITY_RANK[Severity.INFORMATIONAL]
# A source may claim any interval; a longer one would touch everything.
LONGEST_EVENT = timedelta(days=2)
# An alert that names more devices is a list, not a way.
MOST_ON_A_PATH = 5
# Messages of a cluster that are compared; a larger one is known by its own key.
MOST_MEMBERS = 50
MESSAGE_TYPES = frozenset({"analyzedMessage", "submissionMail"})
FILE_TYPES = frozenset({"file", "fileHash"})


@dataclass(frozen=True, slots=True)
class Signal:
    """A thing that links: equal signals of one rule are the same thing. `shown` is what people read; `address` is all
    that the alert itself says of a machine."""

    rule: Rule
    value: str
    shown: str
    address: str = ""

    def shown_with(self, other_by_address: bool) -> str:
        """Two alerts that know an address only must not tell whose it is: who reads them may not see the machine."""
        return self.address if self.address and other_by_address else self.shown


# The stages of an attack in their order; what says nothing about the stage has none.
_STAGES: dict[str, int] = {
    category: place for place, category in enumerate(Category.values, start=1)
    if category not in (Category.MALWARE, Category.UNWANTED_SOFTWARE, Category.SUSPICIOUS_ACTIVITY)
}  # fmt: skip
_TELLING = frozenset(rule.key for rule in (PROGRAM, URL, COMMAND, DOMAIN, ADDRESS, MESSAGE, ARTEFACT))
NOWHERE = (timedelta(), timedelta())


def stage_of(categories: Sequence[str]) -> int:
    """The earliest stage that is named; 0 for none."""
    return min((_STAGES[category] for category in categories if category in _STAGES), default=0)


@dataclass(slots=True, eq=False)
class Node:
    """One alert of the batch. `incident_id` is set when it was correlated before and has changed since."""

    id: int
    incident_id: int | None
    source: str
    detector: str
    title: str
    rank: int
    first: datetime
    last: datetime
    exercise: str
    provider_incident: str
    categories: tuple[str, ...]
    stage: int = 0
    # The device groups of the devices that it names.
    groups: frozenset[int] = frozenset()
    # How far it reaches on a device and for an account; see `habits`.
    reaches: tuple[timedelta, timedelta] = NOWHERE
    ordinary: bool = False
    signals: dict[tuple[str, str], Signal] = field(default_factory=dict)
    # Everything that the alert names, also what does not link because the alert is only a notice.
    named: set[tuple[str, str]] = field(default_factory=set)
    # An address that the alert names -> the machine that has it, both as they stand in `named`.
    stands_for: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)

    @property
    def breadth(self) -> int:
        """How many devices and accounts it names; at least one."""
        return max(1, sum(key[0] in (DEVICE.key, ACCOUNT.key) for key in self.named))

    @property
    def contents(self) -> Contents:
        runs = frozenset(value for key, value in self.named if key == ANCESTRY.key)
        return Contents(
            frozenset(value for key, value in self.named if key == ACCOUNT.key),
            frozenset(value for key, value in self.named if key in _TELLING),
            runs,
            frozenset(value.partition(f"|{lineage.PREFIX}")[0] for value in runs),
        )

    @property
    def moves(self) -> bool:
        """Whether it tells of somebody who went from one device to another."""
        devices = sum(key[0] == DEVICE.key for key in self.signals)
        return Category.LATERAL_MOVEMENT in self.categories and 1 < devices <= MOST_ON_A_PATH

    @property
    def kind(self) -> str:
        return kind_of(self.source, self.detector, self.title)

    @property
    def quiet(self) -> bool:
        return self.rank <= QUIET

    def add(self, rule: Rule, value: str, shown: str, address: str = "") -> tuple[str, str]:
        signal = Signal(rule, f"{self.exercise}|{value}", shown, address)
        key = (rule.key, signal.value)
        self.named.add(key)
        if rule.quiet or not self.quiet:
            self.signals.setdefault(key, signal)
        return key


_COLUMNS = """SELECT id, incident_id, source, detector_id, title, severity, first_activity, last_activity, exercise,
               provider_incident_id, categories, device_group_ids FROM incidents_alert"""


def load_waiting(cursor: Any, limit: int, habits: Habits, skip: Sequence[int] = ()) -> list[Node]:
    """The alerts that wait longest, locked; those that an ingest holds at the moment come with the next batch."""
    cursor.execute(
        f"{_COLUMNS} WHERE correlated IS NULL AND NOT id = ANY(%s) ORDER BY id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED",
        [list(skip), limit],
    )
    return [_node(row, habits) for row in cursor.fetchall()]


def load_nodes(cursor: Any, alert_ids: Collection[int], habits: Habits) -> list[Node]:
    """These alerts, whatever became of them, in the order of their events. Locks nothing."""
    cursor.execute(f"{_COLUMNS} WHERE id = ANY(%s) ORDER BY first_activity, id", [list(alert_ids)])
    return [_node(row, habits) for row in cursor.fetchall()]


def _node(row: Sequence[Any], habits: Habits) -> Node:
    pk, incident_id, source, detector, title, severity, first, last, exercise, provider, categories, groups = row
    first, last = event_interval(first, last)
    rank = SEVERITY_RANK[severity]
    kind = (exercise, source, detector, title, rank)
    return Node(
        pk, incident_id, source, detector, title, rank, first, last, exercise, provider, tuple(categories),
        stage_of(categories), frozenset(groups), habits.reaches(*kind), habits.is_ordinary(*kind),
    )  # fmt: skip


def kind_of(source: str, detector: str, title: str) -> str:
    """Which detection it was, for what people exclude: the source's name of it, else the title, numbers aside."""
    return f"{source}|{detector or plain_title(title)}"


def event_interval(first: datetime, last: datetime) -> tuple[datetime, datetime]:
    return max(first, last - LONGEST_EVENT), last


def give_signals(nodes: Sequence[Node], *, marked_hubs: bool = True) -> Entities:
    """Load the evidence of the alerts and turn it into signals. `marked_hubs` says whether what was found to be a hub
    before is passed over."""
    by_id = {node.id: node for node in nodes}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT alert_id, type, key, display, verdict, roles, members, device_id, file_id, identity_id, mailbox_id "
            "FROM incidents_evidence WHERE alert_id = ANY(%s) ORDER BY id",
            [list(by_id)],
        )
        rows = [Named(*row) for row in cursor.fetchall()]
        entities = load_entities(cursor, rows, marked_hubs=marked_hubs)
    by_alert: dict[int, list[Named]] = defaultdict(list)
    for row in rows:
        by_alert[row.alert_id].append(row)
    for node in nodes:
        if node.provider_incident:
            node.add(PROVIDER, f"{node.source}|{node.provider_incident}", node.provider_incident)
        for row in by_alert[node.id]:
            _signals_of(node, row, entities)
        _repetition(node, by_alert[node.id], entities)
    return entities


def _signals_of(node: Node, row: Named, entities: Entities) -> None:
    if row.device_id is not None:
        name, hub = entities.devices[row.device_id]
        if not hub:
            node.add(DEVICE, f"device:{row.device_id}", name)
    if row.file_id in entities.telling_files and row.verdict != "noThreatsFound":
        name, hub = entities.telling_files[row.file_id]
        if not hub:
            node.add(PROGRAM, f"file:{row.file_id}", name)
            if _proves(row):
                node.add(FILE, f"file:{row.file_id}", name)
    if row.identity_id in entities.identities:
        name, hub = entities.identities[row.identity_id]
        if not hub:
            node.add(ACCOUNT, entities.person_of_identity[row.identity_id], name)
    for member in row.members[:MOST_MEMBERS]:
        _member_signal(node, row, member, entities)
    # Getting a suspicious mail says little about a person, unless the mail is worth more than a notice.
    if row.mailbox_id is not None and (row.type not in MESSAGE_TYPES or node.rank >= SEVERITY_RANK[Severity.MEDIUM]):
        node.add(ACCOUNT, entities.person_of_mailbox[row.mailbox_id], entities.mailbox_names[row.mailbox_id])
    if row.key.startswith("ip:"):
        _address_signal(node, row, entities)
    elif (rule := rule_of_key(row.key)) is not None:
        entities.keys.add(row.key)
        node.add(rule, scoped_key(row.key, node.source), row.display)


def _member_signal(node: Node, row: Named, member: str, entities: Entities) -> None:
    value = member_value(member, row.device_id)
    if value is not None:
        entities.members.add(member)
        rule = rule_of_member(member)
        if rule is MESSAGE:
            entities.keys.add(member)
        node.add(rule, value, row.display)


def rule_of_member(member: str) -> Rule:
    return ANCESTRY if member.startswith(lineage.PREFIX) else MESSAGE


def member_value(member: str, device_id: int | None) -> str | None:
    """What a key that evidence stands for beside its own is compared by: a run only on its device."""
    if not member.startswith(lineage.PREFIX):
        return member
    return None if device_id is None else f"device:{device_id}|{member}"


def _address_signal(node: Node, row: Named, entities: Entities) -> None:
    """An address of our own networks is the machine that has it, else only itself within its source. As the target
    it says nothing: servers are the target of everybody."""
    if rule_of_key(row.key) is None or is_internal_target(row.key, row.roles):
        return
    entities.keys.add(row.key)
    key = (ADDRESS.key, f"{node.exercise}|{scoped_key(row.key, node.source)}")
    machine = entities.machine_at(row.key[3:], node.exercise)
    if machine is None:
        node.add(ADDRESS, scoped_key(row.key, node.source), row.display)
        return
    node.named.add(key)
    entities.devices.setdefault(machine.id, (machine.name, machine.hub))
    if not machine.hub:
        shown = f"{machine.name} ({row.display})"
        node.stands_for[key] = node.add(DEVICE, f"device:{machine.id}", shown, row.display)


def _proves(row: Named) -> bool:
    """A file that is named as such, or the image of a process that the source calls malicious."""
    return row.verdict != "noThreatsFound" and (row.type in FILE_TYPES or row.verdict == "malicious")


_RULE_OF_PREFIX = {"message": MESSAGE, "url": URL, "domain": DOMAIN, "command": COMMAND, "connection": CONNECTION,
                   "mailCluster": CLUSTER}  # fmt: skip


def rule_of_key(key: str) -> Rule | None:
    """The rule that compares evidence of this key, or None."""
    prefix = key.partition(":")[0]
    if prefix == "ip":
        return ADDRESS if is_comparable(key[3:]) else None
    simple = _RULE_OF_PREFIX.get(prefix)
    return simple or (ARTEFACT if key.startswith(ARTEFACT_PREFIXES) else None)


def _repetition(node: Node, rows: Sequence[Named], entities: Entities) -> None:
    """The same detection on the same device; else for the same account; else from the same address."""
    devices = sorted({row.device_id for row in rows if row.device_id is not None})
    named = {row.identity_id for row in rows if row.identity_id is not None}
    accounts = sorted(pk for pk in named if pk in entities.identities and not entities.identities[pk][1])
    keys = [f"device:{pk}" for pk in devices] or [entities.person_of_identity[pk] for pk in accounts]
    for rule in (DEVICE, ADDRESS):
        keys = keys or sorted(value.partition("|")[2] for key, value in node.named if key == rule.key)
    for key in keys[:50]:
        node.add(REPEATED, repeated_value(node.source, node.detector, node.title, key), node.title)


def repeated_value(source: str, detector: str, title: str, key: str) -> str:
    return f"{source}|{detector}|{title}|{key}"
