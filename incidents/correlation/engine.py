"""The lane in which alerts become incidents: one at a time under an advisory lock, in batches, oldest first.

A worker that does not get the lock goes home; whoever holds it works until nothing waits or its time is over. A batch
is one transaction. When it fails it is halved, down to the alert that cannot be correlated: that one gets an incident
of its own, so that no alert ever waits for another.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected, LockNotAvailable, SerializationFailure

from core.actors import Actor
from incidents.correlation.candidates import load_candidates
from incidents.correlation.grouping import Edge, Group, find_edges, group_alerts, reachable_together
from incidents.correlation.habits import Habits, habits_in_force
from incidents.correlation.hubs import pass_over_hubs
from incidents.correlation.joining import Busy, apply_groups
from incidents.correlation.merge import load_sizes
from incidents.correlation.nodes import Node, give_signals, load_waiting
from incidents.correlation.rules import Limits, limits_in_force

logger = logging.getLogger(__name__)
LANE_LOCK = 0x50C_1A4E
BATCH = 500
ACTOR = Actor.system("alert correlation")
PATIENCE_S = 0.05
ATTEMPTS = 20


@dataclass(slots=True)
class Worked:
    """What a run of the lane did. `elsewhere` is true when another worker holds the lane."""

    alerts: int = 0
    elsewhere: bool = False
    time_over: bool = False


def correlate_waiting(*, batch: int = BATCH, for_seconds: float = 60.0) -> Worked:
    """Correlate until nothing waits or the time is over. Safe to call at any time and from any number of workers."""
    worked = Worked()
    until = time.monotonic() + for_seconds
    while True:
        done = _work_batch(batch)
        if done is None:
            worked.elsewhere = True
            return worked
        worked.alerts += done
        if done == 0:
            return worked
        if time.monotonic() >= until:
            worked.time_over = True
            return worked


def _work_batch(limit: int) -> int | None:
    """One batch; None when another worker holds the lane."""
    try:
        return _try_batch(limit)
    except Busy:
        if connection.in_atomic_block:
            raise
        return 0  # held for seconds: the next sweep tries again
    except Exception:
        if connection.in_atomic_block:
            raise
        logger.exception("a batch of %d alerts could not be correlated", limit)
    if limit > 1:
        return _work_batch(max(1, limit // 2))
    return _alone()


def _try_batch(limit: int) -> int | None:
    """One batch, tried again while people or an ingest hold rows that it needs."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with transaction.atomic():
                return _correlate(limit)
        except (Busy, OperationalError) as error:
            in_the_way = isinstance(error, Busy) or isinstance(
                error.__cause__, DeadlockDetected | LockNotAvailable | SerializationFailure
            )
            if not in_the_way or attempt == ATTEMPTS or connection.in_atomic_block:
                raise
            time.sleep(PATIENCE_S * attempt)
    raise AssertionError("unreachable")


def _correlate(limit: int) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LANE_LOCK])
        if not cursor.fetchone()[0]:
            return None
        limits = limits_in_force()
        habits = habits_in_force(limits, keep=True)
        nodes = load_waiting(cursor, limit, habits)
    if not nodes:
        return 0
    apply_groups(find_groups(nodes, limits, habits), actor=ACTOR)
    return len(nodes)


def find_groups(nodes: Sequence[Node], limits: Limits, habits: Habits) -> list[Group]:
    """What belongs together, and into which incident it goes. Reads only, except for the marks of hubs."""
    entities = give_signals(nodes)
    found = load_candidates(nodes, entities, limits, habits)
    pass_over_hubs(nodes, entities, found, limits, habits)
    edges = find_edges(nodes, found, limits)
    sizes = load_sizes(_incidents_of(nodes, edges), _in_question(nodes, edges))
    return group_alerts(nodes, edges, sizes, limits)


def _incidents_of(nodes: Sequence[Node], edges: Sequence[Edge]) -> set[int]:
    reached = {edge.point[1] for edge in edges if edge.point[0] != "alert"}
    return reached | {node.incident_id for node in nodes if node.incident_id is not None}


def _in_question(nodes: Sequence[Node], edges: Sequence[Edge]) -> set[int]:
    return {pk for together in reachable_together(nodes, edges) for pk in together}


def _alone() -> int | None:
    """The oldest alert by itself, without any rule: the last resort against an alert that blocks the lane."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LANE_LOCK])
        if not cursor.fetchone()[0]:
            return None
        nodes = load_waiting(cursor, 1, Habits())
        apply_groups([Group([node], node.incident_id) for node in nodes], actor=ACTOR)
        return len(nodes)
