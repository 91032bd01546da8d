"""What a person teaches the correlation, and that it holds for what comes afterwards, in whatever order."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.models import DeviceGroup, User
from core import clock, options
from core.models import AuditEvent
from incidents.correlation.engine import correlate_waiting
from incidents.correlation.replay import replay
from incidents.correlation.rules import FILE, PROGRAM, limits_in_force
from incidents.correlation.second_look import look_again
from incidents.correlation.taught import taught_in_force
from incidents.enums import TaughtKind, TaughtState
from incidents.models import Alert, CorrelationLink, Device, File, Incident
from incidents.services.merge import merge_incidents
from incidents.services.move_alerts import move_alerts
from incidents.services.teach_correlation import Lesson, decide, lift, teach
from incidents.services.try_correlation import limits_with, try_limits
from tests.factories.people import DeviceGroupFactory, person
from tests.factories.wire import MALWARE, correlated, device, file, graph_alert, take_in

pytestmark = pytest.mark.django_db


def told(name: str, *evidence: dict[str, Any], minutes: float, detector: str = "") -> dict[str, Any]:
    detector = detector or f"k-{name}"
    ago = clock.now() - timedelta(days=2)
    return graph_alert(*evidence, at=ago, minutes=minutes, id=name, title=f"Kind {detector}", detectorId=detector)


def two_by_file() -> list[dict[str, Any]]:
    return [told("a", device("ws-1"), file(MALWARE), minutes=0), told("b", device("ws-2"), file(MALWARE), minutes=30)]


def malware(rule: str = "", kind: TaughtKind = TaughtKind.LINK) -> Lesson:
    return Lesson(kind, "Never by this file", rule=rule, thing=f"file:{File.objects.get(sha256=MALWARE).pk}")


def homes() -> dict[str, int | None]:
    return dict(Alert.objects.values_list("provider_alert_id", "incident_id"))


@pytest.mark.parametrize("order", [(2, 3), (3, 2)])
def test_a_thing_that_proves_no_relation_joins_nothing_in_any_order(order: tuple[int, int], adam: User) -> None:
    first, second = correlated(*two_by_file())
    assert first == second
    teach(malware(kind=TaughtKind.HUB), reason="An installer of ours", user=adam, actor=adam.actor)
    for n in order:
        take_in(told(f"c{n}", device(f"ws-{n}0"), file(MALWARE), minutes=40 + n))
        correlate_waiting()
    look_again()
    found = homes()
    assert len({found["c2"], found["c3"], found["a"]}) == 3
    assert replay(list(Alert.objects.values_list("pk", flat=True)), limits_in_force()).ties == {}


def test_one_rule_is_excluded_and_another_may_still_join(adam: User) -> None:
    correlated(*two_by_file())
    teach(malware(PROGRAM.key), reason="Only as a program", user=adam, actor=adam.actor)
    assert replay(list(Alert.objects.values_list("pk", flat=True)), limits_in_force()).ties == {FILE.key: 1}


def test_two_detections_that_never_belong_together_still_join_others(adam: User) -> None:
    one, other = correlated(*two_by_file())
    kinds = ("graph|k-a", "graph|k-b")
    lesson = Lesson(TaughtKind.LINK, "These two never by a file", rule=FILE.key, detectors=kinds)
    teach(lesson, reason="Two tools of ours", user=adam, actor=adam.actor)
    ids = dict(Alert.objects.values_list("provider_alert_id", "pk"))
    assert len(replay(list(ids.values()), limits_in_force()).groups) == 2
    take_in(told("c", device("ws-3"), file(MALWARE), minutes=50))
    correlate_waiting()
    assert homes()["c"] == one.pk == other.pk


def test_what_is_taught_ends_at_its_time_and_when_it_is_lifted(adam: User) -> None:
    correlated(*two_by_file())
    until = clock.now() + timedelta(hours=1)
    change = teach(malware(), reason="A test this hour", user=adam, actor=adam.actor, expires=until)
    assert taught_in_force().exclusions
    type(change).objects.filter(pk=change.pk).update(expires=clock.now() - timedelta(seconds=1))
    assert not taught_in_force().exclusions
    lasting = teach(malware(), reason="For good", user=adam, actor=adam.actor)
    assert taught_in_force().exclusions
    assert lift(lasting, reason="It was malware", actor=adam.actor, user=adam).state == TaughtState.LIFTED
    assert not taught_in_force().exclusions
    verbs = list(AuditEvent.objects.filter(thread=lasting.thread).order_by("id").values_list("verb", flat=True))
    assert verbs == ["correlation.proposed", "correlation.taught", "correlation.lifted"]


def test_who_may_not_tune_proposes_and_another_decides(ada: User, adam: User) -> None:
    correlated(*two_by_file())
    window = Lesson(TaughtKind.OPTION, "Same file: 24 hours", rule=FILE.key, option=FILE.option, value=24)
    change = teach(window, reason="Too far apart", user=ada, actor=ada.actor)
    assert (change.state, options.get(FILE.option)) == (TaughtState.PROPOSED, FILE.hours)
    assert decide(change, accept=True, reason="Agreed", actor=adam.actor, user=adam).state == TaughtState.IN_FORCE
    assert options.get(FILE.option) == 24
    with pytest.raises(ValidationError, match="decided already"):
        decide(change, accept=False, reason="No", actor=adam.actor, user=adam)


def in_group(name: str, *hosts: str) -> DeviceGroup:
    group: DeviceGroup = DeviceGroupFactory.create(name=name)
    Device.objects.filter(host_name__in=hosts).update(device_group=group)
    for alert in Alert.objects.filter(evidence__device__host_name__in=hosts):
        alert.device_group_ids = sorted({*alert.device_group_ids, group.pk} - {default_group().pk})
        alert.save(update_fields=["device_group_ids"])
    return group


def default_group() -> DeviceGroup:
    return DeviceGroup.objects.get(is_default=True)


def replayed() -> int:
    return len(replay(list(Alert.objects.values_list("pk", flat=True)), limits_in_force()).groups)


def test_what_is_taught_for_a_group_holds_on_its_devices_alone(adam: User) -> None:
    correlated(*two_by_file())
    here = in_group("Here", "ws-1")
    change = teach(replace(malware(), groups=(here.pk,)), reason="Ours", user=adam, actor=adam.actor)
    assert change.shown.endswith(", on devices of Here")
    assert replayed() == 1
    both = in_group("Both", "ws-1", "ws-2")
    teach(replace(malware(), groups=(both.pk, here.pk)), reason="Ours", user=adam, actor=adam.actor)
    assert replayed() == 2


@pytest.mark.parametrize(("group", "joined"), [("elsewhere", True), ("default", False)])
def test_the_lane_asks_where_it_holds_as_well(group: str, joined: bool, adam: User) -> None:
    correlated(*two_by_file())
    where = default_group() if group == "default" else DeviceGroupFactory.create()
    teach(replace(malware(kind=TaughtKind.HUB), groups=(where.pk,)), reason="Ours", user=adam, actor=adam.actor)
    take_in(told("c", device("ws-9"), file(MALWARE), minutes=40))
    correlate_waiting()
    assert (homes()["c"] == homes()["a"]) is joined


def test_who_sees_some_groups_teaches_there_and_decides_on_nothing_beyond(ada: User, adam: User) -> None:
    correlated(*two_by_file())
    here, there = in_group("Here", "ws-1"), in_group("There", "ws-2")
    mine = person("tuner", "admin", groups=[here])
    change = teach(malware(), reason="Ours", user=mine, actor=mine.actor)
    assert change.device_group_ids == [here.pk]
    with pytest.raises(ValidationError, match="your own device groups only"):
        teach(replace(malware(FILE.key), groups=(there.pk,)), reason="x", user=mine, actor=mine.actor)
    everywhere = teach(malware(PROGRAM.key), reason="Ours", user=ada, actor=ada.actor)
    for act in (lambda: decide(everywhere, accept=True, reason="Yes", actor=mine.actor, user=mine),
                lambda: lift(everywhere, reason="No", actor=mine.actor, user=mine)):  # fmt: skip
        with pytest.raises(ValidationError, match="beyond your device groups"):
            act()
    assert lift(change, reason="It was malware", actor=mine.actor, user=mine).state == TaughtState.LIFTED
    assert decide(everywhere, accept=True, reason="Yes", actor=adam.actor, user=adam).device_group_ids == []


@pytest.mark.parametrize(
    "lesson",
    [
        Lesson(TaughtKind.LINK, "Nothing"),
        Lesson(TaughtKind.LINK, "No rule", rule="moon", thing="file:1"),
        Lesson(TaughtKind.HUB, "A hub of one rule", rule=FILE.key, thing="file:1"),
        Lesson(TaughtKind.OPTION, "Another option", option="incidents.sla_high_resolve_h", value=1),
        Lesson(TaughtKind.OPTION, "Too long", option=FILE.option, value=10**6),
    ],
)
def test_what_teaches_nothing_is_refused(lesson: Lesson, adam: User) -> None:
    with pytest.raises(ValidationError):
        teach(lesson, reason="Why not", user=adam, actor=adam.actor)


def test_the_trial_says_what_would_split_and_whose_correction_it_would_have_spared(ada: User, adam: User) -> None:
    incident, _ = correlated(*two_by_file())
    moved = Alert.objects.get(provider_alert_id="b")
    apart = move_alerts([moved], to=None, actor=ada.actor, comment="Not the same")
    trial = try_limits(limits_with({}, also=[_excluded()]), user=adam)
    assert (trial.alerts, trial.before, trial.after, trial.splits, trial.merges) == (2, 1, 2, 1, 0)
    assert {one["id"] for one in trial.affected[0].incidents} == {incident.pk, apart.pk}
    assert (trial.corrections.looked_at, trial.corrections.needless, trial.corrections.wrong) == (1, 1, 0)
    merge_incidents([incident, apart], actor=ada.actor, user=ada)
    assert try_limits(limits_with({}, also=[_excluded()]), user=adam).corrections.needless == 0


def test_the_trial_says_which_correction_it_would_have_made_wrong(ada: User, adam: User) -> None:
    one, other = correlated(
        told("a", device("ws-1"), minutes=0), told("b", device("ws-2"), file(MALWARE), minutes=0)
    )  # fmt: skip
    merge_incidents([one, other], actor=ada.actor, user=ada)
    trial = try_limits(limits_with({FILE.option: 1}), user=adam)
    assert (trial.changes_nothing, trial.corrections.looked_at, trial.corrections.wrong) == (True, 1, 0)
    take_in(told("c", device("ws-1"), file(MALWARE), minutes=1))
    correlate_waiting()
    trial = try_limits(limits_with({}, also=[_excluded()]), user=adam)
    assert (trial.splits, trial.corrections.wrong) == (1, 1)


def test_the_trial_takes_the_newest_and_says_that_there_are_more(adam: User) -> None:
    correlated(*two_by_file(), told("c", device("ws-3"), minutes=90))
    trial = try_limits(limits_in_force(), user=adam, most=2)
    assert (trial.alerts, trial.found, trial.is_cut, trial.changes_nothing) == (2, 3, True, True)
    assert trial.before == trial.after == 2


def _excluded() -> Any:
    found = malware().exclusion
    assert found is not None
    return found


def test_later_alerts_of_either_side_join_their_own_side_of_a_split(ada: User) -> None:
    incident, same = correlated(*two_by_file())
    assert incident == same
    gone = Alert.objects.get(provider_alert_id="b")
    apart = move_alerts([gone], to=None, actor=ada.actor, comment="Another matter")
    take_in(told("a2", device("ws-1"), minutes=5), told("b2", device("ws-2"), minutes=35))
    correlate_waiting()
    look_again()
    found = homes()
    assert (found["a2"], found["b2"]) == (incident.pk, apart.pk)
    assert Incident.objects.filter(redirect_incident=None).count() == 2
    assert CorrelationLink.objects.filter(alert=gone).exclude(undone=None).exists()
    merge_incidents([incident, apart], actor=ada.actor, user=ada)
    assert set(homes().values()) == {incident.pk}
