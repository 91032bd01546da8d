"""The attacks come in like every alert, join into one story each, and feel what the portal does against them."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db.models import Count, F

from accounts.models import User
from connectors.kinds.simulator.world import state_of
from connectors.models import Connection
from core import clock
from exercises.attacks.mail_fraud import VICTIM
from exercises.attacks.ransomware import FIRST
from exercises.models import Exercise
from exercises.services.attack import advance_attacks
from exercises.services.noise import play_day
from incidents.correlation.engine import correlate_waiting
from incidents.models import Alert, Device, Identity, Incident
from remediation.enums import RunStatus
from remediation.models import ActionRun
from remediation.policy import Target
from remediation.services.carry_out import carry_out
from remediation.services.decide import approve_run
from remediation.services.request import request_action
from tests.factories.exercises import MOMENT, open_demo

Deed = Callable[[str, Target, datetime], ActionRun]


@pytest.fixture
def playing(db: None) -> Exercise:
    with clock.at(MOMENT):
        return open_demo(anchor=MOMENT)[0]


@pytest.fixture
def deed(playing: Exercise, ada: User, rita: User) -> Deed:
    """Asked for by ada, approved by rita, carried out and verified."""

    def carry(action: str, target: Target, at: datetime) -> ActionRun:
        with clock.at(at):
            run = request_action(action, target=target, comment="It spreads.", actor=ada.actor, user=ada)
            run = carry_out(approve_run(run, actor=rita.actor, user=rita))
        with clock.at(at + timedelta(seconds=5)):
            return carry_out(run)

    return carry


def minutes_later(minutes: float) -> None:
    """The clock goes on; the attackers look around every half minute."""
    for half_minute in range(1, int(2 * minutes) + 1):
        with clock.at(MOMENT + timedelta(seconds=30 * half_minute)):
            advance_attacks()
            correlate_waiting()


def ransomware() -> Incident:
    return Incident.objects.open().get(display_name__startswith="Ransomware spreading")


def test_each_attack_is_one_incident_from_three_formats(playing: Exercise) -> None:
    formats = Incident.objects.annotate(n=Count("alerts__format", distinct=True)).values_list("n", flat=True)
    assert list(formats) == [3, 3, 3]
    assert {"graph", "sentinel", "wazuh"} == set(Alert.objects.values_list("format", flat=True))


def test_the_top_incident_says_how_far_it_has_spread_and_why_it_is_on_top(playing: Exercise) -> None:
    top = Incident.objects.order_by("-priority_score").first()
    assert top is not None
    assert top.display_name == "Ransomware spreading on 4 devices"
    assert any("4 hosts" in factor["label"] for factor in top.priority_factors)
    assert sum(factor["points"] for factor in top.priority_factors) == top.priority_score


def test_the_past_of_an_attack_arrived_in_the_past(playing: Exercise) -> None:
    assert ransomware().created < MOMENT - timedelta(minutes=40)
    assert not Alert.objects.filter(correlated=None).exists()


def test_an_ignored_attack_reaches_further_machines(playing: Exercise) -> None:
    minutes_later(13)
    assert ransomware().display_name == "Ransomware spreading on 6 devices"


def test_isolated_hosts_stop_the_spread_and_the_refusal_is_evidence(deed: Deed) -> None:
    for name in FIRST:
        run = deed("device.isolate", Device.objects.get(display_name=name), MOMENT)
        assert run.status == RunStatus.SUCCEEDED
        assert run.simulated
    minutes_later(13)
    incident = ransomware()
    assert incident.display_name == "Ransomware spreading on 4 devices"
    assert incident.alerts.filter(title__startswith="Spread refused").count() == 4


def test_the_disabled_account_cannot_move_on(deed: Deed) -> None:
    deed("identity.disable", Identity.objects.get(account_name="svc-backup"), MOMENT)
    minutes_later(9)
    incident = ransomware()
    assert incident.display_name == "Ransomware spreading on 4 devices"
    assert incident.alerts.filter(title__endswith="failed: the account is disabled").exists()


def test_looking_twice_at_the_same_moment_changes_nothing(playing: Exercise) -> None:
    with clock.at(MOMENT + timedelta(minutes=7)):
        advance_attacks()
        before = Alert.objects.count()
        assert advance_attacks() == 0
    assert Alert.objects.count() == before


@pytest.mark.django_db(transaction=True)  # a day of alerts: the planner must know how many there are
def test_look_alikes_and_other_noise_stay_out_of_the_attacks(playing: Exercise) -> None:
    attacks = {row.pk: row.alerts.count() for row in Incident.objects.all()}
    play_day(playing, anchor=MOMENT)
    glued = sum(row.alerts.count() - attacks[row.pk] for row in Incident.objects.filter(pk__in=attacks))
    assert glued <= 0.05 * sum(attacks.values())
    for title in ("Mass file changes by one process", "Remote tool installed outside its window", "Impossible travel"):
        looks_alike = Alert.objects.filter(title__startswith=title)
        assert looks_alike.exists()
        assert not looks_alike.filter(incident__in=attacks).exists()
    assert sum(attacks.values()) / Alert.objects.count() <= 0.05


def test_no_alert_played_live_tells_of_the_future(playing: Exercise) -> None:
    before = set(Alert.objects.values_list("pk", flat=True))
    minutes_later(16)
    live = Alert.objects.exclude(pk__in=before)
    assert live.filter(title="Known program arrives").exists()
    assert live.filter(title="Many files changed, then renamed").exists()
    assert not live.filter(last_activity__gt=F("created")).exists()


def test_the_rules_of_the_mail_fraud_lie_in_the_mailbox_and_can_be_disabled(playing: Exercise) -> None:
    connection = Connection.objects.get(exercise=playing.key)
    rules = state_of(connection, "mailbox", VICTIM.upn)["rules"]
    assert set(rules) == {"newsletters", "invoice to rss", "delete replies"}
    assert all(rule["enabled"] for rule in rules.values())
