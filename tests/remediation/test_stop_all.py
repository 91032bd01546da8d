"""Stop-all: nothing is delivered after it, what had left is said, and going on is an act of its own."""

from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command

from accounts.models import User
from connectors.models import Delivery, Halt
from connectors.services import halt
from connectors.services.step import step_delivery
from core.models import AuditEvent
from remediation.models import ActionRun
from remediation.services.carry_out import carry_out
from remediation.services.execute import advance_run
from remediation.services.stop import go_on, stop_everything, wake_what_was_stopped
from soc_portal.up.processes import wait_until
from tests.factories.people import person
from tests.factories.remediation import SETTER, Company, approve, ask, company, done

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(db: None) -> Company:
    return company()


def stop() -> Halt:
    return stop_everything(actor=SETTER, reason="A rule runs wild")


def test_an_approved_run_gives_no_order_while_everything_is_stopped(place: Company, ada: User, rita: User) -> None:
    stop()
    run = carry_out(approve(rita, ask(ada, "device.isolate", place.device())))
    assert run.status == "queued"
    assert "A rule runs wild" in run.status_detail
    assert not Delivery.objects.exists()


def test_an_order_that_was_given_does_not_leave(place: Company, ada: User, rita: User) -> None:
    device = place.device()
    run = approve(rita, ask(ada, "device.isolate", device))
    advance_run(run.pk, even_if_not_due=True)
    order = Delivery.objects.get()
    stop()
    step_delivery(order.pk, even_if_not_due=True)
    order.refresh_from_db()
    assert (order.state, order.maybe_sent, order.error_code) == ("queued", False, "stopped")
    assert place.state(device).get("network") != "isolated"


def test_an_order_that_was_held_back_is_asked_about_anew(place: Company, ada: User, rita: User) -> None:
    device = place.device()
    run = approve(rita, ask(ada, "device.isolate", device))
    advance_run(run.pk, even_if_not_due=True)
    order = Delivery.objects.get()
    stop()
    step_delivery(order.pk, even_if_not_due=True)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    go_on(actor=SETTER, reason="The rule is off")
    assert carry_out(run).status == "failed"
    order.refresh_from_db()
    assert (order.maybe_sent, order.error_code) == (False, "person_inactive")
    assert place.state(device)["network"] == "connected"


def test_what_had_left_is_said_and_followed_to_its_end(place: Company, ada: User, rita: User) -> None:
    left = done(ada, rita, "device.isolate", place.device(start_after_s=3600, finish_after_s=7200))
    waiting = approve(rita, ask(ada, "device.isolate", place.device()))
    advance_run(waiting.pk, even_if_not_due=True)
    halted = stop()
    assert (left.status, halted.on_the_way, halted.held_back) == ("delivered", 1, 1)


def test_going_on_asks_everything_anew(place: Company, ada: User, rita: User) -> None:
    allowed = approve(rita, ask(ada, "device.isolate", place.device()))
    stop()
    carry_out(allowed)
    leaver = person("ramon", "analyst")
    orphan = approve(rita, ask(leaver, "device.isolate", place.device()))
    User.objects.filter(pk=leaver.pk).update(is_active=False)
    go_on(actor=SETTER, reason="The rule is off")
    wake_what_was_stopped()
    assert carry_out(allowed).status == "succeeded"
    assert carry_out(orphan).result == {"refused": "person_inactive"}


def test_taking_back_is_stopped_too(place: Company, ada: User, rita: User) -> None:
    device = place.device()
    run = done(ada, rita, "device.isolate", device)
    stop()
    release = carry_out(approve(rita, ask(ada, "device.release", device)))
    assert (run.status, release.status) == ("succeeded", "queued")


def test_it_needs_a_reason_and_ends_once(db: None) -> None:
    with pytest.raises(ValidationError):
        stop_everything(actor=SETTER, reason="  ")
    with pytest.raises(ValidationError):
        go_on(actor=SETTER, reason="Nothing was stopped")
    first = stop()
    assert stop() == first
    go_on(actor=SETTER, reason="Over")
    assert halt.in_force() is None
    assert set(AuditEvent.objects.filter(subject=f"halt:{first.pk}").values_list("verb", flat=True)) == {
        "halt.began", "halt.ended"}  # fmt: skip


def test_the_command_line_stops_and_resumes(db: None) -> None:
    told = StringIO()
    call_command("stop_all", reason="Odd orders", stdout=told)
    assert halt.in_force() is not None
    call_command("stop_all", reason="All clear", resume=True, stdout=told)
    assert halt.in_force() is None
    assert "Stopped. 0 orders are held back" in told.getvalue()


@pytest.mark.django_db(transaction=True)
def test_nothing_is_delivered_after_it_while_a_worker_runs(portal: str, ada: User, rita: User) -> None:
    place = company()
    runs = [approve(rita, ask(ada, "device.isolate", place.device())) for _ in range(6)]
    stop()
    left = set(Delivery.objects.filter(maybe_sent=True).values_list("reference", flat=True))
    runs += [approve(rita, ask(ada, "device.isolate", place.device())) for _ in range(6)]
    canary = ask(ada, "device.antivirus_scan", place.device())
    assert wait_until(lambda: "Everything is stopped" in ActionRun.objects.get(pk=canary.pk).status_detail, seconds=30)
    assert wait_until(lambda: not ActionRun.objects.filter(steps=0).exists(), seconds=30)
    assert set(Delivery.objects.filter(maybe_sent=True).values_list("reference", flat=True)) == left
    go_on(actor=SETTER, reason="All clear")
    assert wait_until(lambda: not ActionRun.objects.exclude(status="succeeded").exists(), seconds=60)
