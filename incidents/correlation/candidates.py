"""What open incidents already hold of the things that a batch names, and which of those things are everywhere."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from incidents.correlation.addresses import is_internal, is_internal_target, load_machines, scoped_key
from incidents.correlation.continuing import Point, ends_of
from incidents.correlation.entities import Entities
from incidents.correlation.habits import Habits
from incidents.correlation.nodes import (
    FILE_TYPES,
    MESSAGE_TYPES,
    NOWHERE,
    QUIET,
    Node,
    event_interval,
    kind_of,
    member_value,
    repeated_value,
    rule_of_key,
    rule_of_member,
    stage_of,
)
from incidents.correlation.rules import (
    ACCOUNT,
    ADDRESS,
    ANCESTRY,
    ARTEFACT,
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
    Limits,
    Rule,
)
from incidents.enums import SEVERITY_RANK, Classification, IncidentStatus, Severity
from incidents.queries.incidents import OPEN

# The newest rows of one thing that are looked at: more would only be a hub.
DEPTH = 120
SEARCHED = 3_000
# A machine that roams had many addresses; the newest are searched.
MOST_ADDRESSES = 4
# Rules of keys that look back for hours or a day.
_BRIEF = (ADDRESS, CONNECTION, URL, COMMAND, DOMAIN, ARTEFACT, DEVICE, REPEATED)
_OPEN = frozenset(status.value for status in OPEN)
_BENIGN = (Classification.FALSE_POSITIVE, Classification.INFORMATIONAL)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An alert in an incident that names something that the batch names too. `links` is whether the incident may be
    joined and the alert is more than a notice; `closed` is the same of a resolved incident, which is joined by nothing
    and holds its alerts back from others. The rest only tell how common the thing is. `by_address`: it names a machine
    by its address only; `benign`: people closed the incident as nothing bad; `proven`: it names a file as such."""

    alert_id: int
    incident_id: int
    rank: int
    first: datetime
    last: datetime
    links: bool
    by_address: bool = False
    closed: bool = False
    benign: bool = False
    proven: bool = False
    stage: int = 0
    reaches: tuple[timedelta, timedelta] = NOWHERE
    ordinary: bool = False
    kind: str = ""
    groups: frozenset[int] = frozenset()
    moves: bool = False


@dataclass(slots=True)
class Candidates:
    """By (rule key, value): what holds it already. `goes_on_in` leads from a resolved incident to where its story goes
    on: the open incident that continues it, or the last one that was resolved as well."""

    by_signal: dict[tuple[str, str], list[Candidate]] = field(default_factory=lambda: defaultdict(list))
    goes_on_in: dict[int, Point] = field(default_factory=dict)


_ALERT = ("id", "incident_id", "source", "detector_id", "title", "severity", "first_activity", "last_activity",
          "exercise", "categories", "device_group_ids")  # fmt: skip
_COLUMNS = ", ".join([*(f"a.{name}" for name in _ALERT), "i.status", "i.restricted", "i.classification"])
_JOIN = "JOIN incidents_incident i ON i.id = a.incident_id"


def load_candidates(nodes: Sequence[Node], entities: Entities, limits: Limits, habits: Habits) -> Candidates:
    """One query for each kind of thing that the batch names."""
    found = Candidates()
    wanted = {key for node in nodes for key in node.named}
    loader = _Loader(
        found, wanted, entities, limits, habits, min(node.first for node in nodes), max(node.last for node in nodes)
    )
    loader.by_entity("device_id", list(entities.devices), DEVICE, lambda pk: f"device:{pk}")
    loader.by_entity("file_id", list(entities.telling_files), FILE, lambda pk: f"file:{pk}")
    persons = _persons(entities)
    loader.by_entity("identity_id", list(persons.identities), ACCOUNT, lambda pk: persons.identities[pk])
    loader.by_entity("mailbox_id", list(persons.mailboxes), ACCOUNT, lambda pk: persons.mailboxes[pk])
    of_machines = {f"ip:{address}" for listed in entities.addresses.values() for address in listed[:MOST_ADDRESSES]}
    messages = {key for key in entities.keys if rule_of_key(key) is MESSAGE}
    loader.by_key(sorted(messages), MESSAGE)
    loader.by_key(sorted((entities.keys - messages) | of_machines), *_BRIEF)
    loader.by_member(sorted(entities.members | messages))
    loader.by_provider_incident(nodes)
    closed = {one.incident_id for listed in found.by_signal.values() for one in listed if one.closed}
    found.goes_on_in = ends_of(closed)
    return found


