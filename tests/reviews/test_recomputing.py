"""Figures and service levels can be computed again from the audit log alone, to the second."""

from datetime import timedelta

import pytest
from django.core.management import call_command

from accounts.models import User
from core import clock, options
from incidents.models import Incident
from incidents.services.merge import merge_incidents
from incidents.services.move_alerts import move_alerts
from incidents.services.service_levels import SWEEPER, pause_clocks, resume_clocks, sweep_service_levels
from reviews.recompute import recompute
from tests.factories.incidents import AlertFactory
from tests.factories.past import MONDAY, change_at, contain_at, handled, incident_at, later

pytestmark = pytest.mark.django_db
SPAN = (MONDAY - timedelta(days=1), MONDAY + timedelta(days=20))


@pytest.fixture
def every_turn(ada: User, rita: User, adam: User) -> None:
    """Closed, reopened, reassigned, merged, moved, paused, raised, lowered, contained and judged to be nothing."""
    for minutes in (3, 20, 45):
        handled(ada, begun=later(hours=minutes), minutes=(minutes, 2 * minutes, 400))
    handled(ada, minutes=(10, None, 300), classification="falsePositive")
    reopened = handled(ada, begun=later(days=1))
    change_at(later(days=1, hours=9), reopened, ada, status="inProgress", severity="medium")
    change_at(later(days=1, hours=10), reopened, ada, assigned_to=rita)
    change_at(later(days=1, hours=30), reopened, rita, status="resolved")
    _merged(ada)
    _moved(ada)
    _paused(ada)
    options.put("incidents.sla_high_acknowledge_min", 90, actor=adam.actor, reason="found too strict")
    stuck = incident_at(later(days=5))
    with clock.at(later(days=5, hours=2)):
        sweep_service_levels(actor=SWEEPER)
    change_at(later(days=5, hours=3), stuck, ada, severity="low", status="resolved", classification="truePositive")


def _merged(ada: User) -> None:
    old, new = incident_at(later(days=2)), incident_at(later(days=2, minutes=50))
    contain_at(later(days=2, minutes=52), old)
    change_at(later(days=2, minutes=55), new, ada, assigned_to=ada)
    with clock.at(later(days=2, minutes=58)):
        merge_incidents([old, new], actor=ada.actor, user=ada)


def _moved(ada: User) -> None:
    """Every alert of one goes to another: the first is left empty and leads there; a part opens a new one."""
    one, other = incident_at(later(days=3)), incident_at(later(days=3, minutes=5), severity="low")
    early = AlertFactory.create(incident=other, first_activity=later(days=2, hours=20), severity="low")
    with clock.at(later(days=3, minutes=30)):
        move_alerts(list(one.alerts.all()), to=other, actor=ada.actor, comment="one attack")
        move_alerts([early], to=None, actor=ada.actor, comment="another thing")


def _paused(ada: User) -> None:
    waiting = incident_at(later(days=4))
    with clock.at(later(days=4, minutes=10)):
        pause_clocks(waiting, reason="thirdParty", note="", actor=ada.actor)
    with clock.at(later(days=4, minutes=80)):
        resume_clocks(waiting, note="", actor=ada.actor)
    change_at(later(days=4, minutes=95), waiting, ada, assigned_to=ada)
    with clock.at(later(days=4, minutes=100)):
        pause_clocks(waiting, reason="awaitingUser", note="", actor=ada.actor)


def test_the_log_tells_what_the_tables_tell(every_turn: None) -> None:
    outcome = recompute(*SPAN)
    assert [str(one) for one in outcome.differences] == []
    assert outcome.checked == Incident.objects.count()
    assert outcome.untold == 0
    assert {row["measure"]: row["log"]["count"] for row in outcome.figures} == {
        "acknowledged": 7, "contained": 5, "resolved": 6,
    }  # fmt: skip


def test_the_command_says_so(every_turn: None, capsys: pytest.CaptureFixture[str]) -> None:
    with clock.at(SPAN[1]):
        call_command("recompute_figures", "--from", "2026-11-01", "--to", "2026-11-20")
    assert "no difference" in capsys.readouterr().out


@pytest.mark.parametrize("column", ["acknowledged", "contained_at", "resolved", "first_activity"])
def test_a_time_that_was_changed_by_hand_is_found(ada: User, column: str, capsys: pytest.CaptureFixture[str]) -> None:
    incident = handled(ada)
    Incident.objects.filter(pk=incident.pk).update(**{column: getattr(incident, column) - timedelta(seconds=2)})
    with clock.at(SPAN[1]), pytest.raises(SystemExit) as ended:
        call_command("recompute_figures", "--from", "2026-11-01", "--to", "2026-11-20")
    assert ended.value.code == 1
    assert f"DIFFERS INC-{incident.pk} {column}" in capsys.readouterr().out


def test_a_service_level_that_was_made_better_by_hand_is_found(ada: User) -> None:
    incident = handled(ada, minutes=(45, 50, 300))
    assert incident.sla["acknowledge"]["state"] == "completedBreached"
    incident.sla["acknowledge"]["state"] = "completedMet"
    Incident.objects.filter(pk=incident.pk).update(sla=incident.sla)
    found = recompute(*SPAN).differences
    assert [(one.incident, one.what, one.told, one.stored) for one in found] == [
        (incident.pk, "service level: acknowledge", "completedBreached", "completedMet")
    ]


def test_an_incident_that_the_log_does_not_know_is_found() -> None:
    stray = Incident.objects.create(display_name="stray", created=MONDAY, first_activity=MONDAY, sla_started=MONDAY)
    assert [(one.incident, one.what) for one in recompute(*SPAN).differences] == [(stray.pk, "beginning")]


def test_what_came_before_the_log_told_beginnings_is_said_and_no_difference() -> None:
    Incident.objects.create(display_name="older", created=MONDAY, first_activity=MONDAY)
    outcome = recompute(*SPAN)
    assert (outcome.untold, outcome.differences) == (1, [])


def test_an_incident_of_an_older_release_is_told_of_from_its_first_sweep_on() -> None:
    older = Incident.objects.create(display_name="older", created=MONDAY, first_activity=MONDAY, severity="high")
    with clock.at(later(hours=1)):
        sweep_service_levels(actor=SWEEPER)
    contain_at(later(hours=2), older)
    outcome = recompute(*SPAN)
    assert (outcome.checked, outcome.untold, outcome.differences) == (1, 0, [])


def test_days_that_are_none_are_refused() -> None:
    with pytest.raises(Exception, match="neither a day nor a time"):
        call_command("recompute_figures", "--from", "yesterday")
