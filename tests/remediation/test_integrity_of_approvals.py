"""Ways around the second person, and what becomes of them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection as database

from accounts.enums import UserKind
from accounts.models import DeviceGroup, Role, User
from accounts.services.token_care import rotate_token
from accounts.services.tokens import issue_token
from connectors.models import Delivery
from core import clock
from incidents.models import Device
from remediation.enums import Decision, RunStatus
from remediation.models import ActionRun, Refusal
from remediation.refused import Refused
from remediation.services.carry_out import carry_out
from remediation.services.decide import approve_run
from remediation.services.request import request_action
from tests.factories.brakes import lead
from tests.factories.people import person
from tests.factories.remediation import Company, approve, ask, company

pytestmark = pytest.mark.django_db
HANDS = 20


@pytest.fixture
def place(db: None) -> Company:
    return company()


def never_left(run: ActionRun, code: str) -> None:
    """Refused at execution, kept with what was looked at, and nothing was ordered."""
    ended = carry_out(run)
    assert (ended.status, ended.result) == ("failed", {"refused": code})
    kept = Refusal.objects.get(stage="execution")
    assert (kept.code, kept.run_id) == (code, run.pk)
    assert kept.inputs["asked"][-1]["answer"] == "no"
    assert not Delivery.objects.exists()


def test_an_own_second_token_is_the_same_person(place: Company, rita: User) -> None:
    run = ask(rita, "device.isolate", place.device())
    for name in ("one", "two"):
        token, _ = issue_token(rita, name=name, lifetime=timedelta(days=1), may_decide=True, actor=rita.actor)
        with pytest.raises(Refused) as refusal:
            approve_run(run, actor=token.actor, user=rita)
        assert refusal.value.code == "same_person"


def test_a_service_account_of_the_same_person_is_the_same_person(place: Company, adam: User) -> None:
    robot = person("robot", "responder", kind=UserKind.SERVICE)
    token, _ = issue_token(robot, name="t", lifetime=timedelta(days=1), may_decide=True, actor=adam.actor)
    run = ask(adam, "device.isolate", place.device())
    with pytest.raises(Refused) as refusal:
        approve_run(run, actor=token.actor, user=robot)
    assert (refusal.value.code, refusal.value.inputs["behind"]) == ("same_person", [adam.pk])


def test_a_token_of_somebody_else_that_one_made_anew_is_the_same_person(place: Company, adam: User, rita: User) -> None:
    """Who administers people sees the secret of the successor and could decide as its person."""
    hers, _ = issue_token(rita, name="t", lifetime=timedelta(days=1), may_decide=True, actor=rita.actor)
    made, _ = rotate_token(hers, lifetime=timedelta(days=1), overlap=timedelta(0), actor=adam.actor)
    run = ask(adam, "device.isolate", place.device())
    with pytest.raises(Refused) as refusal:
        approve_run(run, actor=made.actor, user=rita)
    assert (refusal.value.code, refusal.value.inputs["behind"]) == ("same_person", [adam.pk])
    assert approve_run(run, actor=rita.actor, user=rita).decision == "approved"


def test_what_one_asked_for_through_such_a_token_one_does_not_decide(place: Company, adam: User, rita: User) -> None:
    made, _ = issue_token(rita, name="t", lifetime=timedelta(days=1), actor=adam.actor)
    run = request_action("device.isolate", target=place.device(), comment="x", actor=made.actor, user=rita)
    with pytest.raises(Refused) as refusal:
        approve_run(run, actor=adam.actor, user=adam)
    assert refusal.value.code == "same_person"
    assert carry_out(approve(lead(), run)).status == "succeeded"


def test_a_role_that_lost_the_right_after_the_approval(place: Company, ada: User) -> None:
    role = Role.objects.create(key="lead", name="Lead", permissions=["security_data.read", "response.manage"])
    lead = person("lead", "reader")
    lead.roles.set([role])
    run = approve(lead, ask(ada, "device.isolate", place.device()))
    Role.objects.filter(pk=role.pk).update(permissions=["security_data.read"])
    never_left(run, "forbidden")


def test_a_decision_that_comes_too_late(place: Company, ada: User, rita: User) -> None:
    run = ask(ada, "device.isolate", place.device())
    with clock.at(clock.now() + timedelta(days=7, seconds=1)), pytest.raises(Refused) as refusal:
        approve(rita, run)
    assert refusal.value.code == "expired"
    carry_out(run)
    assert not Delivery.objects.exists()


def test_arguments_that_were_changed_after_the_approval(place: Company, ada: User, rita: User) -> None:
    run = approve(rita, ask(ada, "device.isolate", place.device()))
    ActionRun.objects.filter(pk=run.pk).update(arguments={"isolation_type": "selective"})
    never_left(run, "seal_broken")


def test_another_requester_written_over_the_row(place: Company, rita: User, ada: User) -> None:
    run = approve(rita, ask(ada, "device.isolate", place.device()))
    ActionRun.objects.filter(pk=run.pk).update(requester_id=rita.pk)
    never_left(run, "same_person")


@pytest.mark.django_db(transaction=True)
def test_of_twenty_approvals_at_once_exactly_one_wins(ada: User) -> None:
    deciders = [person(f"decider{number}", "responder") for number in range(HANDS)]
    run = ask(ada, "device.isolate", company().device())

    def one(pk: int) -> bool:
        try:
            user = User.objects.get(pk=pk)
            return approve_run(ActionRun.objects.get(pk=run.pk), actor=user.actor, user=user).decision == "approved"
        except Refused as refusal:
            return refusal.code != "already_decided"
        finally:
            database.close()

    with ThreadPoolExecutor(HANDS) as hands:
        assert sorted(hands.map(one, [user.pk for user in deciders])) == [False] * (HANDS - 1) + [True]
    run.refresh_from_db()
    assert run.decided_by is not None
    assert carry_out(run).status == "succeeded"


def inserted(place: Company, device: Device, asker: User, decider: User, **fields: object) -> ActionRun:
    """A run that somebody wrote straight into the table, copying what a real one looks like."""
    real = approve(decider, ask(asker, "device.isolate", place.device()))
    copied = ActionRun.objects.get(pk=real.pk)
    ActionRun.objects.filter(pk=real.pk).update(status=RunStatus.CANCELLED, next_step_at=None)
    copied.pk, copied.target_id, copied.remote_id, copied.target_name = None, device.pk, device.key, str(device)
    for name, value in fields.items():
        setattr(copied, name, value)
    ActionRun.objects.bulk_create([copied])
    return copied


@pytest.mark.parametrize("fields", [{}, {"decision": Decision.NOT_REQUIRED, "decided_by": None}, {"emergency": True}])
def test_a_run_inserted_by_sql_is_never_carried_out(
    fields: dict[str, object], place: Company, ada: User, rita: User
) -> None:
    device = place.device()
    never_left(inserted(place, device, ada, rita, **fields), "seal_broken")
    assert place.state(device)["network"] == "connected"


def test_a_target_that_moved_to_another_group(place: Company, ada: User, elsewhere: DeviceGroup) -> None:
    device = place.device()
    near = person("near", "responder", groups=[device.device_group])
    run = approve(near, ask(ada, "device.isolate", device))
    Device.objects.filter(pk=device.pk).update(device_group=elsewhere)
    never_left(run, "out_of_scope")


@pytest.mark.parametrize("who", ["ada", "rita"])
def test_a_person_who_was_switched_off(who: str, place: Company, ada: User, rita: User) -> None:
    run = approve(rita, ask(ada, "device.isolate", place.device()))
    User.objects.filter(username=who).update(is_active=False)
    never_left(run, "person_inactive")


def test_a_person_who_was_deleted(place: Company, rita: User) -> None:
    gone = person("gone", "analyst")
    run = approve(rita, ask(gone, "device.isolate", place.device()))
    User.objects.filter(pk=gone.pk).delete()
    never_left(run, "person_inactive")
