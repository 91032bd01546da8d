"""Runs are seen by the groups of the devices they touch, also when these change their group."""

from typing import Any

from django.db import connection


def keep_run_scopes_true(**_payload: Any) -> None:
    """Listener of `device_groups.changed`, after the devices have found their groups. Told twice it does the same."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE remediation_actionrun r SET device_group_ids = ARRAY[d.device_group_id] FROM incidents_device d
            WHERE r.target_kind = 'device' AND d.id = r.target_id AND r.device_group_ids <> ARRAY[d.device_group_id]
            """
        )
        cursor.execute(
            """
            UPDATE remediation_actionrun r SET device_group_ids = s.ids
            FROM (
                SELECT c.parent_id, array_agg(DISTINCT g ORDER BY g) AS ids
                FROM remediation_actionrun c CROSS JOIN LATERAL unnest(c.device_group_ids) g
                WHERE c.parent_id IS NOT NULL GROUP BY c.parent_id
            ) s
            WHERE r.id = s.parent_id AND r.device_group_ids <> s.ids
            """
        )
