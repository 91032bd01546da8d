"""The way of a device back to work: steps, what the portal checks, the watch period and what breaks it."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.models import User
from core import clock
from core.models import AuditEvent
from incidents.enums import IncidentStatus
from incidents.ingest.accept import accept_alerts
from incidents.models import Alert, Device, Incident
from incidents.services.manage import update_incident
from notifications.models import Message
from remediation.enums import RecoveryState, StepKind, StepState
from remediation.models import IndicatorHit, Recovery, RecoveryStep, RecoveryTemplateStep
from remediation.refused import Refused
from remediation.services.recover import finish_due, set_step, set_steps, start_recovery, start_watch
from remediation.services.recovery_template import save_step, template_steps
from remediation.services.set_indicator import create_indicator
from remediation.services.watch_recovery import alerts_stored
from tests.factories.remediation import SETTER, Company, company, done, incident_naming

pytestmark = pytest.mark.django_db


def begin(user: User) -> tuple[Company, Device, Incident, Recovery]:
    firm = company()
    device = firm.device()
    case = incident_naming(device)
    (recovery,) = start_recovery(case, devices=[device], actor=user.actor, user=user)
    return firm, device, case, recovery


def step(recovery: Recovery, kind: str) -> RecoveryStep:
    return recovery.steps.filter(kind=kind).first()  # type: ignore[return-value]


def all_done(recovery: Recovery, user: User) -> None:
    for one in recovery.steps.exclude(kind=StepKind.WATCHED):
        set_step(one, state=StepState.DONE, note="Seen to", actor=user.actor, user=user)


def watched(user: User) -> tuple[Device, Incident, Recovery]:
    _, device, case, recovery = begin(user)
    all_done(recovery, user)
    return device, case, start_watch(recovery, actor=user.actor, user=user)


def alert_on(device: Device, severity: str) -> Alert:
    now = clock.now().isoformat()
    item = {
        "id": f"n{Alert.objects.count()}", "title": "Again", "severity": severity, "createdDateTime": now,
        "firstActivityDateTime": now, "lastActivityDateTime": now, "serviceSource": "microsoftDefenderForEndpoint",
        "evidence": [{"@odata.type": "#microsoft.graph.security.deviceEvidence", "deviceDnsName": device.key}],
    }  # fmt: skip
    receipt = accept_alerts([item], format="graph", source="sensor", actor=SETTER)
    assert receipt.accepted == 1
    alert = Alert.objects.latest("pk")
    alerts_stored(alerts=[alert.pk])
    return alert


def test_a_checklist_has_the_steps_of_the_template_as_they_are_then(ada: User, adam: User) -> None:
    _, _, _, recovery = begin(ada)
    kinds = [one.kind for one in recovery.steps.all()]
    assert kinds == ["cleaned", "credentials", "free", "released", "watched"]
    values = {"label": "Owner informed", "position": 25}
    save_step(RecoveryTemplateStep(), values=values, actor=adam.actor)
    assert recovery.steps.count() == 5
    assert [one.label for one in template_steps()][2] == "Owner informed"


def test_the_watched_return_stays_in_the_template(adam: User) -> None:
    watched_step = next(one for one in template_steps() if one.kind == StepKind.WATCHED)
    with pytest.raises(ValidationError):
        save_step(watched_step, values={"enabled": False}, actor=adam.actor)


def test_each_step_says_who_did_it_and_when(ada: User) -> None:
    _, _, case, recovery = begin(ada)
    cleaned = set_step(step(recovery, "cleaned"), state="done", note="Set up anew", link="/actions/", actor=ada.actor,
                       user=ada)  # fmt: skip
    assert cleaned.by is not None
    assert (cleaned.by["name"], cleaned.at is not None, cleaned.link) == (str(ada.actor.name), True, "/actions/")
    assert AuditEvent.objects.filter(verb="recovery.step", thread=case.thread, reason="Set up anew").exists()


def test_what_is_not_needed_says_why(ada: User) -> None:
    _, _, _, recovery = begin(ada)
    with pytest.raises(ValidationError):
        set_step(step(recovery, "credentials"), state="skipped", actor=ada.actor, user=ada)


def test_a_device_that_is_isolated_is_neither_released_nor_watched(ada: User, rita: User) -> None:
    _, device, _, recovery = begin(ada)
    done(ada, rita, "device.isolate", device, isolation_type="full")
    with pytest.raises(Refused, match="still isolated"):
        set_step(step(recovery, "released"), state="done", actor=ada.actor, user=ada)
    set_step(step(recovery, "released"), state="skipped", note="No need", actor=ada.actor, user=ada)
    for kind in ("cleaned", "credentials", "free"):
        set_step(step(recovery, kind), state="done", actor=ada.actor, user=ada)
    with pytest.raises(Refused, match="still isolated"):
        start_watch(recovery, actor=ada.actor, user=ada)
    done(ada, rita, "device.release", device)
    assert start_watch(recovery, actor=ada.actor, user=ada).state == RecoveryState.WATCHED


def test_the_watch_begins_only_after_every_needed_step(ada: User) -> None:
    _, _, _, recovery = begin(ada)
    with pytest.raises(Refused, match="Still open"):
        start_watch(recovery, actor=ada.actor, user=ada)


def test_a_quiet_watch_period_ends_well(ada: User) -> None:
    _, _, recovery = watched(ada)
    assert finish_due() == 0
    Recovery.objects.filter(pk=recovery.pk).update(watch_until=clock.now() - timedelta(seconds=1))
    assert finish_due() == 1
    recovery.refresh_from_db()
    assert (recovery.state, step(recovery, "watched").state) == (RecoveryState.RECOVERED, StepState.DONE)


def test_a_device_that_was_isolated_again_is_not_called_recovered(ada: User, rita: User) -> None:
    device, _, recovery = watched(ada)
    done(ada, rita, "device.isolate", device, isolation_type="full")
    Recovery.objects.filter(pk=recovery.pk).update(watch_until=clock.now() - timedelta(seconds=1))
    assert finish_due() == 0
    recovery.refresh_from_db()
    assert recovery.state == RecoveryState.WATCHED
    assert "still isolated" in recovery.detail


def test_a_new_alert_while_watched_opens_the_incident_again(ada: User) -> None:
    device, case, recovery = watched(ada)
    update_incident(case, changes={"status": "resolved", "classification": "truePositive"}, actor=ada.actor)
    alert = alert_on(device, "medium")
    recovery.refresh_from_db()
    case.refresh_from_db()
    assert (recovery.state, recovery.alert, case.status) == (RecoveryState.FAILED, alert, IncidentStatus.IN_PROGRESS)
    assert step(recovery, "watched").state == StepState.FAILED
    reopened = AuditEvent.objects.filter(verb="incident.status", thread=case.thread).latest("at")
    assert (reopened.actor_kind, reopened.actor_name) == ("system", "recovery watch")
    assert Message.objects.filter(topic="recovery.broken").count() <= 1


def test_an_alert_of_low_severity_breaks_nothing(ada: User) -> None:
    device, case, recovery = watched(ada)
    update_incident(case, changes={"status": "resolved"}, actor=ada.actor)
    alert_on(device, "low")
    recovery.refresh_from_db()
    case.refresh_from_db()
    assert (recovery.state, case.status) == (RecoveryState.WATCHED, IncidentStatus.RESOLVED)


def test_a_small_alert_under_an_indicator_of_the_incident_breaks_it(ada: User, rita: User) -> None:
    device, case, recovery = watched(ada)
    alert = alert_on(device, "low")
    from_case = make_indicator(case, rita)
    hit(from_case, alert)
    alerts_stored(alerts=[alert.pk])
    recovery.refresh_from_db()
    assert recovery.state == RecoveryState.FAILED


def make_indicator(case: Incident, user: User) -> Any:
    fields = {"type": "ipAddress", "value": "203.0.113.9", "action": "block", "title": "Server"}
    return create_indicator(fields=fields, reason="Seen", actor=user.actor, user=user, incident=case)


def hit(indicator: Any, alert: Alert) -> None:
    IndicatorHit.objects.create(indicator=indicator, key="k", kind="named", at=alert.last_activity, alert=alert)


def test_one_step_is_set_on_many_devices_and_each_that_cannot_says_why(ada: User, rita: User) -> None:
    firm = company()
    one, two = firm.device(), firm.device()
    case = incident_naming(one, two)
    both = start_recovery(case, devices=[one, two], actor=ada.actor, user=ada)
    done(ada, rita, "device.isolate", two, isolation_type="full")
    refused = set_steps(both, kind="released", state="done", note="", actor=ada.actor, user=ada)
    assert [recovery.device for recovery, _ in refused] == [two]
    assert step(both[0], "released").state == StepState.DONE


def test_devices_outside_the_scope_get_no_checklist(eve: User, ada: User) -> None:
    device = company().device()
    case = incident_naming(device)
    with pytest.raises((Refused, ValidationError)):
        start_recovery(case, devices=[device], actor=eve.actor, user=eve)
    assert not Recovery.objects.exists()


def test_a_reader_changes_nothing(ada: User, mona: User) -> None:
    _, _, _, recovery = begin(ada)
    with pytest.raises(Refused):
        set_step(step(recovery, "cleaned"), state="done", actor=mona.actor, user=mona)
