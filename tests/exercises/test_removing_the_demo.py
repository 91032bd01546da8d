"""One step takes everything of the demo out again; only the history tells that it was there."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.db import models

from accounts.models import DeviceGroup, User
from connectors.models import Connection, ConnectorState, Delivery
from core import clock
from core.actors import Actor
from core.models import AuditEvent
from core.outbox import deliver
from exercises.keys import DIRECTOR
from exercises.models import Exercise
from exercises.services.attack import advance_attacks
from exercises.services.past import play_past
from exercises.services.past_indicators import leave_indicators
from exercises.services.remove_demo import remove_demo
from incidents.correlation.engine import correlate_waiting
from incidents.ingest.accept import accept_alerts
from incidents.models import Alert, Device, Evidence, Incident
from remediation.models import ActionRun, ControlState, ExpertGroup, ExpertRequest, Indicator
from remediation.services.ask_expert import ask_expert
from remediation.services.request import request_action
from reviews.models import Review
from tests.exercises.test_the_past_is_played import stories
from tests.factories.exercises import MOMENT, open_demo

SENSOR = Actor.system("sensor")


def marked() -> dict[str, int]:
    """How many rows of each table carry the mark of an exercise."""
    found = {}
    for model in apps.get_models():
        if any(field.name == "exercise" for field in model._meta.get_fields()):
            rows: models.QuerySet[models.Model] = model._default_manager.exclude(exercise="")
            found[model._meta.label] = rows.count()
    return {label: count for label, count in found.items() if count}


@pytest.fixture
def played(db: None) -> Exercise:
    with clock.at(MOMENT):
        exercise, connection = open_demo(anchor=MOMENT)
    list(play_past(exercise, connection, stories("foothold", "phishing")))
    leave_indicators(connection, anchor=MOMENT)
    return exercise


def a_real_alert(machine: str) -> int:
    """The same machine is named by an alert that is no exercise."""
    item = {
        "id": "1.1", "timestamp": "2026-11-24T10:00:00.000+0000", "manager": {"name": "log-mgr-01"},
        "agent": {"id": "777", "name": machine},
        "rule": {"id": "100", "level": 9, "description": "Real trouble", "groups": ["x"]},
    }  # fmt: skip
    receipt = accept_alerts([item], format="wazuh", source="real", actor=SENSOR)
    correlate_waiting()
    return int(receipt.alerts[0]["id"])


def test_nothing_is_left_but_the_history(played: Exercise, ada: User) -> None:
    target = Device.objects.get(display_name="FILE-SRV-02")
    request_action("device.isolate", target=target, comment="It spreads.", actor=ada.actor, user=ada)
    assert len(marked()) >= 8
    told = AuditEvent.objects.count()
    remove_demo(actor=DIRECTOR)
    deliver()
    assert marked() == {}
    for model in (Exercise, Alert, Incident, Evidence, ActionRun, ControlState, Review, Connection, Delivery,
                  ConnectorState):  # fmt: skip
        assert not model._default_manager.exists(), model
    assert list(DeviceGroup.objects.filter(is_default=False)) == []
    assert list(User.objects.all()) == [ada]
    assert AuditEvent.objects.count() > told


def test_what_real_alerts_name_stays(played: Exercise) -> None:
    pk = a_real_alert("FIN-WS-011")
    remove_demo(actor=DIRECTOR)
    deliver()
    device = Device.objects.get()
    assert device.display_name == "FIN-WS-011"
    assert device.exercise == ""
    assert device.device_group.is_default
    assert not device.bindings.exists()
    assert Alert.objects.get().pk == pk


def test_removing_twice_or_nothing_does_no_harm(played: Exercise) -> None:
    assert remove_demo(actor=DIRECTOR)["alerts"] > 0
    assert remove_demo(actor=DIRECTOR) == {}


def test_a_removed_demo_does_not_go_on(played: Exercise) -> None:
    remove_demo(actor=DIRECTOR)
    with clock.at(MOMENT + timedelta(minutes=30)):
        assert advance_attacks() == 0
    assert not Alert.objects.exists()


def test_questions_and_indicators_go_with_it_whoever_asked(played: Exercise, ada: User) -> None:
    device = Device.objects.filter(exercise=played.key).first()
    assert device is not None
    expert = User.objects.get(username="demo.dev.anand")
    ask_expert(device, topic="Known?", text="Is it?", share=[], expert=expert, within_h=4, actor=ada.actor, user=ada)
    assert ExpertRequest.objects.count() > 1
    remove_demo(actor=DIRECTOR)
    assert not ExpertRequest.objects.exists()
    assert not ExpertGroup.objects.exists()
    assert not Indicator.objects.exists()
