"""Things that are everywhere and so prove nothing: a service account on each machine, a proxy, a scanner.

A thing is a hub when too many incidents name it within its rule's window, or when too many other devices or accounts
are named together with it within a day; quiet alerts count, ordinary ones do not (what an administrator's script does
on every machine every day must not hide what is done with that account), and one alert that names many machines counts
for as many. An address that belongs to a known machine makes that machine a hub. The mark is kept on the entity and
taken off when the thing grows quiet.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence, Set
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from core import clock
from incidents.correlation.candidates import Candidates
from incidents.correlation.entities import Entities
from incidents.correlation.habits import Habits
from incidents.correlation.habitual import habitual_things
from incidents.correlation.nodes import Node
from incidents.correlation.rules import ACCOUNT, ADDRESS, DEVICE, FILE, RULES, Limits, limits_in_force
from incidents.enums import SEVERITY_RANK

DEPTH = 200
WINDOW = timedelta(days=1)
MEMORY = timedelta(days=7)
MOST_OF_ONE_KIND = 5
# So few alerts of a week are no noise any more.
FEW = 10
_PERSON = "person"
_TABLES = {"device": "incidents_device", "identity": "incidents_identity", "file": "incidents_file",
           "mailbox": "incidents_mailbox"}  # fmt: skip


def pass_over_hubs(
    nodes: Sequence[Node], entities: Entities, found: Candidates, limits: Limits, habits: Habits
) -> None:
    """Take the signals of hubs away from the alerts and mark the entities."""
    hubs = _by_incidents(nodes, found, limits) | _by_neighbours(nodes, found, limits, habits)
    hubs |= {node.stands_for[key] for node in nodes for key in hubs & node.stands_for.keys()}
    take_away(nodes, hubs | habitual_things(nodes, limits, habits))
    if hubs:
        _mark(hubs, entities)


def take_away(nodes: Iterable[Node], things: Set[tuple[str, str]]) -> None:
    """These things tie nothing any more."""
    if things:
        for node in nodes:
            for key in things & node.signals.keys():
                del node.signals[key]


def _by_incidents(nodes: Sequence[Node], found: Candidates, limits: Limits) -> set[tuple[str, str]]:
    hubs = set()
    for key, candidates in found.by_signal.items():
        rule = RULES[key[0]]
        telling = [one for one in candidates if not one.ordinary]
        if not rule.hub or len({one.incident_id for one in telling}) < limits.hub_incidents:
            continue
        window = limits.windows[rule.key]
        for node in nodes:
            if key in node.named:
                near = {
                    one.incident_id
                    for one in telling
                    if one.last >= node.first - window and one.first <= node.last + window
                }
                if len(near) >= limits.hub_incidents:
                    hubs.add(key)
                    break
    return hubs


def _by_neighbours(nodes: Sequence[Node], found: Candidates, limits: Limits, habits: Habits) -> set[tuple[str, str]]:
    """Only what may be a hub is counted: little that names little cannot make one."""
    weight: Counter[tuple[str, str]] = Counter()
    latest: dict[tuple[str, str], datetime] = {}
    for node in nodes:
        for key in node.named:
            weight[key] += node.breadth
            latest[key] = max(node.last, latest.get(key, node.last))
    wanted: dict[str, dict[Any, tuple[str, str]]] = defaultdict(dict)
    for key, count in weight.items():
        if key[0] not in (DEVICE.key, ACCOUNT.key, ADDRESS.key):
            continue
        if count + len(found.by_signal.get(key, ())) >= limits.hub_neighbours and (place := _place(key)):
            wanted[place[0]][place[1]] = key
    if persons := wanted.pop(_PERSON, None):
        wanted["identity_id"] |= {pk: persons[name] for pk, name in _accounts_of(persons).items()}
    hubs = set()
    for column, values in wanted.items():
        times = [latest[key] for key in values.values()]
        span = (min(times) - WINDOW, max(times) + WINDOW)
        for value, count in _neighbours(column, list(values), *span, habits=habits).items():
            if count > limits.hub_neighbours:
                hubs.add(values[value])
    return hubs


def _place(key: tuple[str, str]) -> tuple[str, Any]:
    """The evidence column and value in which a signal is found."""
    value = key[1].partition("|")[2]
    kind, _, name = value.partition(":")
    if kind in ("device", "identity"):
        return f"{kind}_id", int(name)
    if kind == _PERSON:
        return _PERSON, name
    return "key", value[value.index("ip:") :] if "ip:" in value else value


def _accounts_of(persons: Iterable[str]) -> dict[int, str]:
    """The accounts with these addresses. Asked for by themselves: a join with the evidence tempts the planner to walk
    through all of it, newest first, as long as it does not know how large it is."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, key FROM incidents_identity WHERE key = ANY(%s::varchar[])", [list(persons)])
        return dict(cursor.fetchall())


_EVERYTHING = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


