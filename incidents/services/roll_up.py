"""What an incident says about its alerts, computed anew: counts, severity, name, score, assets, scope, times."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from core import audit, clock
from core.actors import Actor
from core.transactions import joined
from incidents.enums import SEVERITY_RANK, AlertStatus, Severity, ValueSource
from incidents.ingest.copying import update_rows
from incidents.models import Incident
from incidents.services.incident_facts import IncidentFacts, load_facts
from incidents.services.naming import OWN_TAGS, name_incident, neutral_name, summarise, system_tags
from incidents.services.priority import weigh
from incidents.services.risk import settle_risk
from incidents.services.service_levels import COLUMN_TYPES, follow_roll_up
from incidents.services.tell_of import tell_risen

MAX_NAMES = 8
MAX_LISTED = 60
_READ = ("id", "display_name", "neutral_name", "name_source", "severity", "severity_source", "system_tags",
         "first_activity", "last_activity", "created", "status", "assigned_to_id", "acknowledged", "rose_to_high",
         "contained_at", "resolved", "classification", "sla", "sla_pauses", "sla_started", "sla_state", "sla_due",
         "sla_next")  # fmt: skip
# Column -> its type in the set that is written back.
_WRITTEN = {
    "display_name": "text", "neutral_name": "text", "summary": "text", "severity": "text", "severity_rank": "int",
    "priority_score": "int", "priority_factors": "jsonb", "alert_counts": "jsonb", "impacted_assets": "jsonb",
    "categories": "text[]", "mitre_techniques": "text[]", "service_sources": "text[]", "detection_sources": "text[]",
    "sources": "text[]", "system_tags": "text[]", "device_group_ids": "bigint[]", "open_to_all": "boolean",
    "first_activity": "timestamptz", "last_activity": "timestamptz", "rose_to_high": "timestamptz", **COLUMN_TYPES,
}  # fmt: skip


def roll_up(incident_ids: Iterable[int], *, locked: Sequence[Incident] = (), actor: Actor) -> dict[int, dict[str, Any]]:
    """Bring what the incidents say up to date, all with the same few queries; answers what was written, by key and
    column. A name or a severity that a person set stays; a change of the automatic ones goes into the history. The
    version does not move: nothing that a person edits was written. `locked` are those that the caller holds already,
    if it holds all."""
    with joined():
        wanted = Incident.objects.filter(pk__in=sorted(set(incident_ids))).order_by("pk").only(*_READ)
        rows = {row.pk: row for row in (locked or wanted.select_for_update())}
        if not rows:
            return {}
        entries, written = [], []
        for pk, facts in load_facts(list(rows)).items():
            values = _values(rows[pk], facts)
            written.append({"id": pk, **values})
            changes = _told(rows[pk], values)
            # Without a name the incident is being made right now, which is told by itself.
            if changes and rows[pk].display_name:
                entries.append(audit.Entry("incident.rolled_up", rows[pk].thread, rows[pk].thread, changes=changes))
        now = clock.now()
        risen = [one["id"] for one in written if _rises(rows[one["id"]], one["severity"])]
        entries += follow_roll_up(rows, written=written, now=now)
        written = [{**one, **{name: getattr(rows[one["id"]], name) for name in COLUMN_TYPES}} for one in written]
        update_rows(Incident._meta.db_table, _WRITTEN, written, updated=now)
        tell_risen(risen, actor=actor)
        settle_risk(
            [one["id"] for one in written if one["alert_counts"]["total"] and not one["alert_counts"]["active"]]
        )
        audit.record_many(entries, actor=actor)
    return {one["id"]: {**one, "updated": now} for one in written}


def _told(row: Incident, values: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What the history tells of it. A name that the portal gave may name people, so the one without assets is told."""
    changes = {"severity": (row.severity, values["severity"])}
    if row.display_name != values["display_name"]:
        changes["display_name"] = (row.neutral_name, values["neutral_name"])
    return {name: (old, new) for name, (old, new) in changes.items() if old not in ("", new)}


def _values(row: Incident, facts: IncidentFacts) -> dict[str, Any]:
    score, factors = weigh(facts)
    automatic_name = row.name_source == ValueSource.AUTO
    severity = facts.severity if row.severity_source == ValueSource.AUTO else row.severity
    group_ids = sorted({group for one in facts.sorts for group in one.group_ids})
    return {
        "display_name": (name_incident(facts) if automatic_name else "") or row.display_name,
        "neutral_name": neutral_name(facts),
        "summary": summarise(facts),
        "severity": severity,
        "severity_rank": SEVERITY_RANK[severity],
        "rose_to_high": _rose(row, severity),
        "priority_score": score if facts.sorts else None,
        "priority_factors": [factor.as_json() for factor in factors] if facts.sorts else [],
        "alert_counts": _counts(facts),
        "impacted_assets": _impacted(facts),
        "categories": facts.categories[:MAX_LISTED],
        "mitre_techniques": facts.techniques[:MAX_LISTED],
        "service_sources": sorted({one.service_source for one in facts.sorts})[:MAX_LISTED],
        "detection_sources": sorted({one.detection_source for one in facts.sorts})[:MAX_LISTED],
        "sources": facts.sources[:MAX_LISTED],
        "system_tags": [*system_tags(facts), *(tag for tag in row.system_tags if tag not in OWN_TAGS)],
        "device_group_ids": group_ids,
        "open_to_all": not facts.sorts or any(not one.group_ids for one in facts.sorts),
        "first_activity": facts.first or row.first_activity,
        "last_activity": facts.last or row.last_activity,
    }


def _rose(row: Incident, severity: str) -> datetime | None:
    """Since when it is High unknown to those who took it up when it was less."""
    if severity != Severity.HIGH or not row.is_open:
        return None
    taken_up = row.assigned_to_id is not None or row.acknowledged is not None
    return clock.now() if taken_up and row.severity != Severity.HIGH else row.rose_to_high


def _rises(row: Incident, severity: str) -> bool:
    """An open incident that was told already is High from now on; one without a name is being made right now."""
    return row.is_open and bool(row.display_name) and severity == Severity.HIGH != row.severity


def _counts(facts: IncidentFacts) -> dict[str, int]:
    counts: dict[str, int] = dict.fromkeys(Severity.values, 0)
    for one in facts.sorts:
        counts[one.severity] += one.count
    active = sum(one.count for one in facts.sorts if one.status != AlertStatus.RESOLVED)
    return {"total": facts.total, "active": active, **counts}


def _impacted(facts: IncidentFacts) -> dict[str, Any]:
    """How many of each kind, and the names of the most important ones; files are evidence, not assets."""
    numbers = {
        plural: len(facts.of_kind(kind))
        for kind, plural in (
            ("device", "devices"),
            ("identity", "identities"),
            ("mailbox", "mailboxes"),
            ("file", "files"),
        )
    }
    assets = [asset for asset in facts.assets if asset.kind != "file"]
    names = [{"kind": asset.kind, "id": asset.id, "name": asset.name} for asset in assets[:MAX_NAMES]]
    return {**numbers, "total": len(assets), "names": names}
