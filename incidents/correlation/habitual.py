"""Files, addresses and commands that ordinary alerts name day after day: they belong to the house and prove nothing.

Unlike a device or an account, such a thing may be the attacker's own, so it is not asked how many alerts name it but
which: those of kinds that come all day (see `habits`), on how many days.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from django.db import connection

from incidents.correlation.habits import Habits
from incidents.correlation.nodes import Node
from incidents.correlation.rules import FILE, PROGRAM, RULES, Limits
from incidents.enums import SEVERITY_RANK

Thing = tuple[str, str]
# The newest rows of a thing that are looked at; a habit shows in fewer.
DEPTH = 60


def may_be_habitual(thing: Thing) -> bool:
    rule = RULES[thing[0]]
    return rule.hub and not rule.asset


def habitual_among(nodes: Iterable[Node], limits: Limits) -> set[Thing]:
    """Those that the ordinary ones among these alerts name on enough days."""
    days: dict[Thing, set[date]] = defaultdict(set)
    for node in nodes:
        if node.ordinary:
            for thing in node.named:
                if may_be_habitual(thing):
                    days[thing].add(node.last.date())
    return {thing for thing, seen in days.items() if len(seen) >= limits.habit_days}


def daily_deeds_among(nodes: Iterable[Node], limits: Limits) -> list[tuple[Node, Thing]]:
    """Alerts with the device or account on which their own kind fires on so many days that one more says nothing."""
    days: dict[tuple[Thing, str, str, int], dict[date, list[Node]]] = defaultdict(lambda: defaultdict(list))
    for node in nodes:
        for thing in node.signals:
            if RULES[thing[0]].asset:
                days[thing, node.source, node.detector or node.title, node.rank][node.last.date()].append(node)
    return [
        (node, kind[0])
        for kind, seen in days.items()
        if len(seen) >= limits.habit_days
        for listed in seen.values()
        for node in listed
    ]


def habitual_things(nodes: Sequence[Node], limits: Limits, habits: Habits) -> set[Thing]:
    """Those of the batch that ordinary alerts name on enough days, whether these are correlated or wait."""
    files: dict[int, list[Thing]] = defaultdict(list)
    keys: dict[str, list[Thing]] = defaultdict(list)
    for thing in {key for node in nodes for key in node.signals if may_be_habitual(key)}:
        value = thing[1].partition("|")[2]
        if thing[0] in (FILE.key, PROGRAM.key):
            files[int(value.partition(":")[2])].append(thing)
        else:
            keys[_evidence_key(value)].append(thing)
    found: set[Thing] = set()
    for column, values in (("file_id", files), ("key", keys)):
        if values:
            rows = _ordinary_days(column, list(values), habits)
            for (exercise, value), days in rows.items():
                if len(days) >= limits.habit_days:
                    found |= {thing for thing in values[value] if thing[1].startswith(f"{exercise}|")}
    return found


def _evidence_key(value: str) -> str:
    """Without the source that an internal address counts in."""
    for prefix in ("ip:", "connection:"):
        if f"|{prefix}" in value:
            return value[value.index(f"|{prefix}") + 1 :]
    return value


def _ordinary_days(column: str, values: Sequence[Any], habits: Habits) -> dict[tuple[str, Any], set[date]]:
    """By exercise and value: the days on which ordinary alerts name it. Each step is a search of one index."""
    kind, condition = ("text", "key = v.value AND key <> ''") if column == "key" else ("bigint", "file_id = v.value")
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT DISTINCT v.value, a.exercise, a.source, a.detector_id, a.title, a.severity, a.day
            FROM unnest(%s::{kind}[]) v(value)
            CROSS JOIN LATERAL (
                SELECT alert_id FROM incidents_evidence WHERE {condition} ORDER BY alert_id DESC LIMIT {DEPTH}
            ) e
            CROSS JOIN LATERAL (
                SELECT exercise, source, detector_id, title, severity, (last_activity AT TIME ZONE 'UTC')::date AS day
                FROM incidents_alert WHERE id = e.alert_id OFFSET 0
            ) a
            """,
            [list(values)],
        )
        rows = cursor.fetchall()
    days: dict[tuple[str, Any], set[date]] = defaultdict(set)
    for value, exercise, source, detector, title, severity, day in rows:
        if habits.is_ordinary(exercise, source, detector, title, SEVERITY_RANK[severity]):
            days[exercise, value].add(day)
    return days
