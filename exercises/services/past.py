"""Plays the past quarter, moment by moment, through the services that everybody uses, under the clock of then."""

import logging
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from django.db import OperationalError, transaction
from psycopg.errors import DeadlockDetected

from accounts.models import User
from connectors.models import Connection
from core import clock
from exercises.company.people import SECURITY_TEAM, rows
from exercises.history.script import Moment, Verb
from exercises.keys import DEMO
from exercises.lifecycle import PLAYING
from exercises.models import Exercise
from exercises.services import past_reviews
from exercises.services.feed import replay
from exercises.services.past_actions import act, take_back
from exercises.services.simulated_world import let_happen
from incidents.models import Incident
from incidents.services.comment import comment_on
from incidents.services.manage import update_incident
from remediation.models import ActionRun
from remediation.refused import Refused

logger = logging.getLogger(__name__)
BATCH, MOST_LOST = 8, 5


def play_past(exercise: Exercise, connection: Connection, script: list[Moment]) -> Iterator[int]:
    """Play what has not been played yet; yields how many moments are done, after each batch.

    A batch and the note of how far the play has come are one transaction: killed, it goes on where it was. It ends
    early when the demo is to be removed.
    """
    done = int(exercise.plan.get("past", {}).get("done", 0))
    lost = 0
    while done < len(script):
        try:
            after = _play_batch(exercise, connection, script, done)
        except OperationalError as error:
            # What people and agents do at the same time holds the same rows; of two that wait for each other one has
            # to begin anew.
            lost += 1
            if lost > MOST_LOST or not isinstance(error.__cause__, DeadlockDetected):
                raise
            continue
        if after is None:
            return
        done, lost = after, 0
        yield done


def _play_batch(exercise: Exercise, connection: Connection, script: list[Moment], done: int) -> int | None:
    """How many moments are done after it; None when the demo is to be removed."""
    with transaction.atomic():
        row = Exercise.objects.select_for_update().filter(pk=exercise.pk, state=PLAYING).first()
        if row is None:
            return None
        past = dict(row.plan.get("past") or {"incidents": {}, "runs": {}})
        player = _Player(connection, past, row.seed)
        batch = _next_batch(script, done)
        for moment in batch:
            player.play(moment)
        done += len(batch)
        row.plan = {**row.plan, "past": {**past, "done": done}}
        row.progress, row.updated = 100 * done // len(script), clock.real_now()
        row.save(update_fields=["plan", "progress", "updated"])
    return done


def _next_batch(script: list[Moment], done: int) -> list[Moment]:
    """A few moments; alerts come last, because from then on the lane of correlation is held until the end."""
    batch: list[Moment] = []
    for moment in script[done : done + BATCH]:
        batch.append(moment)
        if moment.verb == Verb.ALERTS:
            break
    return batch


class _Player:
    """Plays single moments. `past` keeps which incidents and runs a case led to."""

    def __init__(self, connection: Connection, past: dict[str, Any], seed: int) -> None:
        self._connection, self._past, self._seed = connection, past, seed
        team = User.objects.filter(exercise=DEMO, username__in=[row[0] for row in rows(SECURITY_TEAM)])
        self._people = {user.username: user for user in team.prefetch_related("roles")}
        self._verbs: dict[Verb, Callable[[Moment], None]] = {
            Verb.ALERTS: self._alerts,
            Verb.TAKE: self._take,
            Verb.COMMENT: self._comment,
            Verb.ACT: self._act,
            Verb.UNDO: self._undo,
            Verb.RESOLVE: self._resolve,
            Verb.REVIEW: self._review,
            Verb.SIGN: self._sign,
        }

    def play(self, moment: Moment) -> None:
        with clock.at(moment.at):
            self._verbs[moment.verb](moment)

    def _incidents(self, moment: Moment) -> list[Incident]:
        ids = self._past["incidents"].get(str(moment.case.number), [])
        return list(Incident.objects.filter(pk__in=ids).order_by("pk"))

    def _analyst(self, moment: Moment) -> User:
        return self._people[moment.case.analyst]

    def _alerts(self, moment: Moment) -> None:
        sightings = list(moment.case.story.sightings)
        let_happen(self._connection, sightings)
        self._past["incidents"][str(moment.case.number)] = sorted(replay(sightings, arrived=moment.at))

    def _take(self, moment: Moment) -> None:
        analyst = self._analyst(moment)
        for incident in self._incidents(moment):
            if incident.is_open:
                changes = {"assigned_to": analyst, "status": "inProgress"}
                update_incident(incident, changes=changes, actor=analyst.actor)

    def _comment(self, moment: Moment) -> None:
        for incident in self._incidents(moment)[:1]:
            comment_on(incident, text=moment.case.story.comments[moment.index], actor=self._analyst(moment).actor)

    def _act(self, moment: Moment) -> None:
        step = moment.case.story.steps[moment.index]
        for incident in self._incidents(moment)[:1]:
            try:
                run = act(step, incident=incident, at=moment.at, **self._pair(moment))
            except Refused as refused:
                logger.info("%s on %s was refused: %s", step.deed, step.target, refused)
                return
            self._past["runs"][f"{moment.case.number}:{moment.index}"] = run.pk

    def _undo(self, moment: Moment) -> None:
        run = ActionRun.objects.filter(pk=self._past["runs"].get(f"{moment.case.number}:{moment.index}")).first()
        if run is not None and run.is_verified:
            why = moment.case.story.steps[moment.index].undo
            try:
                take_back(run, why=why, at=moment.at, **self._pair(moment))
            except Refused as refused:
                logger.info("undoing %s was refused: %s", run, refused)

    def _pair(self, moment: Moment) -> dict[str, Any]:
        rng = Random(f"{self._seed}:{moment.case.number}:{moment.verb}:{moment.index}")  # noqa: S311 - a play
        return {
            "analyst": self._analyst(moment),
            "responder": self._people[moment.case.responder],
            "rng": rng,
        }

    def _resolve(self, moment: Moment) -> None:
        story, analyst = moment.case.story, self._analyst(moment)
        changes = {
            "status": "resolved",
            "classification": story.classification,
            "determination": story.determination,
            "resolving_comment": story.resolution,
            **({"custom_tags": list(story.tags)} if story.tags else {}),
        }
        for incident in self._incidents(moment):
            if incident.is_open:
                update_incident(incident, changes=changes, actor=analyst.actor)

    def _review(self, moment: Moment) -> None:
        report = moment.case.story.report
        owners = [user for name, user in sorted(self._people.items()) if name != moment.case.analyst]
        for incident in self._incidents(moment)[:1]:
            if report is not None and not incident.is_open:
                past_reviews.write(incident, report, author=self._analyst(moment), owners=owners)

    def _sign(self, moment: Moment) -> None:
        manager = next(self._people[row[0]] for row in rows(SECURITY_TEAM) if row[2] == "manager")
        for incident in self._incidents(moment)[:1]:
            if not incident.is_open:
                past_reviews.sign(incident, manager=manager)
