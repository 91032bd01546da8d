"""What is old goes, with everything that belongs to it; what somebody has a reason to keep stays and is told."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from core import clock, options, retention
from core.actors import Actor
from core.models import AuditEvent
from incidents.models import Alert, Comment, DeadLetter, Device, Evidence, Incident
from incidents.services.comment import comment_on
from incidents.services.legal_hold import place_hold
from incidents.services.manage import update_incident
from reviews.services.write import open_review
from tests.conftest import SignedIn
from tests.factories.api import caller
from tests.factories.incidents import DeviceFactory, evidence, incident_about
from tests.factories.remediation import ask, company

pytestmark = pytest.mark.django_db
SETTER = Actor.system("tests")


def keep(kind: str, days: int) -> None:
    options.put(f"retention.{kind}_days", days, actor=SETTER)


def closed(days_ago: int, *, alerts: int = 1) -> Incident:
    incident = incident_about(DeviceFactory.create(), alerts=alerts)
    update_incident(incident, changes={"status": "resolved"}, actor=SETTER)
    Incident.objects.filter(pk=incident.pk).update(resolved=clock.now() - timedelta(days=days_ago))
    return incident


def of(kind: str, **days: int) -> retention.Preview:
    return next(one for one in retention.previews(days) if one.kind.key == kind)


def test_an_old_incident_goes_with_all_that_is_in_it(ada: User) -> None:
    old, merged, new = closed(400, alerts=3), incident_about(DeviceFactory.create()), closed(100)
    comment_on(old, text="Done.", actor=ada.actor)
    evidence(old.alerts.all()[0], type="ip", display="203.0.113.77", key="ip:203.0.113.77")
    Incident.objects.filter(pk=merged.pk).update(status="redirected", redirect_incident=old)
    keep("incidents", 365)
    assert retention.apply() == {"incidents": 1}
    assert set(Incident.objects.values_list("pk", flat=True)) == {new.pk}
    assert Alert.objects.get().incident == new
    assert not Comment.objects.exists()
    assert not Evidence.objects.exclude(alert__incident=new).exists()
    assert AuditEvent.objects.filter(thread=old.thread, verb="incident.status").exists()
    told = AuditEvent.objects.get(verb="retention.applied")
    assert (told.subject, told.data["rows"], told.data["days"]) == ("retention:incidents", 1, 365)


def test_nothing_goes_that_is_kept_for_good(ada: User) -> None:
    closed(4000)
    assert retention.apply() == {}
    assert of("incidents").count == 0


def test_what_is_kept_back_stays_and_the_preview_says_why(ada: User, mona: User) -> None:
    held, acting, unsigned, _plain = (closed(400) for _ in range(4))
    place_hold(held, reason="Court", actor=mona.actor)
    open_review(unsigned, actor=ada.actor)
    ask(ada, "device.isolate", company().device(), incident=acting)
    keep("incidents", 365)
    told = of("incidents")
    assert told.count == 1
    assert dict(told.kept) == {
        "under a legal hold": 1,
        "with an action that is open": 1,
        "whose review is not signed": 1,
    }
    retention.apply()
    assert set(Incident.objects.values_list("pk", flat=True)) == {held.pk, acting.pk, unsigned.pk}


def test_handled_dead_letters_go_and_open_ones_stay() -> None:
    long_ago = clock.now() - timedelta(days=500)
    common: dict[str, Any] = {
        "source": "s",
        "format": "graph",
        "raw": b"{}",
        "code": "missing_field",
        "message": "No id.",
    }
    DeadLetter.objects.create(**common, state="discarded", handled=long_ago, created=long_ago)
    kept = DeadLetter.objects.create(**common, created=long_ago)
    assert retention.apply() == {"dead_letters": 1}
    assert DeadLetter.objects.get() == kept


def test_a_device_goes_when_nothing_names_it_any_more() -> None:
    named = incident_about(DeviceFactory.create()).alerts.get().evidence.get().device
    DeviceFactory.create()
    Device.objects.update(last_seen=clock.now() - timedelta(days=200))
    keep("device_entities", 90)
    retention.apply()
    assert Device.objects.get() == named


def test_the_page_tries_days_before_they_are_set(signed_in: SignedIn, client: Client, adam: User) -> None:
    closed(400)
    page = signed_in(client, adam)
    days = {f"days_{kind.key}": kind.days for kind in retention.kinds()}
    tried = page.get("/admin/retention/", {**days, "days_incidents": 365}).content.decode()
    assert "Not set yet" in tried
    assert retention.days_in_force()["incidents"] == 0
    previewed = page.post("/admin/retention/", {**days, "days_incidents": 365, "act": "preview"})
    assert (previewed.status_code, "Not set yet" in previewed.content.decode()) == (200, True)
    assert retention.days_in_force()["incidents"] == 0
    refused = page.post("/admin/retention/", {**days, "days_incidents": 3, "reason": "Less"})
    assert (refused.status_code, "at least 90 days" in refused.content.decode()) == (422, True)
    page.post("/admin/retention/", {**days, "days_incidents": 365, "reason": "Agreed with the works council"})
    assert retention.days_in_force()["incidents"] == 365
    assert AuditEvent.objects.get(verb="option.changed").reason == "Agreed with the works council"


def test_the_api_tells_what_goes_next(adam: User, ada: User) -> None:
    closed(400)
    keep("incidents", 365)
    rows = {row["kind"]: row for row in caller(adam).get("/retention").body}
    assert (rows["incidents"]["due"], rows["incidents"]["option"]) == (1, "retention.incidents_days")
    assert caller(ada).get("/retention").status == 403
