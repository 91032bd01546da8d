"""What becomes of a run when the other side is away, slow, failing or lying."""

from datetime import timedelta

import pytest

from accounts.models import User
from connectors.kinds.simulator import world
from connectors.models import Delivery
from core import clock
from remediation.models import ActionRun, ControlState, Refusal
from remediation.refused import Refused
from remediation.services.cancel import cancel_run
from remediation.services.carry_out import carry_out
from remediation.services.execute import advance_run
from tests.factories.brakes import cap
from tests.factories.people import person
from tests.factories.remediation import Company, approve, ask, company, done

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(db: None) -> Company:
    return company()


def later(run: ActionRun, **span: float) -> ActionRun:
    """Carried on after some time has passed."""
    with clock.at(clock.now() + timedelta(**span)):
        return carry_out(run)


def test_an_offline_device_is_waited_for(place: Company, ada: User, rita: User) -> None:
    device = place.device(offline=True)
    run = done(ada, rita, "device.isolate", device)
    assert run.status == "queued"
    assert "offline" in run.status_detail
    place.behave(device, offline=False)
    assert carry_out(run).status == "succeeded"


def test_an_order_that_waited_is_asked_about_before_it_leaves(place: Company, ada: User, rita: User) -> None:
    """The target was away, and who approved has lost the right meanwhile."""
    device = place.device(offline=True)
    run = done(ada, rita, "device.isolate", device)
    rita.roles.clear()
    place.behave(device, offline=False)
    ended = later(run, minutes=5)
    assert (ended.status, "lacks the right" in ended.status_detail) == ("failed", True)
    assert place.state(device)["network"] == "connected"
    assert Refusal.objects.filter(stage="execution", code="forbidden", run_id=run.pk).count() == 1
    assert ControlState.objects.get().desired == "connected"


def test_an_order_that_waited_still_has_its_place_under_the_cap(place: Company, ada: User, rita: User) -> None:
    device = place.device(offline=True)
    run = done(ada, rita, "device.isolate", device)
    cap(1)
    place.behave(device, offline=False)
    assert later(run, minutes=5).status == "succeeded"


def test_what_has_perhaps_left_is_not_called_back_by_asking(place: Company, ada: User, rita: User) -> None:
    device = place.device(loses_answers=1)
    run = done(ada, rita, "device.isolate", device)
    assert Delivery.objects.get().maybe_sent
    rita.roles.clear()
    assert later(run, minutes=5).status == "succeeded"
    assert place.state(device)["network"] == "isolated"


def test_an_offline_device_is_given_up_after_three_days(place: Company, ada: User, rita: User) -> None:
    device = place.device(offline=True)
    run = done(ada, rita, "device.isolate", device)
    assert later(run, days=3, minutes=1).status == "expired"
    assert ControlState.objects.get().desired == ""
    place.behave(device, offline=False)
    assert place.state(device)["network"] == "connected"


def test_a_system_that_is_away_is_tried_again(place: Company, ada: User, rita: User) -> None:
    run = done(ada, rita, "device.isolate", place.device(unavailable=2))
    run = carry_out(carry_out(run))
    assert run.status == "succeeded"
    assert Delivery.objects.get().attempts == 2


def test_a_lost_answer_never_doubles_the_effect(place: Company, ada: User, rita: User) -> None:
    run = done(ada, rita, "device.isolate", place.device(loses_answers=2))
    run = carry_out(carry_out(run))
    assert run.status == "succeeded"
    assert world.effects_of(place.connection, Delivery.objects.get().idempotency_key) == 1


def test_a_refusal_of_the_other_side_ends_as_failed(place: Company, ada: User, rita: User) -> None:
    run = done(ada, rita, "device.isolate", place.device(refuses="The agent is too old."))
    assert run.status == "failed"
    assert "too old" in run.status_detail
    assert ControlState.objects.get().desired == "connected"


def test_half_an_effect_is_partial(place: Company, ada: User, rita: User) -> None:
    run = done(ada, rita, "device.isolate", place.device(half_fails=True))
    assert run.status == "partially_succeeded"
    assert run.verification["observed"] == "partly_isolated"
    assert run.verification["done"] is False


def test_a_reported_success_that_is_not_seen_is_a_failure(place: Company, ada: User, rita: User) -> None:
    run = done(ada, rita, "device.isolate", place.device(lies=True))
    assert run.status == "failed"
    assert "not so" in run.status_detail


def test_a_success_that_cannot_be_seen_is_unknown_until_it_can(place: Company, ada: User, rita: User) -> None:
    device = place.device(unobservable=True)
    run = done(ada, rita, "device.isolate", device)
    assert run.status == "unknown"
    assert run.next_step_at is not None
    place.behave(device, unobservable=False)
    advance_run(run.pk, even_if_not_due=True)
    run.refresh_from_db()
    assert (run.status, run.verification["done"]) == ("succeeded", True)


