"""The quarter before the play, through the ordinary services, under the clock of then."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice

import pytest
from django.db import OperationalError
from psycopg.errors import DeadlockDetected, DiskFull

from core import clock
from core.models import AuditEvent
from exercises.history.script import Moment, Verb, write_script
from exercises.keys import DEMO
from exercises.models import Exercise
from exercises.services import past
from exercises.services.past import play_past
from exercises.services.past_indicators import ENTRIES, leave_indicators
from incidents.enums import Classification, IncidentStatus
from incidents.models import Alert, Device, Identity, Incident
from remediation.enums import Enforcement, RunStatus
from remediation.models import ActionRun, Indicator
from tests.factories.exercises import MOMENT, SEED, lay_demo


def stories(*keys: str) -> list[Moment]:
    """The moments of the first case of each story."""
    script = write_script(SEED, MOMENT)
    first = {key: min(one.case.number for one in script if one.case.story.key == key) for key in keys}
    return [one for one in script if one.case.number in first.values()]


def play(exercise: Exercise, script: list[Moment]) -> Iterator[int]:
    connection = exercise.connection  # type: ignore[attr-defined]
    return play_past(exercise, connection, script)


@pytest.fixture
def exercise(db: None) -> Exercise:
    with clock.at(MOMENT):
        exercise, connection = lay_demo(anchor=MOMENT)
    exercise.connection = connection  # type: ignore[attr-defined]
    return exercise


def test_a_case_is_taken_acted_upon_undone_resolved_reviewed_and_signed(exercise: Exercise) -> None:
    script = stories("foothold")
    list(play(exercise, script))
    incident = Incident.objects.get()
    assert incident.status == IncidentStatus.RESOLVED
    assert incident.classification == Classification.TRUE_POSITIVE
    assert incident.assigned_to is not None
    runs = ActionRun.objects.top_level().exclude(decision="rejected").order_by("created")
    expected = {"device.isolate", "file.quarantine", "identity.disable", "device.release", "identity.enable"}
    assert {run.action for run in runs} == expected
    assert {run.status for run in runs} == {RunStatus.SUCCEEDED}
    assert all(run.simulated and run.is_verified for run in runs)
    assert incident.review.summary


def test_everything_carries_the_time_of_then(exercise: Exercise) -> None:
    script = stories("foothold")
    list(play(exercise, script))
    incident = Incident.objects.get()
    assert incident.acknowledged is not None
    assert incident.contained_at is not None
    assert incident.resolved is not None
    assert script[0].at == incident.created < incident.acknowledged < incident.contained_at < incident.resolved < MOMENT
    told = AuditEvent.objects.filter(thread=incident.thread)
    assert min(row.at for row in told) == incident.created
    assert max(row.at for row in told) < MOMENT


def test_two_different_people_ask_and_approve(exercise: Exercise) -> None:
    list(play(exercise, stories("spray")))
    decided = ActionRun.objects.exclude(decided_by__isnull=True)
    assert decided
    assert all(run.decided_by and run.decided_by["person_id"] != run.requester_id for run in decided)


def test_nothing_stays_isolated_or_disabled(exercise: Exercise) -> None:
    list(play(exercise, stories("malware", "leaver")))
    for row in [*Device.objects.all(), *Identity.objects.all()]:
        assert not any(entry["active"] for entry in row.mitigation.values()), row


def test_an_unmanaged_machine_and_a_benign_cause_end_without_any_action(exercise: Exercise) -> None:
    list(play(exercise, stories("crane-panel", "scanner")))
    assert set(Incident.objects.values_list("status", flat=True)) == {IncidentStatus.RESOLVED}
    assert not ActionRun.objects.exists()


def test_a_killed_play_goes_on_where_it_was(exercise: Exercise) -> None:
    script = stories("phishing", "mailbox-rules")
    list(islice(play(exercise, script), 2))
    exercise.refresh_from_db()
    done = exercise.plan["past"]["done"]
    assert 0 < done < len(script)
    list(play(exercise, script))
    expected = sum(len(one.case.story.sightings) for one in script if one.verb == Verb.ALERTS)
    assert Alert.objects.count() == expected
    assert Incident.objects.filter(status=IncidentStatus.RESOLVED).count() == 2
    assert AuditEvent.objects.filter(verb="review.begun").count() == 2


def test_the_play_stops_when_it_is_to_be_removed(exercise: Exercise) -> None:
    player = play(exercise, stories("phishing"))
    next(player)
    Exercise.objects.update(state="removing")
    assert list(player) == []


def test_alerts_of_the_past_never_wait_for_a_worker(exercise: Exercise) -> None:
    for _ in play(exercise, stories("scanner")):
        assert not Alert.objects.filter(correlated=None).exists()
    assert Alert.objects.latest("created").created < MOMENT - timedelta(days=1)


def test_the_team_of_the_past_kept_a_list_of_indicators(exercise: Exercise) -> None:
    connection = exercise.connection  # type: ignore[attr-defined]
    leave_indicators(connection, anchor=MOMENT)
    leave_indicators(connection, anchor=MOMENT)
    rows = Indicator.objects.filter(exercise=DEMO)
    assert rows.count() == len(ENTRIES)
    assert set(rows.values_list("status", flat=True)) == {"active", "removed", "expired"}
    active = rows.active().prefetch_related("enforcements")
    assert {row.enforcements.get().state for row in active} == {Enforcement.IN_FORCE}
    assert rows.latest("created").created < MOMENT


def loses(monkeypatch: pytest.MonkeyPatch, times: int, why: Exception) -> list[Moment]:
    """The first moments that are played end like a transaction that lost against another; answers which."""
    lost: list[Moment] = []
    real = past._Player.play

    def played(self: past._Player, moment: Moment) -> None:
        real(self, moment)
        if len(lost) < times:
            lost.append(moment)
            raise OperationalError("deadlock detected") from why

    monkeypatch.setattr(past._Player, "play", played)
    return lost


def test_what_lost_against_a_person_is_played_again(exercise: Exercise, monkeypatch: pytest.MonkeyPatch) -> None:
    script = stories("foothold")
    lost = loses(monkeypatch, 2, DeadlockDetected())
    assert list(play(exercise, script))[-1] == len(script)
    assert lost == [script[0]] * 2
    assert Incident.objects.get().status == IncidentStatus.RESOLVED, "once, as if nothing had been"


@pytest.mark.parametrize(("times", "why"), [(99, DeadlockDetected()), (1, DiskFull())])
def test_who_loses_for_ever_or_by_something_else_says_so(
    exercise: Exercise, monkeypatch: pytest.MonkeyPatch, times: int, why: Exception
) -> None:
    loses(monkeypatch, times, why)
    with pytest.raises(OperationalError):
        list(play(exercise, stories("foothold")))
