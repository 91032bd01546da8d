"""Correlating certain alerts now, in the caller's transaction: for exercises that play the past under its own clock.

The lane's workers stamp what they do with today's time, so they must never meet an alert of the past that waits.
"""

import time
from collections.abc import Collection

from django.db import connection, transaction

from incidents.correlation.engine import ACTOR, LANE_LOCK, find_groups
from incidents.correlation.habits import habits_in_force
from incidents.correlation.joining import Busy, apply_groups
from incidents.correlation.nodes import load_waiting
from incidents.correlation.rules import limits_in_force
from incidents.models import Alert

ATTEMPTS = 40
PATIENCE_S = 0.05


def correlate_at_once(alert_ids: Collection[int]) -> int:
    """These alerts and no others; waits for the lane. Returns how many were correlated.

    Raises `Busy` when somebody holds an incident that they belong to for longer than two seconds.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("Alerts of the past are stored and correlated in one transaction.")
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with transaction.atomic():
                return _correlate(alert_ids)
        except Busy:
            if attempt == ATTEMPTS:
                raise
            time.sleep(PATIENCE_S)
    raise AssertionError("unreachable")


def _correlate(alert_ids: Collection[int]) -> int:
    others = Alert.objects.waiting_for_correlation().exclude(pk__in=alert_ids).values_list("pk", flat=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LANE_LOCK])
        limits = limits_in_force()
        habits = habits_in_force(limits, keep=True)
        nodes = load_waiting(cursor, len(alert_ids), habits, list(others))
    if nodes:
        apply_groups(find_groups(nodes, limits, habits), actor=ACTOR)
    return len(nodes)
