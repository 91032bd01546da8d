"""The benign alerts of the day before the play, and the little of it that the team has looked at already."""

from datetime import datetime, timedelta
from random import Random

from django.db import transaction

from accounts.models import User
from core import clock
from exercises.keys import DEMO
from exercises.models import Exercise
from exercises.services.feed import replay
from exercises.sources.day import noise_between
from exercises.sources.sighting import Sighting
from incidents.models import Incident
from incidents.services.manage import update_incident

HOURS = 24
QUARTER = timedelta(minutes=15)


def play_day(exercise: Exercise, *, anchor: datetime) -> None:
    """Hour by hour; what is done is noted with each hour."""
    begin = anchor - timedelta(hours=HOURS)
    for hour in range(int(exercise.plan.get("noise_hours", 0)), HOURS):
        since, until = begin + timedelta(hours=hour), begin + timedelta(hours=hour + 1)
        sightings = noise_between(exercise.seed, anchor, since, until)
        with transaction.atomic():
            row = Exercise.objects.select_for_update().get(pk=exercise.pk)
            incidents = _arrive(sightings, since, until)
            _look_at_some(row.seed, hour, incidents, since, until)
            row.plan = {**row.plan, "noise_hours": hour + 1}
            row.save(update_fields=["plan"])
    exercise.refresh_from_db()


def _arrive(sightings: list[Sighting], since: datetime, until: datetime) -> set[int]:
    """By quarters of an hour, as the queue counts them; returns the incidents they belong to."""
    incidents: set[int] = set()
    while since < until:
        begin, since = since, since + QUARTER
        if part := [one for one in sightings if begin <= one.at < since]:
            incidents |= replay(part, arrived=since)
    return incidents


def _look_at_some(seed: int, hour: int, incidents: set[int], since: datetime, until: datetime) -> None:
    """Of the new incidents of an hour some are taken by somebody before the next hour begins."""
    rng = Random(f"{seed}:looks-{hour}")  # noqa: S311 - a play, not a secret
    analysts = list(User.objects.filter(exercise=DEMO, is_active=True, roles__key="analyst").order_by("pk"))
    fresh = Incident.objects.open().filter(pk__in=incidents, assigned_to=None, created__gt=since).order_by("pk")
    for incident in fresh:
        if analysts and rng.random() < 0.4:
            analyst = rng.choice(analysts)
            with clock.at(until + timedelta(minutes=rng.uniform(4, 50))):
                changes = {"assigned_to": analyst, "status": "inProgress"}
                update_incident(incident, changes=changes, actor=analyst.actor)
