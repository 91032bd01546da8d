"""After a restore nothing of the past is carried out again, whatever state it was in."""

from datetime import timedelta

import pytest

from accounts.models import User
from connectors.models import Delivery
from connectors.services.after_restore import hold_deliveries
from core import clock
from core.actors import Actor
from core.models import AuditEvent
from remediation.models import ActionRun, EmergencyApproval
from remediation.services.after_restore import hold_emergencies, hold_runs
from remediation.services.carry_out import carry_out
from remediation.services.emergency import roll_back_due
from tests.factories.remediation import approve, ask, company, done

pytestmark = pytest.mark.django_db
RESTORE = Actor.system("restore")


def hold() -> None:
    hold_runs(actor=RESTORE, reason="Restored.")
    hold_deliveries(actor=RESTORE, reason="Restored.")


def test_an_undecided_request_is_withdrawn_and_the_target_is_free(ada: User, rita: User) -> None:
    device = company().device()
    run = ask(ada, "device.isolate", device)
    hold()
    run.refresh_from_db()
    assert (run.decision, run.status, run.status_detail) == ("withdrawn", "cancelled", "Restored.")
    assert done(ada, rita, "device.isolate", device).status == "succeeded"


def test_an_approved_run_is_unknown_and_is_not_carried_out(ada: User, rita: User) -> None:
    place = company()
    device = place.device()
    run = approve(rita, ask(ada, "device.isolate", device))
    hold()
    assert carry_out(run).status == "unknown"
    assert not Delivery.objects.exists()
    assert place.state(device)["network"] == "connected"


def test_an_order_that_may_have_left_is_neither_repeated_nor_asked_about(ada: User, rita: User) -> None:
    place = company()
    device = place.device(loses_answers=1, offline=False)
    run = carry_out(approve(rita, ask(ada, "device.isolate", place.device(unavailable=1_000))))
    waiting = carry_out(approve(rita, ask(ada, "device.isolate", device)))
    hold()
    states = dict(Delivery.objects.values_list("reference", "state"))
    assert states[f"run:{run.pk}"] in {"cancelled", "timed_out"}
    assert not Delivery.objects.exclude(state__in=["cancelled", "timed_out", "succeeded"]).exists()
    attempts = dict(Delivery.objects.values_list("reference", "attempts"))
    for one in (run, waiting):
        carry_out(one)
    assert dict(Delivery.objects.values_list("reference", "attempts")) == attempts
    assert not ActionRun.objects.exclude(next_step_at=None).exists()


def test_each_of_it_is_in_the_history(ada: User) -> None:
    run = ask(ada, "device.isolate", company().device())
    hold()
    told = AuditEvent.objects.filter(actor_id="restore", subject=f"run:{run.pk}")
    assert set(told.values_list("verb", "reason")) == {("run.decision", "Restored."), ("run.status", "Restored.")}


def test_an_emergency_approval_is_not_rolled_back_by_itself(ada: User, rita: User) -> None:
    run = done(ada, rita, "device.isolate", company().device())
    approval = EmergencyApproval.objects.create(
        run=run, by=rita.actor.as_json(), by_id=rita.pk, reason="Nobody else was there.",
        ratify_until=clock.now() - timedelta(hours=1),
    )  # fmt: skip
    assert hold_emergencies(actor=RESTORE, reason="Restored.") == 1
    approval.refresh_from_db()
    assert (approval.state, approval.rolled_back) == ("lapsed", True)
    assert roll_back_due() == 0
    assert not ActionRun.objects.filter(undoes=run).exists()
    assert approval.outcome == "Restored. It is not rolled back by itself."
