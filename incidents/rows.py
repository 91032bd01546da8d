"""A line of an incident list: what it says under the name, and what makes it stand out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from accounts.models import User
from core import clock
from core.wording import counted
from incidents.assets import shown_names
from incidents.enums import IncidentStatus
from incidents.models import Incident
from incidents.services.service_levels import show_as_of_now
from incidents.wording import asset_counts, category_labels, source_label

JUST_IN = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """`key` is the incident's as text, because a row says it a dozen times. `unread`: nobody has taken it up yet, who
    did cannot sign in any more, or has not seen yet that it rose to High. `fresh`: arrived a moment ago."""

    incident: Incident
    key: str
    assets: str
    sources: str
    names: str
    tactics: str
    source_names: str
    unread: bool
    fresh: bool


def as_rows(incidents: Sequence[Incident], user: User) -> list[IncidentRow]:
    show_as_of_now(incidents)
    names = shown_names(incidents, user)
    edge = clock.now() - JUST_IN
    return [_row(incident, names[incident.pk], incident.created > edge) for incident in incidents]


def _row(incident: Incident, names: list[dict[str, Any]], is_new: bool) -> IncidentRow:
    untouched = incident.status == IncidentStatus.ACTIVE and incident.acknowledged is None
    owner = incident.assigned_to
    left = incident.is_open and owner is not None and not owner.is_active
    sources = len(incident.sources)
    return IncidentRow(
        incident=incident,
        key=str(incident.pk),
        assets=asset_counts(incident.impacted_assets),
        sources=counted(sources, "source") if sources > 1 else "",
        names=", ".join(list(dict.fromkeys(str(row.get("name", "")) for row in names))[:2]),
        tactics=", ".join(category_labels(incident.categories)),
        source_names=", ".join(source_label(name) for name in incident.service_sources),
        unread=untouched or left or (incident.is_open and incident.rose_to_high is not None),
        fresh=untouched and is_new,
    )
