"""The alerts of a batch with what they have in common with others, read with a fixed number of queries."""

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db import connection

from incidents.correlation.rules import (
    ACCOUNT,
    ADDRESS,
    ARTEFACT,
    ARTEFACT_PREFIXES,
    COMMAND,
    DEVICE,
    DOMAIN,
    FILE,
    MESSAGE,
    PROVIDER,
    REPEATED,
    URL,
    Rule,
)
from incidents.enums import SEVERITY_RANK, Severity
from incidents.services.facts import BUILT_IN_ACCOUNTS, BUILT_IN_SIDS

QUIET = SEVERITY_RANK[Severity.INFORMATIONAL]
# A source may claim any interval; a longer one would touch everything.
LONGEST_EVENT = timedelta(days=2)
MESSAGE_TYPES = frozenset({"analyzedMessage", "submissionMail"})
FILE_TYPES = frozenset({"file", "fileHash"})
# Programs that are part of the system or on every desk: naming one says nothing about who started it.
ORDINARY_PROGRAMS = frozenset({
    "powershell.exe", "pwsh.exe", "cmd.exe", "explorer.exe", "svchost.exe", "rundll32.exe", "regsvr32.exe",
    "wscript.exe", "cscript.exe", "mshta.exe", "services.exe", "lsass.exe", "winlogon.exe", "conhost.exe",
    "schtasks.exe", "net.exe", "net1.exe", "sc.exe", "reg.exe", "wmic.exe", "wmiprvse.exe", "bitsadmin.exe",
    "certutil.exe", "msiexec.exe",
    "taskhostw.exe", "dllhost.exe", "psexec.exe", "psexesvc.exe", "vssadmin.exe", "wbadmin.exe", "bcdedit.exe",
    "whoami.exe", "ipconfig.exe", "systeminfo.exe", "tasklist.exe", "nltest.exe", "ping.exe", "notepad.exe",
    "chrome.exe", "msedge.exe", "firefox.exe", "outlook.exe", "winword.exe", "excel.exe", "teams.exe", "onedrive.exe",
    "bash", "sh", "dash", "zsh", "python", "python3", "perl", "curl", "wget", "ssh", "sshd", "sudo", "systemd", "cron",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Signal:
    """A thing that links: equal signals of one rule are the same thing. `shown` is what people read."""

    rule: Rule
    value: str
    shown: str


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
    signals: dict[tuple[str, str], Signal] = field(default_factory=dict)
    # Everything that the alert names, also what does not link because the alert is only a notice.
    named: set[tuple[str, str]] = field(default_factory=set)

    @property
    def quiet(self) -> bool:
        return self.rank <= QUIET

    def add(self, rule: Rule, value: str, shown: str) -> None:
        signal = Signal(rule, f"{self.exercise}|{value}", shown)
        self.named.add((rule.key, signal.value))
        if rule.quiet or not self.quiet:
            self.signals.setdefault((rule.key, signal.value), signal)


@dataclass(slots=True)
class Entities:
    """What is known of the entities that the batch names."""

    devices: dict[int, tuple[str, bool]] = field(default_factory=dict)
    identities: dict[int, tuple[str, bool]] = field(default_factory=dict)
    telling_files: dict[int, tuple[str, bool]] = field(default_factory=dict)
    # Identity or mailbox id -> the person behind it, by address; and back.
    person_of_identity: dict[int, str] = field(default_factory=dict)
    person_of_mailbox: dict[int, str] = field(default_factory=dict)
    mailbox_names: dict[int, str] = field(default_factory=dict)
    # Keys of evidence that a rule compares.
    keys: set[str] = field(default_factory=set)


def load_waiting(cursor: Any, limit: int, skip: Sequence[int] = ()) -> list[Node]:
    """The alerts that wait longest, locked; those that an ingest holds at the moment come with the next batch."""
    cursor.execute(
        """
        SELECT id, incident_id, source, detector_id, title, severity, first_activity, last_activity, exercise,
               provider_incident_id, categories
        FROM incidents_alert WHERE correlated IS NULL AND NOT id = ANY(%s) ORDER BY id LIMIT %s
        FOR NO KEY UPDATE SKIP LOCKED
        """,
        [list(skip), limit],
    )
    nodes = []
    for row in cursor.fetchall():
        first, last = event_interval(row[6], row[7])
        nodes.append(
            Node(
                row[0],
                row[1],
                row[2],
                row[3],
                row[4],
                SEVERITY_RANK[row[5]],
                first,
                last,
                row[8],
                row[9],
                tuple(row[10]),
            )
        )
    return nodes


def event_interval(first: datetime, last: datetime) -> tuple[datetime, datetime]:
    return max(first, last - LONGEST_EVENT), last


@dataclass(frozen=True, slots=True)
class Named:
    """One evidence row, as far as correlation needs it."""

    alert_id: int
    type: str
    key: str
    display: str
    verdict: str
    device_id: int | None
    file_id: int | None
    identity_id: int | None
    mailbox_id: int | None


def give_signals(nodes: Sequence[Node]) -> Entities:
    """Load the evidence of the alerts and turn it into signals."""
    by_id = {node.id: node for node in nodes}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT alert_id, type, key, display, verdict, device_id, file_id, identity_id, mailbox_id "
            "FROM incidents_evidence WHERE alert_id = ANY(%s) ORDER BY id",
            [list(by_id)],
        )
        rows = [Named(*row) for row in cursor.fetchall()]
        entities = _load_entities(cursor, rows)
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
    if row.file_id in entities.telling_files and _proves(row):
        name, hub = entities.telling_files[row.file_id]
        if not hub:
            node.add(FILE, f"file:{row.file_id}", name)
    if row.identity_id in entities.identities:
        name, hub = entities.identities[row.identity_id]
        if not hub:
            node.add(ACCOUNT, entities.person_of_identity[row.identity_id], name)
    # Getting a suspicious mail says little about a person, unless the mail is worth more than a notice.
    if row.mailbox_id is not None and (row.type not in MESSAGE_TYPES or node.rank >= SEVERITY_RANK[Severity.MEDIUM]):
        node.add(ACCOUNT, entities.person_of_mailbox[row.mailbox_id], entities.mailbox_names[row.mailbox_id])
    rule = rule_of_key(row.key)
    if rule is not None:
        entities.keys.add(row.key)
        node.add(rule, scoped_key(row.key, node.source), row.display)


def _proves(row: Named) -> bool:
    """A file that is named as such, or the image of a process that the source calls malicious."""
    return row.verdict != "noThreatsFound" and (row.type in FILE_TYPES or row.verdict == "malicious")


def rule_of_key(key: str) -> Rule | None:
    """The rule that compares evidence of this key, or None."""
    prefix = key.partition(":")[0]
    if prefix == "ip":
        return ADDRESS if _is_comparable(key[3:]) else None
    simple = {"message": MESSAGE, "url": URL, "domain": DOMAIN, "command": COMMAND}.get(prefix)
    return simple or (ARTEFACT if key.startswith(ARTEFACT_PREFIXES) else None)


@lru_cache(maxsize=8192)
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _is_comparable(text: str) -> bool:
    address = _address(text)
    return address is not None and not (
        address.is_loopback or address.is_unspecified or address.is_link_local or address.is_multicast
    )


def scoped_key(key: str, source: str) -> str:
    """A private address means another machine in another network, so it counts within its source only."""
    if key.startswith("ip:"):
        address = _address(key[3:])
        if address is not None and address.is_private:
            return f"{source}|{key}"
    return key


def _repetition(node: Node, rows: Iterable[Named], entities: Entities) -> None:
    """The same detection on the same device; else for the same account; else from the same address."""
    devices = sorted({row.device_id for row in rows if row.device_id is not None})
    named = {row.identity_id for row in rows if row.identity_id is not None}
    accounts = sorted(pk for pk in named if pk in entities.identities and not entities.identities[pk][1])
    keys = [f"device:{pk}" for pk in devices] or [entities.person_of_identity[pk] for pk in accounts]
    keys = keys or [scoped_key(row.key, node.source) for row in rows if rule_of_key(row.key) is ADDRESS]
    for key in keys[:50]:
        node.add(REPEATED, repeated_value(node.source, node.detector, node.title, key), node.title)


def repeated_value(source: str, detector: str, title: str, key: str) -> str:
    return f"{source}|{detector}|{title}|{key}"


def _load_entities(cursor: Any, rows: Sequence[Named]) -> Entities:
    found = Entities()
    ids = {
        name: sorted({value for row in rows if (value := getattr(row, name)) is not None})
        for name in ("device_id", "file_id", "identity_id", "mailbox_id")
    }
    if ids["device_id"]:
        cursor.execute("SELECT id, display_name, is_hub FROM incidents_device WHERE id = ANY(%s)", [ids["device_id"]])
        found.devices = {row[0]: row[1:] for row in cursor.fetchall()}
    if ids["file_id"]:
        cursor.execute(
            "SELECT id, display_name, is_hub, publisher, signer FROM incidents_file WHERE id = ANY(%s)",
            [ids["file_id"]],
        )
        found.telling_files = {
            pk: (name, hub)
            for pk, name, hub, publisher, signer in cursor.fetchall()
            if name.lower() not in ORDINARY_PROGRAMS and "microsoft" not in f"{publisher} {signer}".lower()
        }
    if ids["identity_id"]:
        cursor.execute(
            "SELECT id, key, display_name, account_name, sid, is_hub FROM incidents_identity WHERE id = ANY(%s)",
            [ids["identity_id"]],
        )
        for pk, key, name, account, sid, hub in cursor.fetchall():
            found.person_of_identity[pk] = f"person:{key}" if "@" in key else f"identity:{pk}"
            if is_personal(account, sid):
                found.identities[pk] = (name, hub)
    if ids["mailbox_id"]:
        cursor.execute(
            "SELECT id, key, display_name, upn FROM incidents_mailbox WHERE id = ANY(%s)", [ids["mailbox_id"]]
        )
        for pk, key, name, upn in cursor.fetchall():
            found.person_of_mailbox[pk] = f"person:{upn.lower() or key}"
            found.mailbox_names[pk] = name
    return found


def is_personal(account: str, sid: str) -> bool:
    """Not one of the accounts that exist on every machine, nor a machine itself."""
    name = account.lower()
    return name not in BUILT_IN_ACCOUNTS and not name.endswith("$") and sid.lower() not in BUILT_IN_SIDS
