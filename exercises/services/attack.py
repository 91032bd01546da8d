"""Opening the attacks of a play, and letting them go on while nobody stops them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction

from connectors.models import Connection
from core import clock
from exercises.attacks.cast import ATTACKS
from exercises.attacks.course import Course
from exercises.keys import DEMO
from exercises.lifecycle import PLAYING
from exercises.models import Exercise
from exercises.services.feed import replay, send
from exercises.services.simulated_world import CompanyAsFound, let_happen
from exercises.sources.day import noise_between
from exercises.sources.sighting import Sighting

# For so long after the beginning the ordinary noise of the company goes on.
NOISE_GOES_ON = timedelta(hours=8)
NOISE_EVERY = timedelta(minutes=1)


def open_attacks(exercise: Exercise, connection: Connection, *, anchor: datetime) -> None:
    """Everything the attackers did before the play begins, alert by alert at the time of its arrival."""
    courses, happened = {}, []
    for attack in ATTACKS:
        sightings, course = attack.opening(anchor, prefix=str(exercise.seed))
        happened += sightings
        courses[attack.key] = course.as_json()
    with transaction.atomic():
        row = Exercise.objects.select_for_update().get(pk=exercise.pk)
        let_happen(connection, happened)
        for sighting in sorted(happened, key=lambda one: one.at):
            replay([sighting])
        row.plan = {**row.plan, "attacks": courses, "noise_until": anchor.isoformat()}
        row.save(update_fields=["plan"])
    exercise.refresh_from_db()


def over_by(now: datetime, sightings: Sequence[Sighting]) -> list[Sighting]:
    """What a source tells of is over: a step whose signs would last beyond `now` began so much earlier, all of it."""
    late = max((one.at + one.span - now for one in sightings), default=timedelta())
    return [replace(one, at=one.at - late) for one in sightings] if late > timedelta() else list(sightings)


def advance_attacks() -> int:
    """Let every attacker look around and take the next step. Returns how many alerts came of it.

    One at a time and in one transaction with the attackers' memory: a step that was not stored did not happen.
    """
    with transaction.atomic():
        exercise = Exercise.objects.select_for_update().filter(key=DEMO, state=PLAYING).first()
        connection = Connection.objects.filter(exercise=DEMO, enabled=True).first()
        if exercise is None or connection is None or "attacks" not in exercise.plan:
            return 0
        now, around = clock.now(), CompanyAsFound(connection)
        plan, sightings = dict(exercise.plan), []
        for attack in ATTACKS:
            course = Course.from_json(plan["attacks"][attack.key])
            sightings += over_by(now, attack.advance(course, around, now, prefix=str(exercise.seed)))
            plan["attacks"] = {**plan["attacks"], attack.key: course.as_json()}
        let_happen(connection, sightings)
        anchor, until = (datetime.fromisoformat(plan[name]) for name in ("anchor", "noise_until"))
        if until + NOISE_EVERY <= now and until < anchor + NOISE_GOES_ON:
            for one in noise_between(exercise.seed, anchor, max(until, now - NOISE_GOES_ON), now):
                sightings += over_by(now, [one])
            plan["noise_until"] = now.isoformat()
        if sightings:
            send(sightings)
        if plan != exercise.plan:
            exercise.plan, exercise.updated = plan, clock.real_now()
            exercise.save(update_fields=["plan", "updated"])
    return len(sightings)
