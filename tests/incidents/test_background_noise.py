"""Many low alerts over hours are a habit of the house, and nothing graver is drawn into it."""

from typing import Any

import pytest

from core import options
from incidents.models import Incident
from tests.factories.wire import MALWARE, SENSOR, correlated, device, file, graph_alert, ip, user

pytestmark = pytest.mark.django_db
HOURLY = 60
MINUTELY = 1


def failures(count: int, *evidence: dict[str, Any], every: int = HOURLY, **fields: Any) -> Incident:
    """An old password that is tried again and again."""
    found = correlated(*(
        graph_alert(*(evidence or (user(), device("dc"))), minutes=n * every, title="Failed sign-in", detectorId="f",
                    **{"severity": "low", **fields})
        for n in range(count)
    ))  # fmt: skip
    assert len(set(found)) == 1
    return found[0]


def attack(*evidence: dict[str, Any], minutes: int, **fields: Any) -> Incident:
    item = graph_alert(*evidence, minutes=minutes, title="Inbox rule made", detectorId="r", **fields)
    return correlated(item)[0]


def test_a_graver_alert_about_the_same_account_is_not_drawn_into_a_habit() -> None:
    habit = failures(12)
    assert attack(user(), minutes=12 * HOURLY) != habit
    habit.refresh_from_db()
    assert habit.alert_counts["total"] == 12


def test_the_habit_goes_on_beside_the_attack() -> None:
    habit = failures(12)
    found = attack(user(), minutes=12 * HOURLY)
    again = graph_alert(user(), device("dc"), minutes=12 * HOURLY + 5, title="Failed sign-in", detectorId="f",
                        severity="low")  # fmt: skip
    assert correlated(again)[0] == habit != found


def test_one_of_many_probes_does_not_draw_in_who_shares_its_address() -> None:
    probes = [graph_alert(device("web"), ip(f"203.0.113.{n}"), minutes=n * 30, title="Probe", detectorId="p",
                          severity="low") for n in range(20)]  # fmt: skip
    assert correlated(*probes)[0] != attack(ip("203.0.113.19"), user(), minutes=20 * 30)


def test_a_burst_of_low_alerts_before_an_attack_belongs_to_it() -> None:
    assert attack(user(), minutes=40) == failures(30, every=MINUTELY)


def test_a_few_low_alerts_belong_to_the_attack_however_long_they_took() -> None:
    assert attack(user(), minutes=6 * HOURLY) == failures(6)


def test_a_file_leads_into_a_habit_all_the_same() -> None:
    habit = failures(12, user(), file(MALWARE))
    assert attack(file(MALWARE), minutes=12 * HOURLY) == habit


def test_a_graver_turn_of_the_same_detection_stays_with_it() -> None:
    habit = failures(12)
    worse = graph_alert(user(), device("dc"), minutes=12 * HOURLY, title="Failed sign-in", detectorId="f")
    assert correlated(worse)[0] == habit


def test_how_many_make_a_habit_is_an_option() -> None:
    options.put("correlation.background_alerts", 100, actor=SENSOR)
    assert failures(12) == attack(user(), minutes=12 * HOURLY)