@dataclass(slots=True)
class _Persons:
    identities: dict[int, str]
    mailboxes: dict[int, str]


def _persons(entities: Entities) -> _Persons:
    """The accounts and mailboxes of the batch, and the mailboxes of these accounts and accounts of these mailboxes."""
    persons = _Persons(
        {pk: entities.person_of_identity[pk] for pk in entities.identities}, dict(entities.person_of_mailbox)
    )
    addresses = sorted({
        value.removeprefix("person:") for value in [*persons.identities.values(), *persons.mailboxes.values()]
        if value.startswith("person:")
    })  # fmt: skip
    if addresses:
        with connection.cursor() as cursor:
            for table, known in (("incidents_identity", persons.identities), ("incidents_mailbox", persons.mailboxes)):
                cursor.execute(f"SELECT id, key FROM {table} WHERE key = ANY(%s)", [addresses])
                known.update({pk: f"person:{key}" for pk, key in cursor.fetchall() if pk not in known})
    return persons


def _newest(condition: str) -> str:
    """The newest evidence rows of one thing whose alerts are in an incident and happened in the span of the batch.
    Alerts that still wait are passed over: in a burst they would hide everything else. OFFSET 0 keeps the planner from
    reading all alerts for each thing."""
    return f"""
        SELECT s.type, s.verdict, s.roles, w.*
        FROM (
            SELECT alert_id, type, verdict, roles FROM incidents_evidence WHERE {condition}
            ORDER BY alert_id DESC LIMIT {SEARCHED}
        ) s CROSS JOIN LATERAL (
            SELECT {", ".join(_ALERT)} FROM incidents_alert WHERE id = s.alert_id AND incident_id IS NOT NULL
            AND last_activity >= %s AND first_activity <= %s OFFSET 0
        ) w
        ORDER BY s.alert_id DESC LIMIT {DEPTH}
    """


