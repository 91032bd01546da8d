"""Trying what a repeat is: which alerts would be one if these fields made them the same. Nothing is stored.

Stored alerts are read as they are; pasted ones go through the reading of ingest, so the identity that ingest goes by
(source and provider's id) is the same here.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from accounts.models import User
from core import clock
from incidents.correlation.habits import plain_title
from incidents.ingest import formats
from incidents.ingest.draft import EvidenceDraft, ReadyAlert, Rejected
from incidents.ingest.normalise import finish, purify
from incidents.models import Alert, Evidence
from incidents.services.try_correlation import looked_at

MOST = 1_000
MOST_GROUPS, MOST_EXAMPLES = 20, 3
IDENTITY = ("source", "provider_alert_id")
FIELDS: dict[str, str] = {
    "source": "Source",
    "provider_alert_id": "Id at its source",
    "provider_incident_id": "Incident at its source",
    "detector_id": "Detector",
    "title": "Title",
    "plain_title": "Title, numbers and letter case aside",
    "severity": "Severity",
    "devices": "Devices",
    "accounts": "Accounts",
    "mailboxes": "Mailboxes",
    "files": "Files",
    "addresses": "Addresses",
}
_OF_ENTITY = {"devices": "device", "accounts": "identity", "mailboxes": "mailbox", "files": "file"}


@dataclass(frozen=True, slots=True)
class Item:
    """One alert of the trial: the values of every field, empty where it says nothing. `digest` is its content."""

    values: Mapping[str, str]
    title: str
    at: datetime
    digest: bytes
    alert: int | None = None


@dataclass(frozen=True, slots=True)
class Repeats:
    """A group of alerts that would be one."""

    size: int
    first: datetime
    last: datetime
    values: list[tuple[str, str]]
    examples: list[Item]


@dataclass(slots=True)
class Outcome:
    """`groups` of `alerts`; the largest are shown. `exact` are repeats with the same content, of which ingest takes no
    notice when the identity is the same; `rejected` says what could not be read."""

    alerts: int = 0
    groups: int = 0
    alone: int = 0
    exact: int = 0
    shown: list[Repeats] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)

    @property
    def spared(self) -> int:
        return self.alerts - self.groups


def stored_items(user: User, *, source: str = "", format_key: str = "", hours: int = 0) -> list[Item]:
    """The newest alerts that this person sees."""
    rows = Alert.objects.visible_to(user).filter(exercise=looked_at(user))
    if source:
        rows = rows.filter(source=source)
    if format_key:
        rows = rows.filter(format=format_key)
    if hours:
        rows = rows.filter(last_activity__gte=clock.now() - timedelta(hours=hours))
    alerts = list(rows.order_by("-last_activity", "-pk").defer("additional_data")[:MOST])
    things = _things(Evidence.objects.filter(alert__in=[row.pk for row in alerts]))
    return [_item(_plain(row), row.first_activity, bytes(row.content_digest), things[row.pk], row.pk) for row in alerts]


def _plain(row: Alert) -> dict[str, str]:
    return {name: str(getattr(row, name)) for name in (*IDENTITY, "provider_incident_id", "detector_id", "title",
                                                       "severity")}  # fmt: skip


def _things(rows: QuerySet[Evidence]) -> dict[int, dict[str, set[str]]]:
    found: dict[int, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for alert, key, *ids in rows.values_list("alert", "key", *(f"{name}_id" for name in _OF_ENTITY.values())):
        for name, pk in zip(_OF_ENTITY, ids, strict=True):
            if pk is not None:
                found[alert][name].add(str(pk))
        if key.startswith("ip:"):
            found[alert]["addresses"].add(key[3:])
    return found


def pasted_items(items: Sequence[object], *, format_key: str, source: str) -> tuple[list[Item], list[str]]:
    """The items as ingest would read them, and why some cannot become alerts."""
    if len(items) > MOST:
        raise ValidationError(f"At most {MOST:,} alerts at once; these are {len(items):,}.")
    reader, now = formats.get(format_key), clock.now()
    found: list[Item] = []
    rejected: list[str] = []
    for place, raw in enumerate(items, start=1):
        try:
            clean, digest, marks = purify(raw, loose=False)
            read = reader.read(clean)
            ready = finish(read, source=source, format_key=reader.key, digest=digest, marks=marks, arrived=now)
        except Rejected as reason:
            rejected.append(f"Item {place}: {reason}")
        else:
            found.append(_of_ready(ready))
    return found, rejected


def _of_ready(ready: ReadyAlert) -> Item:
    columns = {name: str(ready.columns[name]) for name in ("provider_incident_id", "detector_id", "title", "severity")}
    values = {"source": ready.source, "provider_alert_id": ready.provider_alert_id, **columns}
    return _item(values, ready.first_activity, ready.digest, _named(ready.evidence))


def _named(evidence: Iterable[EvidenceDraft]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for draft in evidence:
        for name, kind in _OF_ENTITY.items():
            if getattr(draft, kind) is not None:
                found[name].add(draft.display.lower())
        if draft.key.startswith("ip:"):
            found["addresses"].add(draft.key[3:])
    return found


def _item(
    plain: dict[str, str], at: datetime, digest: bytes, things: Mapping[str, set[str]], alert: int | None = None
) -> Item:
    values = {**plain, "plain_title": plain_title(plain["title"])}
    for name in (*_OF_ENTITY, "addresses"):
        values[name] = ", ".join(sorted(things.get(name, ())))
    return Item(values, plain["title"], at, digest, alert)


def try_repeats(items: Sequence[Item], *, fields: Sequence[str], minutes: int = 0) -> Outcome:
    """Alerts are repeats when all these fields say something and say the same, and with `minutes` when they began no
    later than that after the first of their group."""
    unknown = set(fields) - FIELDS.keys()
    if not fields or unknown:
        raise ValidationError("Choose the fields that make a repeat.")
    by_key: dict[tuple[str, ...], list[Item]] = defaultdict(list)
    alone: list[list[Item]] = []
    for item in items:
        key = tuple(item.values[name] for name in fields)
        if all(key):
            by_key[key].append(item)
        else:
            alone.append([item])
    groups = [group for listed in by_key.values() for group in _by_time(listed, minutes)] + alone
    groups.sort(key=lambda group: (-len(group), group[0].at))
    outcome = Outcome(len(items), len(groups), sum(len(group) == 1 for group in groups))
    outcome.exact = sum(len(group) - len({item.digest for item in group}) for group in groups)
    outcome.shown = [_shown(group, fields) for group in groups[:MOST_GROUPS] if len(group) > 1]
    outcome.warnings = list(_warnings(items, fields, outcome))
    return outcome


def _by_time(listed: Sequence[Item], minutes: int) -> list[list[Item]]:
    ordered = sorted(listed, key=lambda item: item.at)
    if not minutes:
        return [ordered]
    groups: list[list[Item]] = []
    for item in ordered:
        if groups and item.at - groups[-1][0].at <= timedelta(minutes=minutes):
            groups[-1].append(item)
        else:
            groups.append([item])
    return groups


def _shown(group: Sequence[Item], fields: Sequence[str]) -> Repeats:
    one = group[0]
    shown = {**one.values, "devices": "the same", "accounts": "the same", "mailboxes": "the same", "files": "the same"}
    values = [(FIELDS[name], (shown if one.alert else one.values)[name]) for name in fields]
    return Repeats(len(group), one.at, group[-1].at, values, list(group[:MOST_EXAMPLES]))


def _warnings(items: Sequence[Item], fields: Sequence[str], outcome: Outcome) -> Iterable[str]:
    missing = Counter(name for item in items for name in fields if not item.values[name])
    for name in fields:
        if items and missing[name] == len(items):
            yield f"{FIELDS[name]}: none of these alerts says it, so this rule finds no repeat."
        elif missing[name]:
            yield f"{FIELDS[name]}: {missing[name]:,} of {len(items):,} do not say it; they are no repeats of anything."
    if len(items) > 1 and outcome.groups == 1 and not any(missing.values()):
        yield "All of them would be one: this rule tells nothing apart."
