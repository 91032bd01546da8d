"""Things that are everywhere and so prove nothing: a service account on each machine, a proxy, a scanner.

A thing is a hub when too many incidents name it within its rule's window, or when too many other devices or accounts
are named together with it within a day. The mark is kept on the entity and taken off when the thing grows quiet.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from core import clock
from incidents.correlation.candidates import Candidates
from incidents.correlation.nodes import Entities, Node
from incidents.correlation.rules import ACCOUNT, ADDRESS, DEVICE, FILE, RULES, Limits

DEPTH = 200
WINDOW = timedelta(days=1)
MEMORY = timedelta(days=7)
_TABLES = {"device": "incidents_device", "identity": "incidents_identity", "file": "incidents_file",
           "mailbox": "incidents_mailbox"}  # fmt: skip


def pass_over_hubs(nodes: Sequence[Node], entities: Entities, found: Candidates, limits: Limits) -> None:
    """Take the signals of hubs away from the alerts and mark the entities."""
    hubs = _by_incidents(nodes, found, limits) | _by_neighbours(nodes, found, limits)
    if not hubs:
        return
    for node in nodes:
        for key in hubs.intersection(node.signals):
            del node.signals[key]
    _mark(hubs, entities)


def _by_incidents(nodes: Sequence[Node], found: Candidates, limits: Limits) -> set[tuple[str, str]]:
    hubs = set()
    for key, candidates in found.by_signal.items():
        rule = RULES[key[0]]
        if not rule.hub or len({one.incident_id for one in candidates}) < limits.hub_incidents:
            continue
        window = limits.windows[rule.key]
        for node in nodes:
            if key in node.named:
                near = {
                    one.incident_id
                    for one in candidates
                    if one.last >= node.first - window and one.first <= node.last + window
                }
                if len(near) >= limits.hub_incidents:
                    hubs.add(key)
                    break
    return hubs


def _by_neighbours(nodes: Sequence[Node], found: Candidates, limits: Limits) -> set[tuple[str, str]]:
    """Only what occurs often enough is counted: fewer alerts than neighbours allowed cannot make a hub."""
    seen = Counter(key for node in nodes for key in node.named)
    latest: dict[tuple[str, str], datetime] = {}
    for node in nodes:
        for key in node.named:
            latest[key] = max(node.last, latest.get(key, node.last))
    wanted: dict[str, dict[Any, tuple[str, str]]] = defaultdict(dict)
    for key, count in seen.items():
        if key[0] not in (DEVICE.key, ACCOUNT.key, ADDRESS.key):
            continue
        if count + len(found.by_signal.get(key, ())) >= limits.hub_neighbours:
            place = _place(key)
            if place is not None:
                wanted[place[0]][place[1]] = key
    hubs = set()
    for column, values in wanted.items():
        times = [latest[key] for key in values.values()]
        for value, count in _neighbours(column, list(values), min(times), max(times)).items():
            if count > limits.hub_neighbours:
                hubs.add(values[value])
    return hubs


def _place(key: tuple[str, str]) -> tuple[str, Any] | None:
    """The evidence column and value in which a signal is found."""
    value = key[1].partition("|")[2]
    kind, _, name = value.partition(":")
    if kind in ("device", "identity"):
        return f"{kind}_id", int(name)
    if kind == "person":
        return "person", name
    return "key", value[value.index("ip:") :] if "ip:" in value else value


def _neighbours(column: str, values: list[Any], earliest: datetime, latest: datetime) -> dict[Any, int]:
    """How many different devices or accounts (whichever are more) are named together with each value."""
    kind, source, where = {
        "person": ("text", "incidents_evidence o JOIN incidents_identity p ON p.id = o.identity_id", "p.key = v.value"),
        "key": ("text", "incidents_evidence o", "o.key = v.value AND o.key <> ''"),
    }.get(column, ("bigint", "incidents_evidence o", f"o.{column} = v.value"))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT v.value, greatest(count(DISTINCT n.device_id), count(DISTINCT n.identity_id))
            FROM unnest(%s::{kind}[]) v(value)
            CROSS JOIN LATERAL (
                SELECT o.alert_id FROM {source} WHERE {where} ORDER BY o.alert_id DESC LIMIT {DEPTH}
            ) e
            JOIN incidents_alert a ON a.id = e.alert_id
            JOIN incidents_evidence n ON n.alert_id = e.alert_id
            WHERE a.last_activity BETWEEN %s AND %s GROUP BY v.value
            """,
            [values, earliest - WINDOW, latest + WINDOW],
        )
        return dict(cursor.fetchall())


def _mark(hubs: Iterable[tuple[str, str]], entities: Entities) -> None:
    """Keep the mark on the entities, so that pages can say why they join nothing."""
    ids: dict[str, set[int]] = defaultdict(set)
    persons = set()
    for rule_key, value in hubs:
        kind, _, name = value.partition("|")[2].partition(":")
        if rule_key in (DEVICE.key, FILE.key, ACCOUNT.key) and name.isdigit():
            ids[kind].add(int(name))
        elif kind == "person":
            persons.add(f"person:{name}")
    ids["identity"] |= {pk for pk, person in entities.person_of_identity.items() if person in persons}
    ids["mailbox"] |= {pk for pk, person in entities.person_of_mailbox.items() if person in persons}
    with connection.cursor() as cursor:
        for kind, pks in ids.items():
            if pks:
                cursor.execute(
                    f"UPDATE {_TABLES[kind]} SET is_hub = true WHERE id = ANY(%s) AND NOT is_hub", [sorted(pks)]
                )


def forget_quiet_hubs() -> int:
    """Take the mark off entities that few alerts of the last week name; returns how many."""
    forgotten = 0
    since = clock.now() - MEMORY
    with connection.cursor() as cursor:
        for kind, table in _TABLES.items():
            cursor.execute(
                f"""
                UPDATE {table} t SET is_hub = false WHERE t.is_hub AND (
                    SELECT count(*) FROM (
                        SELECT 1 FROM incidents_evidence e JOIN incidents_alert a ON a.id = e.alert_id
                        WHERE e.{kind}_id = t.id AND a.last_activity >= %s LIMIT 10
                    ) few
                ) < 10
                """,
                [since],
            )
            forgotten += cursor.rowcount
    return forgotten
