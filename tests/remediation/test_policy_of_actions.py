"""Who is refused, at which stage, and what is kept of it."""

from datetime import timedelta
from functools import partial

import pytest

from accounts.enums import UserKind
from accounts.models import DeviceGroup, User
from accounts.services.tokens import issue_token
from connectors.models import Delivery
from connectors.services.connections import set_enabled
from core import clock
from core.models import AuditEvent
from incidents.models import Device, Incident
from incidents.services.bindings import bind, binding_of, unbind
from remediation.models import ActionRun, Refusal
from remediation.refused import Refused
from remediation.services.carry_out import carry_out
from remediation.services.decide import approve_run, reject_run, withdraw_run
from remediation.services.expire import expire_due
from remediation.services.preview import preview_action
from tests.factories.people import person
from tests.factories.remediation import (
    SETTER,
    DeviceFactory,
    approve,
    ask,
    company,
    incident_naming,
)

pytestmark = pytest.mark.django_db


def refused_request(user: User, action: str, device: Device, incident: Incident | None = None) -> Refused:
    with pytest.raises(Refused) as refused:
        ask(user, action, device, incident=incident)
    assert not ActionRun.objects.exists()
    assert Refusal.objects.get().code == refused.value.code
    return refused.value


@pytest.mark.parametrize("service_asks", [True, False], ids=["service asks", "service decides"])
def test_a_service_account_counts_as_who_made_its_token(adam: User, rita: User, service_asks: bool) -> None:
    service = person("scanner", "responder", kind=UserKind.SERVICE)
    token, _secret = issue_token(service, name="t", lifetime=timedelta(days=1), may_decide=True, actor=adam.actor)
    run = ask(service if service_asks else adam, "device.isolate", company().device())

    decide = partial(approve, adam, run) if service_asks else partial(approve_run, run, actor=token.actor, user=service)
    with pytest.raises(Refused) as refused:
        decide()

    assert refused.value.code == "same_person"
    assert approve(rita, run).decision == "approved"


def test_a_manager_may_not_ask(mona: User) -> None:
    assert refused_request(mona, "device.isolate", company().device()).code == "forbidden"


def test_a_device_outside_the_scope_is_refused(eve: User) -> None:
    assert refused_request(eve, "device.isolate", company().device()).code == "out_of_scope"


def test_an_incident_that_one_may_not_see_is_refused(ada: User) -> None:
    device = company().device()
    secret = incident_naming(device, restricted=True)
    assert refused_request(ada, "device.isolate", device, incident=secret).code == "out_of_scope"


def test_a_target_without_a_binding_is_refused(ada: User) -> None:
    refusal = refused_request(ada, "device.isolate", DeviceFactory.create())
    assert refusal.code == "not_bound"


def test_a_target_with_two_bindings_is_refused(ada: User) -> None:
    device = company().device()
    bind(device, connection=company().connection, remote_id="the-other", actor=SETTER)
    refusal = refused_request(ada, "device.isolate", device)
    assert refusal.code == "not_bound"
    assert "2 remote objects" in refusal.message


def test_a_connection_that_is_switched_off_is_refused(ada: User) -> None:
    place = company()
    device = place.device()
    set_enabled(place.connection, enabled=False, actor=SETTER, reason="maintenance")
    assert refused_request(ada, "device.isolate", device).code == "unavailable"


def test_a_refusal_keeps_its_inputs_and_is_audited(mona: User) -> None:
    refused_request(mona, "device.isolate", company().device())
    kept = Refusal.objects.get()
    assert (kept.stage, kept.inputs["arguments"]) == ("request", {"isolation_type": "full"})
    assert AuditEvent.objects.filter(verb="run.refused", actor_id=str(mona.pk)).exists()


def test_a_second_run_on_the_same_part_is_refused_with_a_link(ada: User, rita: User) -> None:
    device = company().device()
    first = ask(ada, "device.isolate", device)
    with pytest.raises(Refused) as refused:
        ask(rita, "device.isolate", device)
    assert (refused.value.code, refused.value.run) == ("conflict", first)
    assert refused.value.link == f"/actions/{first.pk}/"


def test_another_part_of_the_same_target_is_free(ada: User) -> None:
    device = company().device()
    ask(ada, "device.isolate", device)
    assert ask(ada, "device.antivirus_scan", device).pk


@pytest.mark.parametrize("verb", [approve_run, reject_run])
def test_nobody_decides_on_an_own_request(verb: object, rita: User) -> None:
    run = ask(rita, "device.isolate", company().device())
    with pytest.raises(Refused) as refused:
        verb(run, actor=rita.actor, user=rita, comment="Fine")  # type: ignore[operator]
    assert refused.value.code == "same_person"
    assert Refusal.objects.get().stage == "decision"


def test_a_token_counts_as_its_person(rita: User, adam: User) -> None:
    run = ask(rita, "device.isolate", company().device())
    token, _ = issue_token(rita, name="script", lifetime=timedelta(days=1), actor=rita.actor, may_decide=True)
    with pytest.raises(Refused) as refused:
        approve_run(run, actor=token.actor, user=rita)
    assert refused.value.code == "same_person"


@pytest.mark.parametrize("may_decide", [True, False])
def test_a_service_account_decides_only_when_it_was_made_for_it(may_decide: bool, ada: User, adam: User) -> None:
    run = ask(ada, "device.isolate", company().device())
    robot = person("robot", "responder", kind=UserKind.SERVICE)
    token, _ = issue_token(robot, name="soar", lifetime=timedelta(days=1), actor=adam.actor, may_decide=may_decide)
    if may_decide:
        assert approve_run(run, actor=token.actor, user=robot).decision == "approved"
        return
    with pytest.raises(Refused) as refused:
        approve_run(run, actor=token.actor, user=robot)
    assert refused.value.code == "token_may_not_decide"


