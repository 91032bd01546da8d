"""Putting together incidents that turn out to be one: their alerts and reasons move, and old addresses lead on."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db import connection

from core import audit, clock, outbox
from core.actors import Actor, ActorKind
from incidents.correlation.grouping import Size
from incidents.enums import SEVERITY_RANK, Classification, IncidentStatus, ValueSource
from incidents.lifecycle import INCIDENT_STATUS
from incidents.models import Alert, Comment, CorrelationLink, Incident
from incidents.services.announce import CHANGED
from incidents.services.legal_hold import follow_merge
from incidents.services.service_levels import take_over_start

REDIRECTED_TAG = "Redirected"


def load_sizes(incident_ids: Collection[int], in_question: Collection[int]) -> dict[int, Size]:
    """What the incidents hold. Whether people work on one is asked only for those whose merging is in question."""
    rows = Incident.objects.filter(pk__in=incident_ids).only(
        "pk", "alert_counts", "first_activity", "last_activity", "status", "assigned_to_id", "classification",
        "name_source", "severity_source", "custom_tags", "restricted", "continues_id", "on_hold",
    )  # fmt: skip
    touched = _touched_by_people(in_question)
    return {
        row.pk: Size(
            int(row.alert_counts.get("total", 1)), row.first_activity, row.last_activity, _rank(row.alert_counts),
            row.pk in touched or _is_decided(row),
        )
        for row in rows
    }  # fmt: skip


def _rank(counts: Mapping[str, int]) -> int:
    """Of the gravest alert, whatever severity a person gave the incident."""
    return max((rank for severity, rank in SEVERITY_RANK.items() if counts.get(severity)), default=0)


def _is_decided(row: Incident) -> bool:
    """What continues a resolved incident is not drawn into another, or the old one would lead astray."""
    return (
        row.status != IncidentStatus.ACTIVE
        or row.assigned_to_id is not None
        or row.classification != Classification.UNKNOWN
        or ValueSource.MANUAL in (row.name_source, row.severity_source)
        or bool(row.custom_tags)
        or row.continues_id is not None
        or row.restricted
        or row.on_hold
    )


def _touched_by_people(incident_ids: Collection[int]) -> set[int]:
    """Those in whose history a person or a token did anything: commented, asked for an action, moved an alert."""
    if not incident_ids:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT thread FROM core_audit_event WHERE thread = ANY(%s) AND actor_kind <> %s",
            [[f"incident:{pk}" for pk in incident_ids], ActorKind.SYSTEM.value],
        )
        return {int(thread.partition(":")[2]) for (thread,) in cursor.fetchall()}


def merge_incidents(merges: Sequence[tuple[Incident, Sequence[Incident]]], *, actor: Actor, reason: str) -> None:
    """Move everything of the sources into their target; they remain as signposts. All rows are locked by the caller,
    who rolls up the targets afterwards. However many merges: the same few statements."""
    pairs = [(source, target) for target, sources in merges for source in sources]
    if not pairs:
        return
    moved = [[source.pk for source, _ in pairs], [target.pk for _, target in pairs]]
    with connection.cursor() as cursor:
        for model in (Alert, CorrelationLink, Comment):
            _redirect(cursor, model._meta.db_table, "incident_id", moved)
        _redirect(cursor, Incident._meta.db_table, "redirect_incident_id", moved)
        _redirect(cursor, Incident._meta.db_table, "continues_id", moved)
        _hand_on(cursor, moved)
    sources = [source for source, _ in pairs]
    follow_merge(pairs)
    take_over_start(pairs, actor=actor)
    INCIDENT_STATUS.move_many(sources, IncidentStatus.REDIRECTED, actor=actor, reason=f"Merged: {reason}",
                              updated=clock.now(), system_tags=[REDIRECTED_TAG])  # fmt: skip
    with connection.cursor() as cursor:
        _redirect(cursor, Incident._meta.db_table, "redirect_incident_id", moved, by="id")
    audit.record_many(
        [entry for source, target in pairs for entry in _entries(source, target, reason)], actor=actor
    )  # fmt: skip
    for source in sources:
        outbox.publish(CHANGED, incident_id=source.pk, fields=["status", "redirect_incident"])


def _hand_on(cursor: Any, moved: list[list[int]]) -> None:
    """What a source continued its target continues now, unless it continues something itself; nothing goes on from
    itself."""
    table = Incident._meta.db_table
    cursor.execute(
        f"UPDATE {table} t SET continues_id = s.continues_id "
        f"FROM unnest(%s::bigint[], %s::bigint[]) AS v(source, target) JOIN {table} s ON s.id = v.source "
        "WHERE t.id = v.target AND t.continues_id IS NULL AND s.continues_id IS NOT NULL",
        moved,
    )
    cursor.execute(f"UPDATE {table} SET continues_id = NULL WHERE id = ANY(%s) AND continues_id = id", [moved[1]])


def _redirect(cursor: Any, table: str, column: str, moved: list[list[int]], *, by: str = "") -> None:
    """Set `column` from source to target in the rows whose `by` (the column itself, if not said) is a source."""
    cursor.execute(
        f"UPDATE {table} t SET {column} = v.target FROM unnest(%s::bigint[], %s::bigint[]) AS v(source, target) "
        f"WHERE t.{by or column} = v.source",
        moved,
    )


def _entries(source: Incident, target: Incident, reason: str) -> list[audit.Entry]:
    return [
        audit.Entry("incident.merged", target.thread, target.thread, reason=reason,
                    data={"from": source.pk, "display_name": _called(source)}),
        audit.Entry("incident.merged_away", source.thread, source.thread, reason=reason, data={"into": target.pk}),
    ]  # fmt: skip


def _called(source: Incident) -> str:
    """As the history calls it: the name that a person gave it, else the one that names no asset."""
    return source.display_name if source.name_source == ValueSource.MANUAL else source.neutral_name
