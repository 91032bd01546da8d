"""Filters of the Action center's History, kept in the URL and shown as chips."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q
from django.http import QueryDict

from accounts.models import DeviceGroup, User
from core import clock
from core.pagination import Keyset
from incidents.enums import EntityKind
from remediation import policy_status
from remediation.catalog import registry
from remediation.enums import Decision, PolicyStatus, RunStatus, Source
from remediation.models import ActionRun
from remediation.queries.runs import RunQuerySet
from remediation.views.links import MODELS

WINDOWS = {"1d": ("1 day", 1), "7d": ("1 week", 7), "30d": ("30 days", 30), "180d": ("6 months", 180)}
DEFAULT_WINDOW, CUSTOM = "30d", "custom"
DEFAULT_SORT = "-requested"
ORDERS = {
    "requested": "created",
    "ended": "ended",
    "decided": "decided_at",
    "target": "target_name",
    "status": "status",
}
UNDO, AUTOMATED = "undo", "automated"
_BY_HAND = (Source.MANUAL, Source.API)
_CHOICES: dict[str, tuple[str, dict[str, str]]] = {
    "status": ("Status", dict(RunStatus.choices)),
    "decision": ("Decision", dict(Decision.choices)),
    "policy": ("In force", dict(PolicyStatus.choices)),
    "target_kind": ("Target", dict(EntityKind.choices)),
    "source": ("Source", {**dict(Source.choices), AUTOMATED: "Automated (any)", UNDO: "Undo of another action"}),
    "simulated": ("Simulated", {"1": "Simulated", "0": "Real"}),
    "drift": ("Drift", {"1": "Changed elsewhere"}),
}
TEXTS = {"search": "Target contains", "requester": "Requested by", "decider": "Decided by", "incident": "Incident"}
MOST_DIGITS, MOST_TEXT = 18, 200
ONE_TARGET = "of"  # `device:17`, as the page of an entity links it


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """What the URL asks for; unknown words are ignored."""

    query: QueryDict
    user: User

    def labels(self) -> dict[str, tuple[str, dict[str, str]]]:
        actions = {action.key: action.label for action in registry.all_actions()}
        groups = DeviceGroup.objects.all() if self.user.scope.everything else self.user.device_groups.all()
        asked = "group" in self.query or "dialog" in self.query
        named = {str(group.pk): group.name for group in groups} if asked else {}
        return {"action": ("Action", actions), **_CHOICES, "group": ("Device group", named)}

    @property
    def window(self) -> str:
        wanted = self.query.get("window", DEFAULT_WINDOW)
        if wanted == CUSTOM and (self.moment("from") or self.moment("to")):
            return CUSTOM
        return wanted if wanted in WINDOWS else DEFAULT_WINDOW

    def moment(self, name: str) -> datetime | None:
        """A time of a custom window, in UTC."""
        try:
            found = datetime.fromisoformat(self.query.get(name, "")[:40])
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        except (ValueError, OverflowError):
            return None

    def text(self, name: str) -> str:
        return self.query.get(name, "").replace("\x00", "").strip()[:MOST_TEXT]

    @property
    def sort(self) -> str:
        wanted = self.query.get("sort", DEFAULT_SORT)
        return wanted if wanted.removeprefix("-") in ORDERS else DEFAULT_SORT

    @property
    def keyset(self) -> Keyset:
        return Keyset((ORDERS[self.sort.removeprefix("-")], "id"), descending=self.sort.startswith("-"))

    def chosen(self) -> dict[str, list[str]]:
        return {
            name: [value for value in self.query.getlist(name) if value in values]
            for name, (_, values) in self.labels().items()
        }

    def apply(self) -> RunQuerySet:
        """Decided top-level runs this person may see, inside the window."""
        runs = ActionRun.objects.visible_to(self.user).top_level().decided().filter(self._in_window())
        for name, values in self.chosen().items():
            if values:
                runs = runs.filter(_MEANING.get(name, _any_of(name))(values))
        for name, meaning in _TEXT_MEANING.items():
            if text := self.text(name):
                runs = runs.filter(meaning(text))
        return runs.select_related("incident", "connection")

    def _in_window(self) -> Q:
        if self.window != CUSTOM:
            return Q(created__gte=clock.now() - timedelta(days=WINDOWS[self.window][1]))
        since, until = self.moment("from"), self.moment("to")
        found = Q(created__gte=since) if since else Q()
        return found & Q(created__lt=until) if until else found

    def chips(self) -> list[dict[str, Any]]:
        labels = self.labels()
        chips = [self._chip("Requested", self.window_words(), "window", "from", "to")]
        for name, values in self.chosen().items():
            if values:
                chips.append(self._chip(labels[name][0], ", ".join(labels[name][1][one] for one in values), name))
        chips += [self._chip(label, self.text(name), name) for name, label in TEXTS.items() if self.text(name)]
        return [*chips, self._chip("On", self._one_target(), ONE_TARGET)] if self.text(ONE_TARGET) else chips

    def _one_target(self) -> str:
        """Its name, as far as this person may read it."""
        kind, _, number = self.text(ONE_TARGET).partition(":")
        if kind not in MODELS or not _is_number(number):
            return self.text(ONE_TARGET)
        found = MODELS[kind].objects.visible_to(self.user).filter(pk=int(number)).first()
        return str(found or self.text(ONE_TARGET))

    def window_words(self) -> str:
        if self.window != CUSTOM:
            return f"in the last {WINDOWS[self.window][0].removeprefix('1 ')}"
        since, until = self.moment("from"), self.moment("to")
        parts = [f"from {since:%Y-%m-%d %H:%M}" if since else "", f"to {until:%Y-%m-%d %H:%M}" if until else "", "UTC"]
        return " ".join(filter(None, parts))

    def _chip(self, label: str, value: str, *names: str) -> dict[str, Any]:
        rest = self.query.copy()
        for name in (*names, "cursor"):
            rest.pop(name, None)
        return {"label": label, "value": value, "remove_url": f"?{rest.urlencode()}"}


def _any_of(name: str) -> Callable[[list[str]], Q]:
    return lambda values: Q(**{f"{name}__in": values})


def _source(values: list[str]) -> Q:
    found = Q(source__in=values)
    if AUTOMATED in values:
        found |= ~Q(source__in=_BY_HAND)
    return found | ~Q(undoes=None) if UNDO in values else found


def _policy(values: list[str]) -> Q:
    found = Q(pk__in=[])
    for value in values:
        found |= policy_status.having(value)
    return found


def _incident(text: str) -> Q:
    number = text.upper().removeprefix("INC-")
    return Q(incident=int(number)) if _is_number(number) else Q(pk__in=[])


def _of_target(text: str) -> Q:
    kind, _, number = text.partition(":")
    return Q(target_kind=kind[:10], target_id=int(number)) if _is_number(number) else Q(pk__in=[])


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS


_MEANING: dict[str, Callable[[list[str]], Q]] = {
    "source": _source,
    "policy": _policy,
    "simulated": lambda values: Q(simulated__in=[value == "1" for value in values]),
    "drift": lambda _values: policy_status.drifting(),
    "group": lambda values: Q(device_group_ids__overlap=[int(value) for value in values]),
}
_TEXT_MEANING: dict[str, Callable[[str], Q]] = {
    "search": lambda text: Q(target_name__has_text=text),
    "requester": lambda text: Q(requested_by__name__icontains=text),
    "decider": lambda text: Q(decided_by__name__icontains=text),
    "incident": _incident,
    ONE_TARGET: _of_target,
}
