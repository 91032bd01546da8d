"""A play follows from its seed and its moment, and never names a real address."""

import ipaddress
import json
from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

from exercises.attacks.cast import ATTACKS
from exercises.history.cases import plan_cases
from exercises.history.script import Verb, write_script
from exercises.sources.day import noise_between
from exercises.sources.habits import play
from exercises.sources.noise import HABITS
from exercises.sources.render import render
from exercises.sources.sighting import Sighting
from tests.factories.exercises import MOMENT

OURS = ipaddress.ip_network("10.40.0.0/16")
FOR_DOCUMENTS = [
    ipaddress.ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]
DAY = timedelta(days=1)


def everything(seed: int) -> list[Sighting]:
    found = [one for attack in ATTACKS for one in attack.opening(MOMENT, prefix=str(seed))[0]]
    found += noise_between(seed, MOMENT, MOMENT - DAY, MOMENT)
    return found + [one for case in plan_cases(seed, MOMENT) for one in case.story.sightings]


def on_the_wire(seed: int) -> str:
    return json.dumps([render(one) for one in everything(seed)])


def test_the_same_seed_gives_the_same_alerts() -> None:
    assert on_the_wire(7) == on_the_wire(7)


def test_another_seed_gives_another_quarter() -> None:
    assert on_the_wire(7) != on_the_wire(8)


def test_no_two_alerts_share_an_id() -> None:
    found = everything(7)
    assert len({one.provider_id for one in found}) == len(found)


def test_the_script_runs_forward_and_each_case_in_its_own_order() -> None:
    script = write_script(7, MOMENT)
    assert [one.at for one in script] == sorted(one.at for one in script)
    for case in plan_cases(7, MOMENT):
        verbs = [one.verb for one in script if one.case.number == case.number]
        assert verbs[:2] == [Verb.ALERTS, Verb.TAKE]
        assert verbs.index(Verb.RESOLVE) > max(place for place, verb in enumerate(verbs) if verb < Verb.RESOLVE)


def test_the_quarter_is_over_before_the_play_begins() -> None:
    script = write_script(7, MOMENT)
    assert min(one.at for one in script) > MOMENT - timedelta(days=91)
    assert sum(one.verb == Verb.RESOLVE for one in script) >= 150
    assert all(one.at < MOMENT for one in script)


def addresses(value: Any) -> Iterator[Any]:
    """Every IP address that a text somewhere in the JSON is."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from addresses(inner)
    elif isinstance(value, str):
        try:
            yield ipaddress.ip_address(value)
        except ValueError:
            return


def test_every_address_is_our_own_or_kept_for_documents() -> None:
    found = {one for sighting in everything(7) for one in addresses(render(sighting))}
    assert len(found) > 50
    strangers = [one for one in found if not any(one in network for network in [OURS, *FOR_DOCUMENTS])]
    assert strangers == []


def test_at_least_nineteen_alerts_of_twenty_are_benign() -> None:
    attacks = sum(len(attack.opening(MOMENT, prefix="7")[0]) for attack in ATTACKS)
    noise = len(noise_between(7, MOMENT, MOMENT - DAY, MOMENT))
    assert noise / (noise + attacks) >= 0.95


def test_weekends_and_nights_are_quieter_for_people_but_not_for_jobs() -> None:
    monday, saturday = MOMENT.replace(day=23, hour=0), MOMENT.replace(day=28, hour=0)
    people = [habit for habit in HABITS if habit.key in ("telephone", "spam", "printer-login")]
    week, weekend = (play(people, Random(1), day, day + DAY, key="x") for day in (monday, saturday))
    assert len(weekend) < 0.6 * len(week)
    assert sum(6 <= one.at.hour < 18 for one in week) > 0.8 * len(week)
    jobs = [habit for habit in HABITS if habit.key in ("scanner", "backup")]
    assert all(one.at.hour >= 21 or one.at.hour < 6 for one in play(jobs, Random(1), monday, monday + DAY, key="x"))
