"""Monthly partitions of the audit table, made ahead of time by a function that owns the table."""

from datetime import timedelta

from django.db import connection

from core import clock


def ensure(months_ahead: int = 2) -> None:
    """Make the partitions of this month and the next ones; existing ones are left alone."""
    day = clock.real_now().date().replace(day=1)
    with connection.cursor() as cursor:
        for _ in range(months_ahead + 1):
            cursor.execute("SELECT core_ensure_audit_partition(%s)", [day])
            day = (day + timedelta(days=32)).replace(day=1)
