"""What belongs together is decided by the alerts, not by how they came; and what a rule must not join."""

import random
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import User
from core import options
from core.models import OptionRevision
from incidents.bench.pairs import agreement
from incidents.correlation.engine import correlate_waiting
from incidents.correlation.habits import fresh_habits
from incidents.correlation.replay import alerts_between, replay
from incidents.correlation.rules import RULES, THRESHOLD_OPTIONS, limits_in_force, limits_of, rules_in_force
from incidents.correlation.second_look import look_again
from incidents.models import Alert, CorrelationLink, Incident
from incidents.services.comment import comment_on
from tests.factories.wire import MALWARE, NINE, correlated, device, file, graph_alert, ip, process, take_in, user

pytestmark = pytest.mark.django_db
DAY = 60 * 24


def told(n: int, *evidence: dict[str, Any], minutes: float, kind: str = "", **fields: Any) -> dict[str, Any]:
    name = kind or f"{n}"
    return graph_alert(*evidence, id=f"a{n}", title=f"Kind {name}", detectorId=f"k{name}", minutes=minutes, **fields)


def house(machines: int = 12, days: int = 6) -> list[dict[str, Any]]:
    """A detection that fires on every machine several times a day, and an attack over two of them."""
    found = [
        told(1000 + 100 * day + n, device(f"ws-{n % machines}"), minutes=day * DAY + n * 37 % DAY, kind="daily")
        for day in range(days) for n in range(machines * 3)
    ]  # fmt: skip
    attack = [
        told(1, device("ws-1"), user("ann"), minutes=3 * DAY + 100, kind="dropper"),
        told(2, device("ws-1"), file(MALWARE), minutes=3 * DAY + 110, kind="dump"),
        told(3, device("ws-2"), file(MALWARE), minutes=4 * DAY, kind="locker"),
        told(4, ip("198.51.100.9"), device("ws-2"), minutes=4 * DAY + 5, kind="beacon"),
    ]
    return [*found, *attack]


def partition(items: list[dict[str, Any]], *, part: int) -> dict[str, int]:
    for start in range(0, len(items), part):
        take_in(*items[start : start + part])
        correlate_waiting(batch=part)
    look_again()
    return dict(Alert.objects.values_list("provider_alert_id", "incident_id"))


@pytest.mark.parametrize(("seed", "part"), [(1, 7), (2, 40), (3, 500)])
def test_neither_order_nor_size_of_batches_decides(seed: int, part: int) -> None:
    limits = limits_in_force()
    items = house()
    random.Random(seed).shuffle(items)
    found = partition(items, part=part)
    trial = replay(list(Alert.objects.values_list("pk", flat=True)), limits)
    names = dict(Alert.objects.values_list("pk", "provider_alert_id"))
    assert agreement(found, {names[pk]: group for pk, group in trial.group_of.items()}) == 1.0
    assert len({found[f"a{n}"] for n in (1, 2, 3, 4)}) == 1
    daily = {incident for name, incident in found.items() if name not in ("a1", "a2", "a3", "a4")}
    assert found["a1"] not in daily


def test_what_fires_all_day_is_ordinary_and_what_is_rare_reaches_far() -> None:
    take_in(*house())
    habits, source = fresh_habits(limits_in_force()), Alert.objects.values_list("source", flat=True)[0]
    daily, rare = (habits.reaches("", source, f"k{kind}", f"Kind {kind}", 3)[0] for kind in ("daily", "dump"))
    assert daily < timedelta(hours=2) < rare


def test_names_in_other_letters_and_forms_are_the_same() -> None:
    one = graph_alert(device("FIN-WS-1"), user("Ann"), title="One", detectorId="1")
    other = graph_alert(device("fin-ws-1"), title="Two", detectorId="2", minutes=5)
    third = graph_alert(user("ANN"), title="Three", detectorId="3", minutes=9)
    assert len(set(correlated(one, other, third))) == 1
    long, short = "2001:0DB8:0000:0000:0000:0000:0000:00AA", "2001:db8::aa"
    pair = (graph_alert(ip(text), title=text, detectorId=text, minutes=30) for text in (long, short))
    assert len(set(correlated(*pair))) == 1


