"""Putting together incidents that turn out to be one: their alerts and reasons move, and old addresses lead on."""

from collections.abc import Collection, Sequence

from django.db import connection

from core import audit, clock
from core.actors import Actor, ActorKind
from incidents.correlation.grouping import Size
from incidents.enums import Classification, IncidentStatus, ValueSource
from incidents.lifecycle import INCIDENT_STATUS
from incidents.models import Alert, Comment, CorrelationLink, Incident
from incidents.services.announce import publish_change

REDIRECTED_TAG = "Redirected"


def load_sizes(incident_ids: Collection[int], in_question: Collection[int]) -> dict[int, Size]:
    """What the incidents hold. Whether people work on one is asked only for those whose merging is in question."""
    rows = Incident.objects.filter(pk__in=incident_ids).only(
        "pk", "alert_counts", "first_activity", "last_activity", "status", "assigned_to_id", "classification",
        "name_source", "severity_source", "custom_tags", "restricted",
    )  # fmt: skip
    touched = _touched_by_people(in_question)
    return {
        row.pk: Size(
            int(row.alert_counts.get("total", 1)), row.first_activity, row.last_activity,
            row.pk in touched or _is_decided(row),
        )
        for row in rows
    }  # fmt: skip


def _is_decided(row: Incident) -> bool:
    return (
        row.status != IncidentStatus.ACTIVE
        or row.assigned_to_id is not None
        or row.classification != Classification.UNKNOWN
        or ValueSource.MANUAL in (row.name_source, row.severity_source)
        or bool(row.custom_tags)
        or row.restricted
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


def merge_incidents(target: Incident, *, sources: Sequence[Incident], actor: Actor, reason: str) -> None:
    """Move everything of `sources` into `target`; they remain as signposts. All rows are locked by the caller, who
    rolls up the target afterwards."""
    ids = [row.pk for row in sources]
    Alert.objects.filter(incident__in=ids).update(incident=target)
    CorrelationLink.objects.filter(incident__in=ids).update(incident=target)
    Comment.objects.filter(incident__in=ids).update(incident=target)
    Incident.objects.filter(redirect_incident__in=ids).update(redirect_incident=target)
    now = clock.now()
    for row in sources:
        tags = [*(tag for tag in row.system_tags if tag != REDIRECTED_TAG), REDIRECTED_TAG]
        INCIDENT_STATUS.move(
            row, IncidentStatus.REDIRECTED, actor=actor, thread=row.thread,
            reason=f"Merged into {target.number}: {reason}", data={"into": target.pk},
            redirect_incident=target, updated=now, system_tags=tags,
        )  # fmt: skip
        audit.record("incident.merged", subject=target.thread, thread=target.thread, actor=actor, reason=reason,
                     data={"from": row.pk, "display_name": row.display_name})  # fmt: skip
        publish_change(row, ["status", "redirect_incident"])
