"""Evidence into its table: added with a new alert, matched and replaced with a changed one."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from django.db import connection

from core import clock
from incidents.enums import RemediationStatus
from incidents.ingest.copying import copy_rows, insert_rows

# More rows than a statement should carry as parameters.
MAX_VALUES_ROWS = 500
# States that our own actions set, or that are further than a source can know: a source does not take them back.
_SOURCE_MAY_CHANGE = (RemediationStatus.NONE, RemediationStatus.ACTIVE, RemediationStatus.RUNNING,
                      RemediationStatus.PENDING_APPROVAL)  # fmt: skip


class EvidenceRow(NamedTuple):
    """One row without its alert; arrays and JSON as text."""

    type: str
    roles: str
    verdict: str
    remediation_status: str
    remediation_status_details: str
    display: str
    key: str
    members: str
    data: str
    device_id: int | None
    file_id: int | None
    identity_id: int | None
    mailbox_id: int | None


COLUMNS = ("alert_id", "created", *EvidenceRow._fields)


def add_evidence(rows: Sequence[tuple[int, EvidenceRow]], *, by_copy: bool) -> None:
    if not rows:
        return
    now = clock.now()
    complete = [(alert_id, now, *row) for alert_id, row in rows]
    if by_copy or len(rows) > MAX_VALUES_ROWS:
        copy_rows("incidents_evidence", COLUMNS, complete)
    else:
        insert_rows("incidents_evidence", COLUMNS, complete)


def replace_evidence(wanted: Mapping[int, Sequence[EvidenceRow]]) -> None:
    """Make the evidence of changed alerts what their source says now. A thing that is still named keeps its row and
    what our actions made of it; what is no longer named goes; what is new is added."""
    stored = _stored(list(wanted))
    added: list[tuple[int, EvidenceRow]] = []
    kept: list[tuple[int, EvidenceRow]] = []
    for alert_id, rows in wanted.items():
        existing = stored[alert_id]
        for row in rows:
            matching = existing.get(_name(row.type, row.key, row.display, row.device_id))
            if matching:
                kept.append((matching.pop(), row))
            else:
                added.append((alert_id, row))
    gone = [pk for existing in stored.values() for pks in existing.values() for pk in pks]
    with connection.cursor() as cursor:
        if gone:
            cursor.execute("DELETE FROM incidents_evidence WHERE id = ANY(%s)", [gone])
        if kept:
            cursor.execute(
                "UPDATE incidents_evidence e SET roles = v.roles::text[], verdict = v.verdict, data = v.data::jsonb, "
                "members = v.members::text[], "
                "display = v.display, remediation_status = CASE WHEN e.remediation_status = ANY(%s) THEN v.status "
                "ELSE e.remediation_status END FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], "
                "%s::text[], %s::text[], %s::text[]) AS v(id, roles, verdict, data, display, status, members) "
                "WHERE e.id = v.id",
                [
                    [state.value for state in _SOURCE_MAY_CHANGE],
                    [pk for pk, _ in kept], [row.roles for _, row in kept], [row.verdict for _, row in kept],
                    [row.data for _, row in kept], [row.display for _, row in kept],
                    [row.remediation_status for _, row in kept], [row.members for _, row in kept],
                ],
            )  # fmt: skip
    add_evidence(added, by_copy=False)


def _name(type_: str, key: str, display: str, device_id: int | None) -> tuple[str, str, int | None]:
    return type_, key or display, device_id


def _stored(alert_ids: list[int]) -> dict[int, dict[tuple[str, str, int | None], list[int]]]:
    found: dict[int, dict[tuple[str, str, int | None], list[int]]] = {pk: defaultdict(list) for pk in alert_ids}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, alert_id, type, key, display, device_id FROM incidents_evidence WHERE alert_id = ANY(%s)",
            [alert_ids],
        )
        for pk, alert_id, type_, key, display, device_id in cursor.fetchall():
            found[alert_id][_name(type_, key, display, device_id)].append(pk)
    return found
