"""Which incidents a figure is about: those that the person may see, narrowed by filters."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.http import QueryDict

from accounts.models import User
from incidents.enums import Classification, Severity
from incidents.models import Incident
from incidents.queries.incidents import IncidentQuerySet
from incidents.wording import source_label

MAX_VALUES, MAX_TEXT = 20, 80
LABELS: Mapping[str, str] = {
    "severity": "Severity", "classification": "Classification", "owner": "Owner", "source": "Source",
    "technique": "Technique",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Population:
    """`without_restricted` leaves out incidents that are restricted to named people, whoever looks."""

    user: User
    filters: Mapping[str, tuple[str, ...]]
    without_restricted: bool = False

    @classmethod
    def read(cls, params: QueryDict, user: User) -> "Population":
        found = {name: _texts(params.getlist(name)) for name in LABELS}
        return cls(user, {name: values for name, values in found.items() if values})

    def incidents(self) -> IncidentQuerySet:
        rows = Incident.objects.visible_to(self.user).listed()
        if self.without_restricted:
            rows = rows.filter(restricted=False)
        for name, values in self.filters.items():
            rows = rows.filter(_condition(name, values))
        return rows

    def narrowed(self, **values: str) -> "Population":
        return replace(self, filters={**self.filters, **{name: (value,) for name, value in values.items()}})

    @property
    def address(self) -> str:
        return urlencode([(name, value) for name, values in self.filters.items() for value in values])

    def chips(self, names: Mapping[str, str], rest: str) -> list[dict[str, str]]:
        """`rest` is what stays of the address when one filter is removed."""
        chips = []
        for name, values in self.filters.items():
            kept = Population(self.user, {key: value for key, value in self.filters.items() if key != name})
            words = ", ".join(said(name, value, names) for value in values)
            chips.append({"label": LABELS[name], "value": words,
                          "remove_url": "?" + "&".join(filter(None, [rest, kept.address]))})  # fmt: skip
        return chips

    @property
    def in_words(self) -> str:
        """Whose view the figures are computed from."""
        if self.user.scope.everything:
            return "All incidents that are not restricted to others."
        return f"Only incidents that you may see: {self.user.reach_in_words}."


def said(name: str, value: str, names: Mapping[str, str]) -> str:
    tables: dict[str, Mapping[str, str]] = {
        "severity": {item.value: str(item.label) for item in Severity},
        "classification": {item.value: str(item.label) for item in Classification},
        "owner": {"": "Nobody", "nobody": "Nobody", **names},
    }
    return source_label(value) if name == "source" else tables.get(name, {}).get(value, value)


def _texts(values: list[str]) -> tuple[str, ...]:
    clean = (value.replace("\x00", "").strip()[:MAX_TEXT] for value in values[:MAX_VALUES])
    return tuple(value for value in clean if value)


def _condition(name: str, values: tuple[str, ...]) -> Q:
    if name == "owner":
        keys = [int(value) for value in values if value.isdecimal() and len(value) < 18]
        return Q(assigned_to__in=keys) | (Q(assigned_to=None) if "nobody" in values else Q(pk__in=[]))
    plain: dict[str, str] = {"severity": "severity__in", "classification": "classification__in",
                             "source": "sources__overlap", "technique": "mitre_techniques__overlap"}  # fmt: skip
    wanted: dict[str, Any] = {plain[name]: list(values)}
    return Q(**wanted)
