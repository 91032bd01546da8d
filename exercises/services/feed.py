"""The way of the demo's alerts into the portal: the same as everybody's, at the time they would have arrived."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from core import clock
from exercises.keys import DEMO, DIRECTOR
from exercises.sources.render import FEEDS, batches
from exercises.sources.sighting import Sighting
from incidents.correlation.at_once import correlate_at_once
from incidents.ingest.accept import accept_alerts
from incidents.models import Incident

# How long a source takes to tell of what it saw.
DELAY = timedelta(seconds=25)


def send(sightings: Iterable[Sighting]) -> list[int]:
    """Hand the alerts over and leave the rest to the portal; returns their ids."""
    ids: list[int] = []
    for wire, items in batches(sightings):
        receipt = accept_alerts(items, format=wire.value, source=FEEDS[wire], actor=DIRECTOR, exercise=DEMO)
        if receipt.rejected:
            raise ValueError(f"The ingest refused {len(receipt.rejected)} alerts of the demo: {receipt.rejected[0]}")
        ids += [int(alert["id"]) for alert in receipt.alerts]
    return ids


def replay(sightings: list[Sighting], *, arrived: datetime | None = None) -> set[int]:
    """Alerts of the past, correlated at the time of their arrival; returns the incidents they belong to.

    One transaction, so that no worker meets an alert of the past and stamps it with today's time.
    """
    moment = arrived or max(one.at + one.span for one in sightings) + DELAY
    with clock.at(moment), transaction.atomic():
        ids = send(sightings)
        correlate_at_once(ids)
    return set(Incident.objects.filter(alerts__in=ids).values_list("pk", flat=True))
