"""What the alerts of incidents say together, read for many incidents with a fixed number of queries."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db import connection

from incidents.enums import SEVERITY_RANK, Category, Criticality, Severity

KILL_CHAIN = {value: position for position, value in enumerate(Category.values)}
CRITICALITY_RANK = {value: position for position, value in enumerate(reversed(Criticality.values))}


@dataclass(frozen=True, slots=True)
class Sort:
    """Alerts that say the same: how many there are, and when."""

    title: str
    severity: str
    status: str
    source: str
    service_source: str
    detection_source: str
    categories: tuple[str, ...]
    techniques: tuple[str, ...]
    group_ids: tuple[int, ...]
    first: datetime
    last: datetime
    count: int

    @property
    def rank(self) -> int:
        return SEVERITY_RANK[self.severity]

    @property
    def tells(self) -> bool:
        """Whether it is more than a notice."""
        return self.rank > SEVERITY_RANK[Severity.INFORMATIONAL]

    @property
    def is_serious(self) -> bool:
        return self.rank >= SEVERITY_RANK[Severity.MEDIUM]


@dataclass(frozen=True, slots=True)
class Asset:
    """An entity that the alerts name. `since` is when a telling alert named it first; None: only notices did."""

    kind: str
    id: int
    name: str
    criticality: str
    high_value: bool
    alerts: int
    since: datetime | None


@dataclass
class IncidentFacts:
    """Filled once by `load_facts`, then read; what is derived is computed once."""

    sorts: list[Sort] = field(default_factory=list)
    assets: list[Asset] = field(default_factory=list)
    # (type, verdict, remediation status) -> how many
    evidence: dict[tuple[str, str, str], int] = field(default_factory=dict)
    # Where it came from, the busiest address first; read only when no asset is named.
    origins: list[str] = field(default_factory=list)

    @cached_property
    def total(self) -> int:
        return sum(one.count for one in self.sorts)

    @cached_property
    def telling(self) -> list[Sort]:
        return [one for one in self.sorts if one.tells]

    @cached_property
    def severity(self) -> str:
        return max((one.severity for one in self.sorts), key=SEVERITY_RANK.__getitem__, default=Severity.UNKNOWN)

    @cached_property
    def categories(self) -> list[str]:
        """In kill-chain order, unknown words last."""
        found = {category for one in self.sorts for category in one.categories}
        return sorted(found, key=lambda value: (KILL_CHAIN.get(value, len(KILL_CHAIN)), value))

    @cached_property
    def stages(self) -> list[str]:
        """The kill-chain stages that telling alerts report; what says only that something is bad is no stage, and
        ransomware is how an attack ends."""
        return list(_stages_of(self.telling))

    @cached_property
    def progress(self) -> list[str]:
        """The most stages that serious alerts went through in the order of the kill chain, by when each stage was seen
        first. One detection that claims several stages is no progress."""
        if len({one.title for one in self.telling if one.is_serious}) < 2:
            return []
        seen = list(_stages_of([one for one in self.telling if one.is_serious]).items())
        best: list[list[str]] = []
        for position, (stage, since) in enumerate(seen):
            before = [best[at] for at in range(position) if seen[at][1] <= since]
            best.append([*max(before, key=len, default=[]), stage])
        return max(best, key=len, default=[])

    @property
    def techniques(self) -> list[str]:
        return sorted({technique for one in self.sorts for technique in one.techniques})

    @property
    def sources(self) -> list[str]:
        return sorted({one.source for one in self.sorts})

    @property
    def first(self) -> datetime | None:
        return min((one.first for one in self.sorts), default=None)

    @property
    def last(self) -> datetime | None:
        return max((one.last for one in self.sorts), default=None)

    def of_kind(self, kind: str) -> list[Asset]:
        return [asset for asset in self.assets if asset.kind == kind]

    def hit(self, kind: str) -> list[Asset]:
        """The assets of that kind that telling alerts name; all of them when there are only notices."""
        named = self.of_kind(kind)
        return [asset for asset in named if asset.since is not None] or named

    def has_evidence(self, type_: str) -> bool:
        return any(key[0] == type_ for key in self.evidence)


_VAGUE = (Category.SUSPICIOUS_ACTIVITY, Category.MALWARE, Category.UNWANTED_SOFTWARE, Category.RANSOMWARE)


def _stages_of(sorts: Sequence[Sort]) -> dict[str, datetime]:
    """Each stage in kill-chain order, with the time it was seen first."""
    since: dict[str, datetime] = {}
    for one in sorts:
        for category in one.categories:
            stage = Category.IMPACT.value if category == Category.RANSOMWARE else category
            if stage not in _VAGUE:
                since[stage] = min(one.first, since.get(stage, one.first))
    return {stage: since[stage] for stage in KILL_CHAIN if stage in since}


def load_facts(incident_ids: Sequence[int]) -> dict[int, IncidentFacts]:
    facts = {pk: IncidentFacts() for pk in incident_ids}
    if facts:
        with connection.cursor() as cursor:
            _load_sorts(cursor, facts)
            _load_assets(cursor, facts)
            _load_evidence(cursor, facts)
            _load_origins(cursor, {pk: one for pk, one in facts.items() if not one.assets})
    return facts


def _load_sorts(cursor: Any, facts: dict[int, IncidentFacts]) -> None:
    cursor.execute(
        """
        SELECT incident_id, title, severity, status, source, service_source, detection_source, categories,
               mitre_techniques, device_group_ids, min(first_activity), max(last_activity), count(*)
        FROM incidents_alert WHERE incident_id = ANY(%s) GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
        """,
        [list(facts)],
    )
    for row in cursor.fetchall():
        texts, lists, counted = row[1:7], row[7:10], row[10:]
        facts[row[0]].sorts.append(Sort(*texts, *(tuple(value) for value in lists), *counted))
    for one in facts.values():
        one.sorts.sort(key=lambda sort: (-sort.rank, sort.first, sort.title, sort.source))


_ASSET_TABLES = {
    "device": ("incidents_device", "criticality, value = 'high'"),
    "identity": ("incidents_identity", "criticality, false"),
    "mailbox": ("incidents_mailbox", "criticality, false"),
    "file": ("incidents_file", "'none', false"),
}


def _load_assets(cursor: Any, facts: dict[int, IncidentFacts]) -> None:
    cursor.execute(
        """
        SELECT a.incident_id, v.kind, v.pk, count(DISTINCT a.id),
               min(a.first_activity) FILTER (WHERE a.severity IN ('low', 'medium', 'high'))
        FROM incidents_alert a JOIN incidents_evidence e ON e.alert_id = a.id
        CROSS JOIN LATERAL (VALUES ('device', e.device_id), ('identity', e.identity_id),
                                   ('mailbox', e.mailbox_id), ('file', e.file_id)) AS v(kind, pk)
        WHERE a.incident_id = ANY(%s) AND v.pk IS NOT NULL GROUP BY 1, 2, 3
        """,
        [list(facts)],
    )
    found = cursor.fetchall()
    ids: dict[str, set[int]] = defaultdict(set)
    for _, kind, pk, _, _ in found:
        ids[kind].add(pk)
    known: dict[tuple[str, int], tuple[str, str, bool]] = {}
    for kind, pks in ids.items():
        table, columns = _ASSET_TABLES[kind]
        cursor.execute(f"SELECT id, display_name, {columns} FROM {table} WHERE id = ANY(%s)", [sorted(pks)])
        known.update({(kind, row[0]): row[1:] for row in cursor.fetchall()})
    for incident_id, kind, pk, alerts, since in found:
        facts[incident_id].assets.append(Asset(kind, pk, *known[kind, pk], alerts, since))
    for one in facts.values():
        one.assets.sort(key=_importance)


def _importance(asset: Asset) -> tuple[Any, ...]:
    kinds = ("device", "identity", "mailbox", "file")
    return (kinds.index(asset.kind), -CRITICALITY_RANK[asset.criticality], asset.since is None, -asset.alerts, asset.id)


def _load_evidence(cursor: Any, facts: dict[int, IncidentFacts]) -> None:
    cursor.execute(
        """
        SELECT a.incident_id, e.type, e.verdict, e.remediation_status, count(*)
        FROM incidents_alert a JOIN incidents_evidence e ON e.alert_id = a.id
        WHERE a.incident_id = ANY(%s) GROUP BY 1, 2, 3, 4
        """,
        [list(facts)],
    )
    for incident_id, type_, verdict, status, count in cursor.fetchall():
        facts[incident_id].evidence[type_, verdict, status] = count


def _load_origins(cursor: Any, facts: dict[int, IncidentFacts]) -> None:
    if not facts:
        return
    cursor.execute(
        """
        SELECT a.incident_id, e.display FROM incidents_alert a JOIN incidents_evidence e ON e.alert_id = a.id
        WHERE a.incident_id = ANY(%s) AND e.type = 'ip' AND NOT 'destination' = ANY(e.roles)
        GROUP BY 1, 2 ORDER BY 1, count(*) DESC, 2
        """,
        [list(facts)],
    )
    for incident_id, address in cursor.fetchall():
        facts[incident_id].origins.append(address)
