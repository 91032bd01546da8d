"""What all pages of the managers' room share: the tabs, the period, the filters."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.http import QueryDict
from django.utils import timezone

from accounts import keys
from accounts.guard import AccountRequest
from accounts.models import User
from incidents.enums import Classification, Severity
from incidents.models import Incident
from incidents.wording import source_label
from reviews.figures.period import SPANS, Period, read_period
from reviews.figures.population import Population

KEPT_S = 60
TABS = (
    ("figures", "Figures", "/reports/", keys.READ_REPORTS),
    ("levels", "Service levels", "/reports/service-levels/", keys.READ_REPORTS),
    ("detectors", "Detectors", "/reports/detectors/", keys.READ_REPORTS),
    ("people", "Workload", "/reports/workload/", keys.READ_REPORTS),
    ("attack", "ATT&CK", "/reports/attack/", keys.READ_REPORTS),
    ("periods", "Period reports", "/reports/periods/", keys.READ_REPORTS),
    ("follow_ups", "Follow-ups", "/follow-ups/", keys.READ),
    ("lessons", "Lessons", "/lessons/", keys.READ),
    ("handover", "Handover", "/handover/", keys.READ),
)
PREPARATION = (
    ("readiness", "Readiness", "/readiness/", keys.READ_REPORTS),
    ("contacts", "Contacts", "/contacts/", keys.READ),
    ("drills", "Exercises", "/drills/", keys.READ),
)


def tabs_for(user: User, current: str, query: str = "") -> list[dict[str, Any]]:
    """The rooms' tabs; the period goes along from figure to figure."""
    kept = f"?{query}" if query else ""
    return [
        {"label": label, "url": url + (kept if url.startswith("/reports/") and key != "periods" else ""),
         "current": key == current}
        for key, label, url, needed in TABS if user.holds(needed)
    ]  # fmt: skip


def preparation_tabs(user: User, current: str) -> list[dict[str, Any]]:
    """The tabs of what is prepared; whoever does not read reports begins with the contacts."""
    return [{"label": label, "url": url, "current": key == current}
            for key, label, url, needed in PREPARATION if user.holds(needed)]  # fmt: skip


def _kept[T](key: str, find: Callable[[], T]) -> T:
    found: T | None = cache.get(key)
    if found is None:
        found = find()
        cache.set(key, found, KEPT_S)
    return found


@dataclass(frozen=True, slots=True)
class Room:
    """The reader's period and filters, and the words of the page around them."""

    user: User
    current: str
    period: Period
    population: Population

    @classmethod
    def enter(cls, request: AccountRequest, current: str) -> "Room":
        period = read_period(request.GET, zone=timezone.get_current_timezone())
        return cls(request.user, current, period, Population.read(request.GET, request.user))

    @property
    def address(self) -> str:
        """The query that brings period and filters back."""
        return "&".join(filter(None, [self.period.address, self.population.address]))

    @property
    def exact(self) -> str:
        """The same, with the very times: for the rows behind a figure."""
        fixed = QueryDict(mutable=True)
        fixed.update(self.period.span)
        return "&".join(filter(None, [fixed.urlencode(), self.population.address]))

    def context(self) -> dict[str, Any]:
        names = self._names()
        spans = [
            {"label": label, "current": word == self.period.word,
             "url": "?" + "&".join(filter(None, [f"period={word}", self.population.address]))}
            for word, (label, _days, _step) in SPANS.items()
        ]  # fmt: skip
        return {
            "room": self,
            "period": self.period,
            "tabs": tabs_for(self.user, self.current, self.address),
            "spans": spans,
            "chips": self.population.chips(names, self.period.address),
            "choices": self._choices(names),
        }

    def _names(self) -> dict[str, str]:
        """Kept for a minute, as the sources are: what may be chosen changes seldom, and finding it reads every row."""
        return _kept(f"owners-of:{self.user.pk}", self._owners)

    def _owners(self) -> dict[str, str]:
        owners = Incident.objects.visible_to(self.user).exclude(assigned_to=None).order_by()
        people = User.objects.filter(pk__in=owners.values("assigned_to"))
        return {str(person.pk): str(person) for person in people}

    def _choices(self, names: dict[str, str]) -> list[dict[str, Any]]:
        seen = Incident.objects.visible_to(self.user)
        sources = _kept(f"sources-of:{self.user.pk}", lambda: seen.known_words("sources"))
        offered = {
            "severity": [(item.value, str(item.label)) for item in reversed(Severity)],
            "classification": [(item.value, str(item.label)) for item in Classification],
            "owner": [("nobody", "Nobody"), *sorted(names.items(), key=lambda pair: pair[1].casefold())],
            "source": [(value, source_label(value)) for value in sources],
        }
        labels = {"severity": "Severity", "classification": "Classification", "owner": "Owner", "source": "Source"}
        return [
            {"name": name, "label": labels[name],
             "options": [(value, label, value in self.population.filters.get(name, ())) for value, label in values]}
            for name, values in offered.items()
        ]  # fmt: skip