def _neighbours(
    column: str,
    values: Sequence[Any],
    earliest: datetime = _EVERYTHING[0],
    latest: datetime = _EVERYTHING[1],
    habits: Habits | None = None,
) -> dict[Any, int]:
    """How many different devices or accounts (whichever are more) are named together with each value, by alerts that
    are not ordinary as far as `habits` are given.

    Each step is a search of one index with an end (LATERAL, LIMIT, OFFSET 0), so the plan is the same whatever the
    planner believes of the tables.
    """
    kind, condition = ("text", "key = v.value AND key <> ''") if column == "key" else ("bigint", f"{column} = v.value")
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT v.value, a.exercise, a.source, a.detector_id, a.title, a.severity, n.devices, n.accounts
            FROM unnest(%s::{kind}[]) v(value)
            CROSS JOIN LATERAL (
                SELECT DISTINCT alert_id FROM incidents_evidence WHERE {condition}
                ORDER BY alert_id DESC LIMIT {DEPTH}
            ) e
            CROSS JOIN LATERAL (
                SELECT id, exercise, source, detector_id, title, severity FROM incidents_alert
                WHERE id = e.alert_id AND last_activity >= %s AND last_activity <= %s OFFSET 0
            ) a
            CROSS JOIN LATERAL (
                SELECT array_agg(DISTINCT device_id) FILTER (WHERE device_id IS NOT NULL) AS devices,
                       array_agg(DISTINCT identity_id) FILTER (WHERE identity_id IS NOT NULL) AS accounts
                FROM incidents_evidence WHERE alert_id = a.id
            ) n
            """,
            [list(values), earliest, latest],
        )
        rows = cursor.fetchall()
    devices: dict[Any, set[int]] = defaultdict(set)
    accounts: dict[Any, set[int]] = defaultdict(set)
    for value, exercise, source, detector, title, severity, alerts_devices, alerts_accounts in rows:
        if habits and habits.is_ordinary(exercise, source, detector, title, SEVERITY_RANK[severity]):
            continue
        # An alert that lists many of a kind says nothing about what any two of them have to do with each other.
        if column != "device_id" or len(alerts_devices or ()) <= MOST_OF_ONE_KIND:
            devices[value].update(alerts_devices or ())
        if column != "identity_id" or len(alerts_accounts or ()) <= MOST_OF_ONE_KIND:
            accounts[value].update(alerts_accounts or ())
    return {value: max(len(devices[value]), len(accounts[value])) for value in values}


def crowded_among(nodes: Sequence[Node], limits: Limits) -> set[tuple[str, str]]:
    """Those that these alerts name with too many other devices or accounts within a day; reads nothing."""
    named: dict[tuple[str, str], list[tuple[datetime, Node]]] = defaultdict(list)
    for node in nodes:
        if node.ordinary:
            continue
        for key in node.named:
            if key[0] in (DEVICE.key, ACCOUNT.key, ADDRESS.key):
                named[key].append((node.last, node))
    crowded = set()
    for key, listed in named.items():
        if sum(node.breadth for _, node in listed) >= limits.hub_neighbours:
            listed.sort(key=lambda entry: (entry[0], entry[1].id))
            if _is_crowded(key, listed, limits.hub_neighbours):
                crowded.add(key)
    return crowded | {node.stands_for[key] for node in nodes for key in crowded & node.stands_for.keys()}


def _is_crowded(key: tuple[str, str], listed: Sequence[tuple[datetime, Node]], most: int) -> bool:
    """Whether within any two days, as long as the lane looks around an alert, more than `most` of a kind stand beside
    the thing."""
    inside: dict[str, Counter[str]] = {DEVICE.key: Counter(), ACCOUNT.key: Counter()}
    begin = 0
    for at, node in listed:
        _count(inside, key, node, 1)
        while at - listed[begin][0] > 2 * WINDOW:
            _count(inside, key, listed[begin][1], -1)
            begin += 1
        if any(sum(count > 0 for count in counts.values()) > most for counts in inside.values()):
            return True
    return False


def _count(inside: dict[str, Counter[str]], key: tuple[str, str], node: Node, change: int) -> None:
    for rule_key, counts in inside.items():
        beside = [value for kind, value in node.named if kind == rule_key]
        if rule_key != key[0] or len(beside) <= MOST_OF_ONE_KIND:
            for value in beside:
                counts[value] += change
                if not counts[value]:
                    del counts[value]


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
    """Take the mark off entities that few alerts of the last week name, and that are named with few others; returns
    how many."""
    since, forgotten = clock.now() - MEMORY, 0
    most = limits_in_force().hub_neighbours
    for kind, table in _TABLES.items():
        quiet = _quiet_hubs(kind, table, since)
        if kind != "file" and quiet:
            crowd = _neighbours(f"{kind}_id", quiet, since, _EVERYTHING[1])
            quiet = [pk for pk in quiet if crowd[pk] <= most]
        if quiet:
            with connection.cursor() as cursor:
                cursor.execute(f"UPDATE {table} SET is_hub = false WHERE id = ANY(%s) AND is_hub", [quiet])
                forgotten += cursor.rowcount
    return forgotten


def _quiet_hubs(kind: str, table: str, since: datetime) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT t.id FROM {table} t WHERE t.is_hub AND (
                SELECT count(*) FROM (
                    SELECT 1 FROM incidents_evidence e JOIN incidents_alert a ON a.id = e.alert_id
                    WHERE e.{kind}_id = t.id AND a.last_activity >= %s LIMIT {FEW}
                ) few
            ) < {FEW}
            """,
            [since],
        )
        return [row[0] for row in cursor.fetchall()]
