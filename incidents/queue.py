"""The filters of the incident queue: read from the address, applied to the rows, written as chips and as an address."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q
from django.http import QueryDict

from accounts.models import DeviceGroup, User
from core import clock
from core.pagination import Keyset
from core.wording import MONTHS
from incidents.enums import Category, Classification, IncidentStatus, ServiceState, Severity
from incidents.models import Device, Evidence, File, Identity, Incident, Mailbox
from incidents.queries.incidents import OPEN, OWNERLESS, IncidentQuerySet, name_contains
from incidents.wording import source_label

STATUSES = (IncidentStatus.ACTIVE, IncidentStatus.IN_PROGRESS, IncidentStatus.AWAITING_ACTION, IncidentStatus.RESOLVED)
SEVERITIES = (Severity.HIGH, Severity.MEDIUM, Severity.LOW, Severity.INFORMATIONAL, Severity.UNKNOWN)
WINDOWS: Mapping[str, tuple[str, timedelta | None]] = {
    "1d": ("24 hours", timedelta(days=1)),
    "3d": ("3 days", timedelta(days=3)),
    "7d": ("7 days", timedelta(days=7)),
    "30d": ("30 days", timedelta(days=30)),
    "180d": ("6 months", timedelta(days=180)),
    "all": ("Any time", None),
}
BANDS: Mapping[str, tuple[str, Q]] = {
    "top": ("Above 85", Q(priority_score__gt=85)),
    "middle": ("15 to 85", Q(priority_score__range=(15, 85))),
    "low": ("Below 15", Q(priority_score__lt=15)),
}
LABELS: Mapping[str, str] = {
    "status": "Status", "severity": "Severity", "owner": "Owner", "source": "Source", "category": "Category",
    "tag": "Tag", "name": "Name", "entity": "Asset", "group": "Device group", "classification": "Classification",
    "band": "Priority", "level": "Service level", "window": "Last activity", "from": "From", "to": "To",
}  # fmt: skip
DEFAULTS: Mapping[str, list[str]] = {
    "status": [status.value for status in OPEN],
    "severity": [Severity.HIGH.value, Severity.MEDIUM.value, Severity.LOW.value],
    "window": ["7d"],
}
ORDERS: Mapping[str, tuple[str, ...]] = {
    "priority": ("priority_score", "last_activity", "id"),
    "severity": ("severity_rank", "last_activity", "id"),
    "last": ("last_activity", "id"),
    "created": ("created", "id"),
    "name": ("shown_name", "id"),
    "due": ("sla_due", "last_activity", "id"),
}
# What the filters above say; everything that counts "incidents" without a filter of its own counts these.
DEFAULTS_SAID = "Open, severity High to Low, active in the last 7 days: what the queue shows by default"
DEFAULT_SORT = "-priority"
MAX_VALUES, MAX_TEXT = 40, 200


@dataclass(frozen=True, slots=True)
class QueueFilters:
    """`values` by filter; a filter that is not there does not filter. `is_default`: the address named none."""

    values: Mapping[str, list[str]]
    is_default: bool

    @classmethod
    def read(cls, params: QueryDict) -> "QueueFilters":
        given = {name: _texts(params.getlist(name)) for name in LABELS if name in params}
        given = {name: values for name, values in given.items() if values}
        return cls(given, False) if given else cls(DEFAULTS, True)

    def apply(self, rows: IncidentQuerySet, *, user: User, now: datetime) -> IncidentQuerySet:
        condition = Q()
        for name in self.values:
            condition &= self._condition(name, user, now)
        return rows.filter(condition)

    def _condition(self, name: str, user: User, now: datetime) -> Q:
        values = self.values[name]
        plain = {"status": "status__in", "severity": "severity__in", "classification": "classification__in",
                 "category": "categories__overlap", "tag": "custom_tags__overlap",
                 "level": "sla_state__in"}  # fmt: skip
        if name in plain:
            return Q(**{plain[name]: values})
        if name == "name":
            return name_contains(values[0], user)
        if name == "entity":
            return naming(values[0], user)
        if name == "source":
            return Q(service_sources__overlap=values) | Q(sources__overlap=values)
        if name == "group":
            return Q(device_group_ids__overlap=_keys(values))
        return {"owner": _owned, "band": _banded}.get(name, _in_time)(name, values, user, now)

    def without(self, name: str) -> "QueueFilters":
        return QueueFilters({key: values for key, values in self.values.items() if key != name}, False)

    def address(self, *, sort: str = "") -> str:
        """The query string that brings these filters back; nothing filtered is said by `window=all`."""
        params = QueryDict(mutable=True)
        if not self.is_default:
            for name, values in (self.values or {"window": ["all"]}).items():
                params.setlist(name, values)
        if sort not in {"", DEFAULT_SORT}:
            params["sort"] = sort
        return params.urlencode()

    def chips(self, people: Mapping[str, str], groups: Mapping[str, str], *, sort: str) -> list[dict[str, str]]:
        """`people` and `groups` give the names of the ids that occur."""
        chips = []
        for name, values in self.values.items():
            if name == "window" and values == ["all"]:
                continue
            words = [_word(name, value, people, groups) for value in values]
            chips.append({"key": name, "label": LABELS[name], "value": ", ".join(words),
                          "remove_url": f"?{self.without(name).address(sort=sort)}"})  # fmt: skip
        return chips


def _texts(values: list[str]) -> list[str]:
    clean = (value.replace("\x00", "").strip()[:MAX_TEXT] for value in values[:MAX_VALUES])
    return [value for value in clean if value]


def _keys(values: list[str]) -> list[int]:
    return [int(value) for value in values if value.isdecimal() and len(value) < 18]


def _owned(_name: str, values: list[str], user: User, _now: datetime) -> Q:
    condition = Q(assigned_to__in=[*_keys(values), *([user.pk] if "me" in values else [])])
    return condition | OWNERLESS if "nobody" in values else condition


def _banded(_name: str, values: list[str], _user: User, _now: datetime) -> Q:
    condition = Q(pk__in=[])
    for value in values:
        if value in BANDS:
            condition |= BANDS[value][1]
    return condition


def _in_time(name: str, values: list[str], _user: User, now: datetime) -> Q:
    if name == "window":
        span = WINDOWS.get(values[0], WINDOWS["7d"])[1]
        return Q(last_activity__gte=now - span) if span else Q()
    moment = read_moment(values[0])
    if moment is None:
        return Q()
    return Q(last_activity__gte=moment) if name == "from" else Q(last_activity__lte=moment)


def read_moment(text: str) -> datetime | None:
    """A date or time of the form, UTC when it names no zone; None when it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return clock.as_utc(moment) if moment.tzinfo else moment.replace(tzinfo=UTC)