def test_an_analyst_may_not_approve(ada: User, rita: User) -> None:
    run = ask(rita, "device.isolate", company().device())
    with pytest.raises(Refused) as refused:
        approve(ada, run)
    assert refused.value.code == "forbidden"


def test_somebody_outside_the_scope_may_not_approve(ada: User, elsewhere: DeviceGroup) -> None:
    run = ask(ada, "device.isolate", company().device())
    far = person("far", "responder", groups=[elsewhere])
    with pytest.raises(Refused) as refused:
        approve(far, run)
    assert refused.value.code == "out_of_scope"


def test_a_decision_is_made_once(ada: User, rita: User, adam: User) -> None:
    run = approve(rita, ask(ada, "device.isolate", company().device()))
    with pytest.raises(Refused) as refused:
        reject_run(run, actor=adam.actor, user=adam, comment="No")
    assert refused.value.code == "already_decided"


def test_a_rejected_request_is_never_carried_out(ada: User, rita: User) -> None:
    run = reject_run(ask(ada, "device.isolate", company().device()), actor=rita.actor, user=rita, comment="Not now")
    carry_out(run)
    assert (run.decision, run.status) == ("rejected", "cancelled")
    assert "Not now" in run.status_detail
    assert not Delivery.objects.exists()


def test_only_the_requester_withdraws(ada: User, rita: User) -> None:
    run = ask(ada, "device.isolate", company().device())
    with pytest.raises(Refused):
        withdraw_run(run, actor=rita.actor, user=rita)
    assert withdraw_run(run, actor=ada.actor, user=ada).decision == "withdrawn"


def test_an_undecided_request_expires_after_seven_days(ada: User, rita: User) -> None:
    device = company().device()
    with clock.at(clock.now() - timedelta(days=7, minutes=1)):
        old = ask(ada, "device.isolate", device)
    with pytest.raises(Refused) as refused:
        approve(rita, old)
    assert refused.value.code == "expired"
    assert expire_due() == 1
    old.refresh_from_db()
    assert (old.decision, old.status) == ("expired", "expired")
    assert ask(ada, "device.isolate", device).pk


def fails_at_execution(run: ActionRun, code: str) -> None:
    carry_out(run)
    assert (run.status, run.result.get("refused")) == ("failed", code)
    assert Refusal.objects.get(stage="execution").code == code
    assert not Delivery.objects.exists()


def test_a_requester_who_left_stops_the_execution(ada: User, rita: User) -> None:
    run = approve(rita, ask(ada, "device.isolate", company().device()))
    User.objects.filter(pk=ada.pk).update(is_active=False)
    fails_at_execution(run, "person_inactive")


def test_a_decider_who_lost_the_right_stops_the_execution(ada: User, rita: User) -> None:
    run = approve(rita, ask(ada, "device.isolate", company().device()))
    rita.roles.clear()
    fails_at_execution(run, "forbidden")


def test_a_device_that_left_the_scope_stops_the_execution(ada: User, elsewhere: DeviceGroup, adam: User) -> None:
    device = company().device()
    near = person("near", "responder", groups=[device.device_group])
    run = approve(near, ask(ada, "device.isolate", device))
    device.device_group = elsewhere
    device.save()
    fails_at_execution(run, "out_of_scope")


def test_a_binding_that_changed_stops_the_execution(ada: User, rita: User) -> None:
    place = company()
    device = place.device()
    run = approve(rita, ask(ada, "device.isolate", device))
    unbind(binding_of(device), entity=device, actor=SETTER)
    bind(device, connection=place.connection, remote_id="somebody-else", actor=SETTER)
    fails_at_execution(run, "not_bound")


@pytest.mark.parametrize(
    "tampering",
    [
        {"decision": "approved", "decided_by": {"kind": "person", "id": "1", "name": "x", "person_id": 1}},
        {"arguments": {"isolation_type": "selective"}},
        {"remote_id": "another-device"},
        {"decision_seal": "0" * 64},
    ],
)
def test_a_row_changed_behind_the_portals_back_does_not_run(
    tampering: dict[str, object], ada: User, rita: User
) -> None:
    run = approve(rita, ask(ada, "device.isolate", company().device()))
    ActionRun.objects.filter(pk=run.pk).update(**tampering)
    fails_at_execution(run, "seal_broken")


def test_the_dialog_says_what_will_happen(ada: User) -> None:
    device = company().device()
    preview = preview_action("device.isolate", device, {"isolation_type": "selective"}, ada)
    assert preview.allowed
    assert preview.needs_approval
    assert any(str(device) in sentence for sentence in preview.effects)
    assert any("SIMULATED" in warning for warning in preview.warnings)
    assert "release" in preview.undo


def test_the_dialog_says_why_not(ada: User, eve: User) -> None:
    device = company().device()
    run = ask(ada, "device.isolate", device)
    assert preview_action("device.isolate", device, {}, eve).blockers[0].code == "out_of_scope"
    assert preview_action("device.isolate", device, {}, ada).blockers[0].run == run
    assert preview_action("device.isolate", DeviceFactory.create(), {}, ada).blockers[0].code == "not_bound"
    assert not Refusal.objects.exists()
