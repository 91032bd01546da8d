"""Alerts into the database: idempotent by (source, provider alert id), with COPY from about 50 alerts up.

Runs in the caller's transaction. A changed alert updates; what a person decided stays. Rows are always written in the
order of their ids, so that two batches never wait for each other in a circle.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson
from django.db import connection

from core import audit
from core.actors import Actor
from incidents.enums import AlertStatus
from incidents.ingest.copying import array_literal, copy_rows, insert_rows, integers_literal
from incidents.ingest.draft import ReadyAlert
from incidents.ingest.evidence_rows import EvidenceRow, add_evidence, replace_evidence
from incidents.ingest.linking import link_entities
from incidents.lifecycle import ALERT_STATUS
from incidents.models import Alert

# Measured: below, a plain upsert is up to ten times quicker (and COPY leaves dead catalogue rows); above, COPY is.
COPY_FROM = 50
STAGING = "ingest_alert"
COLUMNS = (
    "source", "provider_alert_id", "format", "content_digest", "title", "description", "recommended_actions",
    "severity", "status", "classification", "determination", "detector_id", "categories", "mitre_techniques",
    "service_source", "detection_source", "product_name", "provider_incident_id", "actor_display_name",
    "threat_display_name", "additional_data", "marks", "source_state", "first_activity", "last_activity", "created",
    "updated", "resolved", "device_group_ids", "custom_tags", "version", "exercise",
)  # fmt: skip
# What an update from the source may write outright.
_REPLACED = (
    "content_digest", "title", "description", "recommended_actions", "severity", "detector_id", "categories",
    "mitre_techniques", "service_source", "detection_source", "product_name", "provider_incident_id",
    "actor_display_name", "threat_display_name", "additional_data", "marks", "source_state", "first_activity",
    "last_activity", "updated", "device_group_ids",
)  # fmt: skip
# What it may write as long as ours is still what the source said before. The status moves by its lifecycle instead.
_YIELDING = ("classification", "determination")
_UPSERT = (
    "ON CONFLICT (source, provider_alert_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _REPLACED)
    + "".join(
        f", {name} = CASE WHEN incidents_alert.{name} = incidents_alert.source_state ->> '{name}' "
        f"THEN excluded.{name} ELSE incidents_alert.{name} END"
        for name in _YIELDING
    )
    + ", version = incidents_alert.version + 1, correlated = NULL"
    " WHERE incidents_alert.content_digest <> excluded.content_digest"
    " RETURNING provider_alert_id, id, version = 1"
)


class Outcome(StrEnum):
    ACCEPTED = "accepted"
    UPDATED = "updated"
    DUPLICATE = "duplicate"


_OUTCOME = {True: Outcome.ACCEPTED, False: Outcome.UPDATED}


@dataclass(frozen=True, slots=True)
class Stored:
    id: int
    outcome: Outcome
    incident_id: int | None


@dataclass(frozen=True, slots=True)
class _Known:
    id: int
    digest: bytes
    incident_id: int | None
    severity: str
    title: str
    source_status: str


def store_alerts(
    alerts: Sequence[ReadyAlert], *, actor: Actor, exercise: str, at: datetime, copy_from: int = COPY_FROM
) -> dict[str, Stored]:
    """Store the alerts of one source, each id once; what became of each by provider alert id."""
    if not alerts:
        return {}
    source = alerts[0].source
    known = _known(source, [alert.provider_alert_id for alert in alerts])
    fresh = sorted(
        (alert for alert in alerts if (before := known.get(alert.provider_alert_id)) is None
         or before.digest != alert.digest),
        key=lambda alert: alert.provider_alert_id,
    )  # fmt: skip
    stored = {name: Stored(row.id, Outcome.DUPLICATE, row.incident_id) for name, row in known.items()}
    if fresh:
        linked = link_entities(fresh, exercise=exercise)
        by_copy = len(fresh) >= copy_from
        written = _upsert(fresh, linked.group_ids, exercise=exercise, at=at, by_copy=by_copy)
        _write_evidence(fresh, linked.rows, written, by_copy=by_copy)
        changed = [alert for alert in fresh if alert.provider_alert_id in known]
        _follow_source(changed, known, actor=actor, at=at)
        stored |= _outcomes(source, fresh, written, known)
    return stored


def _known(source: str, ids: list[str]) -> dict[str, _Known]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT provider_alert_id, id, content_digest, incident_id, severity, title, "
            "coalesce(source_state ->> 'status', '') FROM incidents_alert "
            "WHERE source = %s AND provider_alert_id = ANY(%s)",
            [source, ids],
        )
        return {row[0]: _Known(row[1], bytes(row[2]), *row[3:]) for row in cursor.fetchall()}


def _row(alert: ReadyAlert, groups: Sequence[int], exercise: str, at: datetime) -> tuple[Any, ...]:
    values = alert.columns
    return (
        alert.source, alert.provider_alert_id, alert.format, alert.digest, values["title"], values["description"],
        values["recommended_actions"], values["severity"], values["status"], values["classification"],
        values["determination"], values["detector_id"], array_literal(values["categories"]),
        array_literal(values["mitre_techniques"]), values["service_source"], values["detection_source"],
        values["product_name"], values["provider_incident_id"], values["actor_display_name"],
        values["threat_display_name"], values["additional_data"], values["marks"],
        orjson.dumps(alert.source_state).decode(), alert.first_activity, alert.last_activity, at, at,
        at if values["status"] == AlertStatus.RESOLVED else None, integers_literal(groups), "{}", 1, exercise,
    )  # fmt: skip


def _upsert(
    alerts: Sequence[ReadyAlert], groups: Sequence[Sequence[int]], *, exercise: str, at: datetime, by_copy: bool
) -> dict[str, tuple[int, bool]]:
    """provider alert id -> (id, new); an alert that another batch stored alike in the meantime is missing."""
    rows = [_row(alert, ids, exercise, at) for alert, ids in zip(alerts, groups, strict=True)]
    if not by_copy:
        return {name: (pk, new) for name, pk, new in insert_rows("incidents_alert", COLUMNS, rows, _UPSERT)}
    names = ", ".join(COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NULL", [f"pg_temp.{STAGING}"])
        if cursor.fetchone()[0]:
            cursor.execute(
                f"CREATE TEMPORARY TABLE {STAGING} ON COMMIT DELETE ROWS AS "
                f"SELECT {names} FROM incidents_alert WITH NO DATA"
            )
        else:
            # Emptied at commit; one transaction may also store twice.
            cursor.execute(f"DELETE FROM {STAGING}")
        copy_rows(STAGING, COLUMNS, rows)
        cursor.execute(
            f"INSERT INTO incidents_alert ({names}) SELECT {names} FROM {STAGING} ORDER BY provider_alert_id {_UPSERT}"
        )
        return {name: (pk, new) for name, pk, new in cursor.fetchall()}


def _write_evidence(
    alerts: Sequence[ReadyAlert],
    rows: Sequence[Sequence[EvidenceRow]],
    written: dict[str, tuple[int, bool]],
    *,
    by_copy: bool,
) -> None:
    added: list[tuple[int, EvidenceRow]] = []
    replaced: dict[int, Sequence[EvidenceRow]] = {}
    for alert, evidence in zip(alerts, rows, strict=True):
        pk, new = written.get(alert.provider_alert_id, (None, False))
        if pk is None:
            continue
        if new:
            added += [(pk, row) for row in evidence]
        else:
            replaced[pk] = evidence
    add_evidence(added, by_copy=by_copy)
    if replaced:
        replace_evidence(replaced)


def _follow_source(alerts: Sequence[ReadyAlert], known: dict[str, _Known], *, actor: Actor, at: datetime) -> None:
    """The status follows the source where nobody decided otherwise; changes go into the incident's history."""
    entries = []
    rows = (
        {
            row.pk: row
            for row in Alert.objects.filter(pk__in=[known[alert.provider_alert_id].id for alert in alerts]).only(
                "id", "status", "incident_id"
            )
        }
        if alerts
        else {}
    )
    for alert in alerts:
        before = known[alert.provider_alert_id]
        row = rows[before.id]
        thread = f"incident:{before.incident_id}" if before.incident_id else ""
        changes = {
            name: (old, alert.columns[name])
            for name, old in (("title", before.title), ("severity", before.severity))
            if old != alert.columns[name]
        }
        if changes:
            entries.append(
                audit.Entry(
                    "alert.changed", f"alert:{before.id}", thread, changes=changes, reason="changed by its source"
                )
            )
        wanted = alert.source_state["status"]
        if row.status == before.source_status != wanted and ALERT_STATUS.allows(row.status, wanted):
            resolved = at if wanted == AlertStatus.RESOLVED else None
            ALERT_STATUS.move(row, wanted, actor=actor, thread=thread, reason="changed by its source",
                              resolved=resolved)  # fmt: skip
    audit.record_many(entries, actor=actor)


def _outcomes(
    source: str, alerts: Sequence[ReadyAlert], written: dict[str, tuple[int, bool]], known: dict[str, _Known]
) -> dict[str, Stored]:
    found = {
        name: Stored(pk, _OUTCOME[new], known[name].incident_id if name in known else None)
        for name, (pk, new) in written.items()
    }
    missing = [alert.provider_alert_id for alert in alerts if alert.provider_alert_id not in written]
    for name, row in (_known(source, missing) if missing else {}).items():
        found[name] = Stored(row.id, Outcome.DUPLICATE, row.incident_id)
    return found