def test_the_same_program_in_two_processes_joins_and_two_programs_do_not() -> None:
    def ran(sha256: str, host: str, title: str) -> dict[str, Any]:
        return graph_alert(process("", "tool.exe", sha256), device(host), title=title, detectorId=title)

    first, same, other = correlated(ran("ab" * 32, "a", "1"), ran("ab" * 32, "b", "2"), ran("cd" * 32, "c", "3"))
    assert first == same != other
    assert CorrelationLink.objects.filter(rule="program").exists()


def test_a_program_that_ordinary_alerts_name_for_days_joins_nothing() -> None:
    package = file("ee" * 32, "package.msi")
    daily = [
        told(100 + 40 * day + n, device(f"ws-{n}"), package, minutes=day * DAY + n * 30, kind="install", severity="low")
        for day in range(8) for n in range(36)
    ]  # fmt: skip
    rare = told(1, device("other"), package, minutes=3 * DAY, kind="rare")
    found = partition([*daily, rare], part=500)
    assert sum(incident == found["a1"] for incident in found.values()) == 1


def test_two_people_on_one_machine_hours_apart_are_two_matters() -> None:
    take_in(told(1, device("srv"), user("ann"), minutes=0), told(2, device("srv"), user("bob"), minutes=60 * 14))
    same = limits_in_force()
    assert len(replay(list(Alert.objects.values_list("pk", flat=True)), same).groups) == 2


def test_a_touched_incident_is_not_put_together_anew(ada: User) -> None:
    items = house()
    alone = correlated(told(9, device("ws-5"), minutes=2 * DAY, kind="daily"))[0]
    correlated(told(10, device("ws-5"), minutes=2 * DAY + 5, kind="other"))
    comment_on(alone, text="Mine", actor=ada.actor)
    before = set(alone.alerts.values_list("pk", flat=True))
    take_in(*items)
    correlate_waiting()
    look_again()
    assert before <= set(alone.alerts.values_list("pk", flat=True))


def test_a_trial_writes_nothing_and_answers_for_other_options() -> None:
    correlated(told(1, device(), minutes=0), told(2, device(), minutes=10))
    ids = alerts_between(NINE - timedelta(days=1), NINE + timedelta(days=1))
    links, incidents = CorrelationLink.objects.count(), Incident.objects.count()
    with_rule = replay(ids, limits_in_force())
    without = replay(ids, limits_of({RULES["device"].switch_option: False}))
    assert (len(with_rule.groups), len(without.groups)) == (1, 2)
    assert with_rule.ties["device"] == 1
    assert (links, incidents) == (CorrelationLink.objects.count(), Incident.objects.count())
    assert not OptionRevision.objects.exists()


def test_every_rule_has_its_options_and_stands_in_the_table() -> None:
    known = {option.key for option in options.declared()}
    assert set(THRESHOLD_OPTIONS) <= known
    for row in rules_in_force():
        assert {row.rule.option, row.rule.weight_option, row.rule.switch_option} <= known
        assert row.on
        assert row.rule.sentence.endswith(".")
    assert {row.rule.key for row in rules_in_force()} == set(RULES)


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(LookupError):
        limits_of({"correlation.nonsense": 1})


def test_what_an_account_does_everywhere_every_day_hides_nothing_that_it_does_once() -> None:
    """A script of the administrators raises the same alert on every machine; an attack goes on under their account."""
    take_in(
        *[told(1000 + 100 * day + n, device(f"ws-{n % 12}"), user("adm"), minutes=day * DAY + n * 37 % DAY, kind="all")
          for day in range(6) for n in range(36)],
        told(1, device("far-1"), user("adm"), minutes=3 * DAY + 100, kind="tamper", severity="high"),
        told(2, device("far-2"), user("adm"), minutes=3 * DAY + 110, kind="locker", severity="high"),
    )  # fmt: skip
    correlate_waiting()
    crowded = limits_of({"correlation.hub_neighbours": 5})
    places = replay(list(Alert.objects.values_list("pk", flat=True)), crowded).group_of
    one, other = (Alert.objects.get(provider_alert_id=name) for name in ("a1", "a2"))
    assert places[one.pk] == places[other.pk]
    assert one.incident_id == other.incident_id
