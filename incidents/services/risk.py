"""The risk level of devices, accounts and mailboxes: the highest severity among their active alerts."""

from collections.abc import Sequence

from django.db import connection

_LEVELS = "ARRAY['none', 'informational', 'low', 'medium', 'high']"
# The newest alerts of an entity that are looked at when its risk falls.
DEPTH = 300
_KINDS = ("device", "identity", "mailbox")


def raise_risk(alert_ids: Sequence[int]) -> None:
    """Lift the risk of what these alerts name. Rows that somebody else writes are passed over: they are lifted with
    their next alert."""
    with connection.cursor() as cursor:
        for kind in _KINDS:
            cursor.execute(
                f"""
                WITH free AS MATERIALIZED (
                    SELECT d.id, s.level FROM incidents_{kind} d JOIN (
                        SELECT e.{kind}_id AS id, ({_LEVELS})[max(array_position({_LEVELS}, a.severity::text))] AS level
                        FROM incidents_evidence e JOIN incidents_alert a ON a.id = e.alert_id
                        WHERE e.alert_id = ANY(%s) AND e.{kind}_id IS NOT NULL AND a.status <> 'resolved'
                        AND a.severity <> 'unknown' GROUP BY 1
                    ) s ON s.id = d.id
                    WHERE array_position({_LEVELS}, s.level) > array_position({_LEVELS}, d.risk_level::text)
                    ORDER BY d.id FOR NO KEY UPDATE OF d SKIP LOCKED
                )
                UPDATE incidents_{kind} t SET risk_level = free.level FROM free WHERE t.id = free.id
                """,
                [list(alert_ids)],
            )


def settle_risk(incident_ids: Sequence[int]) -> None:
    """Compute the risk of everything that these incidents name anew, after alerts were resolved or reopened."""
    if not incident_ids:
        return
    parts = ", ".join(f"{kind} AS ({_settled(kind)} RETURNING t.id)" for kind in _KINDS)
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {parts} SELECT", {"incidents": list(incident_ids)})


def _settled(kind: str) -> str:
    return f"""
        UPDATE incidents_{kind} t SET risk_level = s.level FROM (
            SELECT n.id, coalesce(({_LEVELS})[max(array_position({_LEVELS}, r.severity::text))], 'none') AS level
            FROM (SELECT DISTINCT e.{kind}_id AS id FROM incidents_evidence e
                  JOIN incidents_alert a ON a.id = e.alert_id
                  WHERE a.incident_id = ANY(%(incidents)s) AND e.{kind}_id IS NOT NULL) n
            LEFT JOIN LATERAL (
                SELECT a.severity FROM (
                    SELECT alert_id FROM incidents_evidence WHERE {kind}_id = n.id ORDER BY alert_id DESC LIMIT {DEPTH}
                ) e JOIN incidents_alert a ON a.id = e.alert_id
                WHERE a.status <> 'resolved' AND a.severity <> 'unknown'
            ) r ON true GROUP BY n.id
        ) s WHERE t.id = s.id AND t.risk_level <> s.level
        """
