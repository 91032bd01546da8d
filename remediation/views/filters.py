"""Filters of the Action center's History, kept in the URL and shown as chips."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.http import QueryDict

from accounts.models import User
from core import clock
from incidents.enums import EntityKind
from remediation.catalog import registry
from remediation.enums import Decision, RunStatus, Source
from remediation.models import ActionRun
from remediation.queries.runs import RunQuerySet

WINDOWS = {"1d": ("1 day", 1), "7d": ("1 week", 7), "30d": ("30 days", 30), "180d": ("6 months", 180)}
DEFAULT_WINDOW = "30d"
_CHOICES: dict[str, tuple[str, dict[str, str]]] = {
    "status": ("Status", dict(RunStatus.choices)),
    "decision": ("Decision", dict(Decision.choices)),
    "target_kind": ("Target", dict(EntityKind.choices)),
    "source": ("Source", dict(Source.choices)),
}


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """What the URL asks for; unknown words are ignored."""

    query: QueryDict

    def labels(self) -> dict[str, tuple[str, dict[str, str]]]:
        actions = {action.key: action.label for action in registry.all_actions()}
        return {"action": ("Action", actions), **_CHOICES}

    @property
    def window(self) -> str:
        wanted = self.query.get("window", DEFAULT_WINDOW)
        return wanted if wanted in WINDOWS else DEFAULT_WINDOW

    @property
    def words(self) -> str:
        return self.query.get("search", "").replace("\x00", "").strip()[:200]

    def chosen(self) -> dict[str, list[str]]:
        return {
            name: [value for value in self.query.getlist(name) if value in values]
            for name, (_, values) in self.labels().items()
        }

    def apply(self, user: User) -> RunQuerySet:
        """Decided top-level runs this person may see, inside the window."""
        since = clock.now() - timedelta(days=WINDOWS[self.window][1])
        runs = ActionRun.objects.visible_to(user).top_level().decided().filter(created__gte=since)
        for name, values in self.chosen().items():
            if values:
                runs = runs.filter(**{f"{name}__in": values})
        if self.words:
            runs = runs.filter(Q(target_name__has_text=self.words))
        return runs.select_related("incident", "connection")

    def chips(self) -> list[dict[str, Any]]:
        labels = self.labels()
        chips = [self._chip("Requested in", WINDOWS[self.window][0], "window")]
        for name, values in self.chosen().items():
            if values:
                chips.append(self._chip(labels[name][0], ", ".join(labels[name][1][one] for one in values), name))
        if self.words:
            chips.append(self._chip("Target", self.words, "search"))
        return chips

    def _chip(self, label: str, value: str, name: str) -> dict[str, Any]:
        rest = self.query.copy()
        rest.pop(name, None)
        rest.pop("cursor", None)
        return {"label": label, "value": value, "remove_url": f"?{rest.urlencode()}"}