def test_silence_becomes_unknown_and_is_resolved_by_looking(place: Company, ada: User, rita: User) -> None:
    device = place.device(hangs=True)
    run = done(ada, rita, "device.isolate", device)
    assert run.status == "started"
    assert later(run, hours=2).status == "unknown"


def test_an_unknown_outcome_does_not_block_the_facet(place: Company, ada: User, rita: User) -> None:
    device = place.device(hangs=True)
    later(done(ada, rita, "device.isolate", device), hours=2)
    place.behave(device, hangs=False)
    assert done(ada, rita, "device.isolate", device).status == "succeeded"


def test_a_newer_run_calls_the_unknown_one_off(place: Company, ada: User, rita: User) -> None:
    device = place.device(hangs=True)
    old = later(done(ada, rita, "device.isolate", device), hours=2)
    place.behave(device, hangs=False)
    done(ada, rita, "device.release", device)
    assert Delivery.objects.get(reference=f"run:{old.pk}").cancel_asked_at is not None
    advance_run(old.pk, even_if_not_due=True)
    old.refresh_from_db()
    assert (old.status, old.next_step_at) == ("unknown", None)


def test_what_is_queued_is_cancelled_at_once(place: Company, ada: User, rita: User) -> None:
    device = place.device(offline=True)
    run = done(ada, rita, "device.isolate", device)
    cancel_run(run, actor=rita.actor, user=rita, comment="Wrong device")
    assert run.status == "cancelled"
    place.behave(device, offline=False)
    carry_out(run)
    assert place.state(device)["network"] == "connected"


def test_what_was_handed_over_is_cancelled_by_the_other_side(place: Company, ada: User, rita: User) -> None:
    device = place.device(start_after_s=3600, finish_after_s=7200)
    run = done(ada, rita, "device.isolate", device)
    assert run.status == "delivered"
    cancel_run(run, actor=rita.actor, user=rita)
    assert carry_out(run).status == "cancelled"


def test_it_can_be_too_late_to_cancel(place: Company, ada: User, rita: User) -> None:
    device = place.device(finish_after_s=3600)
    run = done(ada, rita, "device.isolate", device)
    cancel_run(run, actor=rita.actor, user=rita)
    assert carry_out(run).status == "started"
    assert later(run, hours=2).status == "succeeded"


def test_an_analyst_cannot_cancel_what_was_handed_over(place: Company, ada: User, rita: User) -> None:
    run = done(ada, rita, "device.isolate", place.device(start_after_s=3600, finish_after_s=7200))
    with pytest.raises(Refused) as refused:
        cancel_run(run, actor=ada.actor, user=ada)
    assert refused.value.code == "forbidden"


def test_what_has_ended_cannot_be_cancelled(place: Company, ada: User, rita: User) -> None:
    run = done(ada, rita, "device.isolate", place.device())
    with pytest.raises(Refused) as refused:
        cancel_run(run, actor=rita.actor, user=rita)
    assert refused.value.code == "already_ended"


def test_a_release_cancels_an_isolation_that_has_not_left(place: Company, ada: User, rita: User) -> None:
    device = place.device(offline=True)
    isolation = done(ada, rita, "device.isolate", device)
    release = ask(rita, "device.release", device)
    isolation.refresh_from_db()
    assert isolation.status == "cancelled"
    assert "Superseded" in isolation.status_detail
    assert release.status == "waiting"


def test_a_release_does_not_overtake_an_isolation_that_has_left(place: Company, ada: User, rita: User) -> None:
    device = place.device(start_after_s=3600, finish_after_s=7200)
    isolation = done(ada, rita, "device.isolate", device)
    with pytest.raises(Refused) as refused:
        ask(rita, "device.release", device)
    assert (refused.value.code, refused.value.run) == ("conflict", isolation)


def test_another_analyst_cannot_call_off_an_approved_isolation(place: Company, ada: User, rita: User) -> None:
    device = place.device(offline=True)
    isolation = done(rita, a_colleague(), "device.isolate", device)
    with pytest.raises(Refused) as refused:
        ask(ada, "device.release", device)
    assert (refused.value.code, refused.value.run) == ("conflict", isolation)


def a_colleague() -> User:
    return person("rob", "responder")


def test_the_log_tells_the_story_once(place: Company, ada: User, rita: User) -> None:
    run = approve(rita, ask(ada, "device.isolate", place.device()))
    carry_out(run)
    advance_run(run.pk, even_if_not_due=True)
    texts = list(run.log_lines.values_list("text", flat=True))
    assert len(texts) == len(set(texts))
    assert any(text.startswith("SIMULATED") for text in texts)
    assert texts[-1] == "Verified: isolated."