def naming(text: str, user: User) -> Q:
    """Incidents whose visible evidence names an asset called so that this person may see, or an address so spelt."""
    named: Any = {}
    for column, model in (("device", Device), ("identity", Identity), ("file", File), ("mailbox", Mailbox)):
        named[f"{column}__in"] = (
            model.objects.visible_to(user).filter(Q(display_name__has_text=text)).values("pk")[:200]
        )
    condition = Q(key__in=[f"{kind}:{text.lower()}" for kind in ("ip", "url", "dns", "domain")])
    for lookup, keys in named.items():
        condition |= Q(**{lookup: list(keys.values_list("pk", flat=True))})
    return Q(pk__in=Evidence.objects.visible_to(user).filter(condition).values("alert__incident"))


def _word(name: str, value: str, people: Mapping[str, str], groups: Mapping[str, str]) -> str:
    tables: dict[str, Mapping[str, str]] = {
        "status": {item.value: str(item.label) for item in IncidentStatus},
        "severity": {item.value: str(item.label) for item in Severity},
        "category": {item.value: str(item.label) for item in Category},
        "classification": {item.value: str(item.label) for item in Classification},
        "window": {key: label for key, (label, _span) in WINDOWS.items()},
        "level": {item.value: str(item.label) for item in ServiceState},
        "band": {key: label for key, (label, _condition) in BANDS.items()},
        "owner": {"me": "Me", "nobody": "Nobody", **people},
        "group": groups,
    }
    if name == "source":
        return source_label(value)
    if name in {"from", "to"} and (moment := read_moment(value)):
        return f"{moment.day} {MONTHS[moment.month - 1]} {moment.year} {moment:%H:%M} UTC"
    return tables.get(name, {}).get(value, value)


def read_order(params: QueryDict) -> tuple[str, Keyset]:
    """The word in the address and the order it stands for; `-priority` when it says none or nonsense."""
    word = params.get("sort", "")
    if word.removeprefix("-") not in ORDERS:
        word = DEFAULT_SORT
    return word, Keyset(ORDERS[word.removeprefix("-")], word.startswith("-"))


def blocking_filter(filters: QueueFilters, *, user: User, now: datetime) -> tuple[str, int] | None:
    """Which one filter to remove to see something, and how much: `("severity", 18)`. Asked only of an empty list."""
    for name in filters.values:
        rows = Incident.objects.visible_to(user).listed()
        found = filters.without(name).apply(rows, user=user, now=now).counted()
        if found:
            return name, found
    return None


def standard(user: User, *, now: datetime) -> IncidentQuerySet:
    """What the queue shows somebody who has set no filter: the one answer to "how many incidents are there"."""
    return QueueFilters(DEFAULTS, True).apply(Incident.objects.visible_to(user).listed(), user=user, now=now)


def standard_with(**values: list[str]) -> str:
    """The address of the standard queue, narrowed further."""
    return QueueFilters({**DEFAULTS, **values}, False).address()


def group_names(user: User) -> dict[str, str]:
    """The device groups somebody may filter by."""
    groups = DeviceGroup.objects.all()
    if not user.scope.everything:
        groups = groups.filter(pk__in=user.scope.group_ids)
    return {str(pk): name for pk, name in groups.values_list("pk", "name")}
