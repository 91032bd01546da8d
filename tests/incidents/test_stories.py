"""An attack that goes on hours later from where it was is one incident; what only comes near it is not."""

from collections.abc import Sequence
from typing import Any

import pytest

from incidents.correlation.engine import correlate_waiting
from incidents.correlation.replay import replay
from incidents.correlation.rules import ACCOUNT, STORY, limits_in_force, limits_of
from incidents.correlation.second_look import look_again
from incidents.models import Alert, CorrelationLink
from tests.factories.wire import device, graph_alert, take_in, user

pytestmark = pytest.mark.django_db
KINDS = ("amber", "birch", "cedar", "drift")
NOISE = 120


def told(n: int, kind: str, *evidence: dict[str, Any], minutes: float) -> dict[str, Any]:
    return graph_alert(*evidence, id=f"a{n}", title=f"Kind {kind}", detectorId=kind, minutes=minutes)


def noise() -> list[dict[str, Any]]:
    """Every kind comes five times a day, each time to another machine: one of them says little."""
    return [told(100 + n, KINDS[n % 4], device(f"far-{n}"), minutes=n * 72) for n in range(NOISE)]


def pair(n: int, host: str, kinds: Sequence[str], *, minutes: float) -> list[dict[str, Any]]:
    return [told(n + place, kind, device(host), minutes=minutes + 10 * place) for place, kind in enumerate(kinds)]


def groups_of(*alerts: dict[str, Any], changed: dict[str, Any] | None = None) -> int:
    """How many groups the alerts make that are not noise."""
    take_in(*noise(), *alerts)
    found = replay(list(Alert.objects.values_list("pk", flat=True)), limits_of(changed or {}))
    return len(found.groups) - NOISE


def test_a_group_that_begins_where_another_was_goes_on_from_it() -> None:
    first, second = pair(1, "ws-1", KINDS[:2], minutes=500), pair(5, "ws-1", KINDS[2:], minutes=800)
    assert groups_of(*first, *second) == 1
    assert groups_of(changed={STORY.switch_option: False}) == 2


def test_its_reason_can_be_read() -> None:
    take_in(*noise(), *pair(1, "ws-1", KINDS[:2], minutes=500), *pair(5, "ws-1", KINDS[2:], minutes=800))
    correlate_waiting()
    look_again()
    link = CorrelationLink.objects.get(rule="story")
    assert link.evidence.startswith("Goes on where it was: ws-1, 4 h 50 min apart")
    assert link.alert.provider_alert_id == "a5"


def test_one_alert_hours_later_is_no_story() -> None:
    first = pair(1, "ws-1", KINDS[:2], minutes=500)
    assert groups_of(*first, told(5, "cedar", device("ws-1"), minutes=800)) == 2


def test_two_groups_that_only_meet_on_a_machine_stay_apart() -> None:
    first = pair(1, "ws-1", KINDS[:2], minutes=500)
    elsewhere = told(5, "cedar", device("ws-9"), minutes=800)
    meets = told(6, "drift", device("ws-9"), device("ws-1"), minutes=810)
    assert groups_of(*first, elsewhere, meets) == 2


def test_where_such_groups_are_usual_two_of_them_say_nothing() -> None:
    usual = [
        one for n in range(80) for one in pair(1000 + 10 * n, f"desk-{n}", KINDS[:2], minutes=n * 100)
    ]  # fmt: skip
    later = pair(5, "desk-3", KINDS[2:], minutes=300 + 600)
    assert groups_of(*usual, *later) == 81


def test_the_same_detection_for_two_people_hours_apart_is_two_matters() -> None:
    ann = told(1, "amber", device("srv"), user("ann"), minutes=500)
    assert groups_of(ann, told(2, "amber", device("srv"), user("bob"), minutes=680)) == 2


def test_the_same_detection_for_two_people_at_once_is_one_matter() -> None:
    ann = told(1, "amber", device("srv"), user("ann"), minutes=500)
    assert groups_of(ann, told(2, "amber", device("srv"), user("bob"), minutes=520)) == 1
    assert limits_in_force().windows[STORY.key]


def test_a_place_that_the_earlier_group_touched_only_once_is_not_where_it_was() -> None:
    first = told(1, "amber", device("ws-1"), minutes=500), told(2, "birch", device("ws-1"), device("srv"), minutes=510)
    assert groups_of(*first, *pair(5, "srv", KINDS[2:], minutes=800)) == 2


@pytest.mark.parametrize(("other", "groups"), [("ann", 1), ("ben", 2)])
def test_groups_about_different_people_must_be_nearer(other: str, groups: int) -> None:
    def about(name: str, alerts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**one, "evidence": [*one["evidence"], user(name)]} for one in alerts]

    first, later = pair(1, "ws-1", KINDS[:2], minutes=500), pair(5, "ws-1", KINDS[2:], minutes=1300)
    limits = {ACCOUNT.switch_option: False}
    assert groups_of(*about("ann", first), *about(other, later), changed=limits) == groups


@pytest.mark.parametrize(("places", "groups"), [(1, 1), (6, 2)])
def test_a_group_that_was_everywhere_leads_less_far_from_each_place(places: int, groups: int) -> None:
    """One of many machines is met by chance as many times as often."""
    hosts = [device(f"ws-{n}") for n in range(1, places + 1)]
    first = [told(1 + place, kind, *hosts, minutes=500 + 10 * place) for place, kind in enumerate(KINDS[:2])]
    assert groups_of(*first, *pair(5, "ws-1", KINDS[2:], minutes=1300)) == groups
