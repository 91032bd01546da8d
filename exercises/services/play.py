"""The whole play, phase by phase. Each phase notes that it is done, so a killed play goes on where it was."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import connection as database
from django.db import transaction

from accounts.models import User
from accounts.services.people import deactivate_user, reactivate_user
from connectors.models import Connection
from core import audit, clock
from exercises.company import COMPANY
from exercises.history.script import write_script
from exercises.keys import DEMO, DIRECTOR, PLAYER_LOCK
from exercises.lifecycle import EXERCISE_STATE, PLAYING, REMOVING
from exercises.models import Exercise
from exercises.services.attack import open_attacks
from exercises.services.lay_company import lay_company
from exercises.services.noise import play_day
from exercises.services.past import play_past
from exercises.services.past_indicators import leave_indicators
from exercises.services.past_preparation import leave_preparation
from exercises.services.remove_demo import remove_demo
from exercises.services.simulated_world import lay_world
from exercises.services.standing import leave_standing, let_drift
from incidents.models import Incident
from remediation.enums import OPEN_STATUSES
from remediation.models import ActionRun, Indicator

Say = Callable[[str], None]
DEFAULT_SEED = 1187
# A play that was killed before anything was shown begins anew at the present moment.
STALE = timedelta(minutes=2)


class PlayingElsewhere(Exception):
    """Another process plays the demo, or removes it."""


@contextmanager
def only_player(*, wait_s: float = 0.0) -> Iterator[None]:
    """One player at a time over all processes. Raises `PlayingElsewhere` when the other one does not end in time."""
    until = time.monotonic() + wait_s
    with database.cursor() as cursor:
        while True:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [PLAYER_LOCK])
            if cursor.fetchone()[0]:
                break
            if time.monotonic() >= until:
                raise PlayingElsewhere
            time.sleep(0.2)
    try:
        yield
    finally:
        with database.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [PLAYER_LOCK])


def play_demo(*, seed: int, with_history: bool, say: Say) -> Exercise:
    """Play what has not been played yet: company, attacks, the noise around them, the past. Call it as only player."""
    exercise = _begin(seed)
    connection = _company(exercise, say)
    if "attacks" not in exercise.plan:
        open_attacks(exercise, connection, anchor=_anchor(exercise))
    say(f"three attacks are under way: {_attacked()}")
    play_day(exercise, anchor=_anchor(exercise))
    say("a day of ordinary alerts is around them")
    leave_standing(exercise, anchor=_anchor(exercise))
    if with_history:
        _past(exercise, connection, say)
    leave_preparation(anchor=_anchor(exercise))
    _team_at_work(working=False)
    exercise.refresh_from_db()
    return exercise


def stop_and_remove(*, say: Say, wait_s: float = 60.0) -> dict[str, int]:
    """Tell a running player to stop, wait for it, and remove everything."""
    with transaction.atomic():
        exercise = Exercise.objects.select_for_update().filter(key=DEMO).first()
        if exercise is None:
            return {}
        if exercise.state != REMOVING:
            EXERCISE_STATE.move(exercise, REMOVING, actor=DIRECTOR)
    with only_player(wait_s=wait_s):
        say("removing the demo company")
        return remove_demo(actor=DIRECTOR)


def _begin(seed: int) -> Exercise:
    found = Exercise.objects.filter(key=DEMO).first()
    if found is not None and found.state == REMOVING:
        remove_demo(actor=DIRECTOR)
    with transaction.atomic():
        exercise, created = Exercise.objects.get_or_create(key=DEMO, defaults={"seed": seed})
        if created:
            audit.record("exercise.begun", subject=f"exercise:{DEMO}", actor=DIRECTOR, data={"seed": seed})
        shown = "attacks" in exercise.plan
        if not exercise.plan.get("anchor") or (not shown and _anchor(exercise) + STALE < clock.now()):
            exercise.plan = {**exercise.plan, "anchor": clock.now().isoformat()}
            exercise.save(update_fields=["plan"])
    return exercise


def _anchor(exercise: Exercise) -> datetime:
    return datetime.fromisoformat(exercise.plan["anchor"])


def _company(exercise: Exercise, say: Say) -> Connection:
    with transaction.atomic():
        connection = lay_world(actor=DIRECTOR)
        if exercise.state != PLAYING:
            lay_company(connection, now=_anchor(exercise), actor=DIRECTOR)
            EXERCISE_STATE.move(exercise, PLAYING, actor=DIRECTOR)
    say(f"the company is there: {len(COMPANY.machines)} devices, {len(COMPANY.accounts)} accounts")
    return connection


def _attacked() -> str:
    rows = Incident.objects.filter(exercise=DEMO).open().order_by("-priority_score", "pk")[:3]
    return "; ".join(f"{row.number} {row.display_name}" for row in rows)


def _past(exercise: Exercise, connection: Connection, say: Say) -> None:
    script = write_script(exercise.seed, _anchor(exercise))
    if (
        int(exercise.plan.get("past", {}).get("done", 0)) >= len(script)
        and Indicator.objects.filter(exercise=DEMO).exists()
    ):
        return
    _team_at_work(working=True)
    told = 0
    for done in play_past(exercise, connection, script):
        percent = 100 * done // len(script)
        if percent >= told + 10:
            told = percent - percent % 10
            say(f"history {told} %")
    if Exercise.objects.filter(pk=exercise.pk, state=PLAYING).exists():
        leave_indicators(connection, anchor=_anchor(exercise))
        let_drift()


def _team_at_work(*, working: bool) -> None:
    """The people of the past are switched off when it is played: nobody should wait for a decision of theirs. Those
    who asked for something that is still open stay."""
    still_asking = ActionRun.objects.filter(status__in=OPEN_STATUSES).exclude(requester_id=None).values("requester_id")
    for user in User.objects.filter(exercise=DEMO, is_active=not working).exclude(pk__in=still_asking):
        if working:
            reactivate_user(user, actor=DIRECTOR, reason="The past is being played.")
        else:
            deactivate_user(user, actor=DIRECTOR, reason="The past has been played.")