class _Loader:
    def __init__(
        self,
        found: Candidates,
        wanted: set[tuple[str, str]],
        entities: Entities,
        limits: Limits,
        habits: Habits,
        earliest: datetime,
        latest: datetime,
    ) -> None:
        self._found, self._wanted, self._entities, self._limits = found, wanted, entities, limits
        self._habits = habits
        self._earliest, self._latest = earliest, latest

    def _between(self, *rules: Rule) -> list[datetime]:
        """No longer than the rules look, or what lies further back would fill the depth of the search."""
        window = max(self._limits.windows[rule.key] for rule in rules)
        return [self._earliest - window, self._latest + window]

    def by_entity(self, column: str, ids: list[int], rule: Rule, value: Callable[[int], str]) -> None:
        if not ids:
            return
        # A file or process names its device too; the alert's own row for the device is enough.
        condition = f"{column} = v.pk" + (" AND type = 'device'" if column == "device_id" else "")
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                SELECT v.pk, a.type, a.verdict, {_COLUMNS}
                FROM unnest(%s::bigint[]) v(pk) CROSS JOIN LATERAL ({_newest(condition)}) a {_JOIN}
                """,
                [ids, *self._between(rule, REPEATED)],
            )
            for pk, type_, verdict, *alert in cursor.fetchall():
                for one in (FILE, PROGRAM) if rule is FILE else (rule,):
                    self._keep(one, value(pk), type_, verdict, alert)

    def by_key(self, keys: list[str], *rules: Rule) -> None:
        if not keys:
            return
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                SELECT v.key, a.roles, {_COLUMNS}
                FROM unnest(%s::text[]) v(key) CROSS JOIN LATERAL ({_newest("key = v.key AND key <> ''")}) a {_JOIN}
                """,
                [keys, *self._between(*rules)],
            )
            rows = cursor.fetchall()
            internal = {row[0][3:] for row in rows if row[0].startswith("ip:") and is_internal(row[0][3:])}
            load_machines(cursor, internal, self._entities.machines)
        for key, roles, *alert in rows:
            rule = rule_of_key(key)
            if rule is None or is_internal_target(key, roles):
                continue
            machine = self._entities.machine_at(key[3:], alert[8]) if rule is ADDRESS else None
            if machine is not None:
                self._keep(DEVICE, f"device:{machine.id}", "", "", alert, by_address=True)
            else:
                self._keep(rule, scoped_key(key, alert[2]), "", "", alert)

    def by_member(self, members: list[str]) -> None:
        """What evidence stands for beside its own key: a run of a program, a message of a cluster."""
        if not members:
            return
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                SELECT v.member, e.device_id, {_COLUMNS}
                FROM unnest(%s::text[]) v(member)
                CROSS JOIN LATERAL (
                    SELECT alert_id, device_id FROM incidents_evidence
                    WHERE members @> ARRAY[v.member::varchar] AND members <> '{{}}'
                    ORDER BY alert_id DESC LIMIT {DEPTH}
                ) e
                CROSS JOIN LATERAL (
                    SELECT {", ".join(_ALERT)} FROM incidents_alert WHERE id = e.alert_id AND incident_id IS NOT NULL
                    AND last_activity >= %s AND first_activity <= %s OFFSET 0
                ) a {_JOIN}
                """,
                [members, *self._between(ANCESTRY, MESSAGE)],
            )
            for member, device_id, *alert in cursor.fetchall():
                value = member_value(member, device_id)
                if value is not None:
                    self._keep(rule_of_member(member), value, "", "", alert)

    def by_provider_incident(self, nodes: Sequence[Node]) -> None:
        pairs = sorted({(node.source, node.provider_incident) for node in nodes if node.provider_incident})
        if not pairs:
            return
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                SELECT v.provider, {_COLUMNS}
                FROM unnest(%s::text[], %s::text[]) v(source, provider)
                CROSS JOIN LATERAL (
                    SELECT {", ".join(_ALERT)} FROM incidents_alert WHERE source = v.source
                    AND provider_incident_id = v.provider AND provider_incident_id <> '' AND incident_id IS NOT NULL
                    ORDER BY id DESC LIMIT 20
                ) a {_JOIN} WHERE a.last_activity >= %s AND a.first_activity <= %s
                """,
                [[source for source, _ in pairs], [provider for _, provider in pairs], *self._between(PROVIDER)],
            )
            for provider, *alert in cursor.fetchall():
                self._keep(PROVIDER, f"{alert[2]}|{provider}", "", "", alert)

    def _keep(
        self, rule: Rule, value: str, type_: str, verdict: str, alert: Sequence[Any], *, by_address: bool = False
    ) -> None:
        pk, incident_id, source, detector, title, severity, first, last, exercise, categories, groups, *state = alert
        status, restricted, judged = state
        rank = SEVERITY_RANK[severity]
        first, last = event_interval(first, last)
        joinable = status in _OPEN and not restricted
        closed, benign = status == IncidentStatus.RESOLVED and not restricted, judged in _BENIGN
        kind = (exercise, source, detector, title, rank)
        known = (
            benign,
            _proves(type_, verdict),
            stage_of(categories),
            self._habits.reaches(*kind),
            self._habits.is_ordinary(*kind),
            kind_of(source, detector, title),
            frozenset(groups),
        )
        repeated = (REPEATED.key, f"{exercise}|{repeated_value(source, detector, title, value)}")
        if repeated in self._wanted:
            self._found.by_signal[repeated].append(
                Candidate(pk, incident_id, rank, first, last, joinable, False, closed, *known)
            )
        signal = (rule.key, f"{exercise}|{value}")
        if signal in self._wanted:
            telling = _links(rule, rank, type_, verdict)
            self._found.by_signal[signal].append(
                Candidate(
                    pk, incident_id, rank, first, last, joinable and telling, by_address, closed and telling, *known
                )
            )


def _links(rule: Rule, rank: int, type_: str, verdict: str) -> bool:
    """Whether the stored row would itself be a signal, so that the rule is the same from both sides."""
    if rank <= QUIET and not rule.quiet:
        return False
    if rule is PROGRAM:
        return verdict != "noThreatsFound"
    if rule is FILE:
        return _proves(type_, verdict)
    return not (rule is ACCOUNT and type_ in MESSAGE_TYPES) or rank >= SEVERITY_RANK[Severity.MEDIUM]


def _proves(type_: str, verdict: str) -> bool:
    return verdict != "noThreatsFound" and (type_ in FILE_TYPES or verdict == "malicious")
