"""Ways around the second person while web and worker run: the true ones over HTTP, the forged ones in the tables."""

import json
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError

from accounts.models import User
from connectors.kinds.simulator import world
from connectors.models import Delivery
from connectors.services import halt
from core import clock
from incidents.models import Device
from remediation.enums import Decision, RunStatus
from remediation.models import ActionRun, Refusal
from remediation.services.carry_out import carry_out
from remediation.services.execute import advance_run
from remediation.services.stop import stop_everything
from soc_portal.up.processes import wait_until
from tests.factories.api import caller
from tests.factories.people import person
from tests.factories.remediation import Company, approve, ask, company

pytestmark = pytest.mark.django_db(transaction=True)
HANDS = 20


def forged(real: ActionRun, device: Device, **fields: object) -> ActionRun:
    """A row written straight into the table, a copy of a real run but for what it is about."""
    row = ActionRun.objects.get(pk=real.pk)
    row.pk, row.target_id, row.remote_id, row.target_name = None, device.pk, device.key, str(device)
    row.next_step_at, row.steps = clock.real_now(), 0
    for name, value in fields.items():
        setattr(row, name, value)
    ActionRun.objects.bulk_create([row])
    return row


def is_over(run: ActionRun) -> bool:
    return not ActionRun.objects.get(pk=run.pk).is_open


def post(url: str, headers: dict[str, str], start: threading.Barrier) -> tuple[int, str]:
    """On a connection of its own, at the same moment as the others."""
    request = urllib.request.Request(url, b"{}", {**headers, "Content-Type": "application/json"})
    start.wait(30)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status), ""
    except urllib.error.HTTPError as error:
        with error:
            return error.code, str(json.load(error)["error"]["code"])


@pytest.mark.slow
def test_of_twenty_approvals_at_once_one_wins_and_one_order_leaves(portal: str, ada: User) -> None:
    place = company()
    run = ask(ada, "device.isolate", place.device())
    bearers = [caller(person(f"decider{number}", "responder")).headers for number in range(HANDS)]
    start = threading.Barrier(HANDS)
    address = f"{portal}/api/v1/actions/{run.pk}/approve"
    with ThreadPoolExecutor(HANDS) as hands:
        answers = sorted(hands.map(lambda headers: post(address, headers, start), bearers))
    assert answers == [(200, "")] + [(422, "already_decided")] * (HANDS - 1)
    assert wait_until(lambda: is_over(run), seconds=60)
    assert ActionRun.objects.get().status == "succeeded"
    assert world.effects_of(place.connection, Delivery.objects.get().idempotency_key) == 1


@pytest.mark.slow
def test_rows_written_into_the_table_are_not_carried_out_by_a_worker(portal: str, ada: User, rita: User) -> None:
    place = company()
    real = ask(ada, "device.isolate", place.device(offline=True))
    true = approve(rita, ask(ada, "device.isolate", place.device()))
    queued = {"status": RunStatus.QUEUED, "queued": clock.now()}
    decided = {"decision": Decision.APPROVED, "decided_by": {**rita.actor.as_json(), "person_id": rita.pk},
               "decided_at": clock.now(), **queued}  # fmt: skip
    wanted: list[dict[str, object]] = [
        {"status": RunStatus.WAITING}, decided, {**decided, "decision_seal": true.decision_seal},
        {**decided, "decision": Decision.NOT_REQUIRED, "decided_by": None}, {**decided, "emergency": True},
        {**decided, "status": RunStatus.DELIVERED}, {**decided, "status": RunStatus.STARTED},
    ]  # fmt: skip
    with pytest.raises(IntegrityError):
        forged(real, place.device(), **queued)
    rows = [(device, forged(real, device, **fields)) for fields in wanted for device in [place.device()]]
    assert wait_until(lambda: is_over(true), seconds=60)
    assert wait_until(lambda: Refusal.objects.filter(stage="execution").count() == 4, seconds=60)
    assert set(Refusal.objects.values_list("code", flat=True)) == {"seal_broken"}
    sentinel = approve(rita, ask(ada, "device.isolate", place.device()))
    assert wait_until(lambda: is_over(sentinel), seconds=60)
    ordered = set(Delivery.objects.values_list("remote_id", flat=True))
    assert [str(device) for device, _ in rows if device.key in ordered] == []
    assert [str(device) for device, _ in rows if place.state(device)["network"] != "connected"] == []


@pytest.mark.slow
def test_an_order_written_into_the_table_does_not_leave_by_a_worker(portal: str, ada: User, rita: User) -> None:
    place = company()
    true = approve(rita, ask(ada, "device.isolate", place.device()))
    assert wait_until(lambda: is_over(true), seconds=60)
    device = place.device()
    order = Delivery.objects.get()
    order.pk, order.remote_id, order.idempotency_key = None, device.key, "f" * 64
    order.state, order.ticket, order.maybe_sent, order.leased_until = "queued", "", False, None
    order.due, order.ended_at = clock.real_now(), None
    Delivery.objects.bulk_create([order])
    assert wait_until(lambda: Delivery.objects.get(pk=order.pk).state == "failed", seconds=60)
    told = Delivery.objects.get(pk=order.pk)
    assert (told.error_code, told.maybe_sent) == ("seal_broken", False)
    assert place.state(device)["network"] == "connected"


# ---- without a worker ----


@pytest.fixture
def place(db: None) -> Company:
    return company()


@pytest.mark.parametrize("column", ["remote_id", "arguments", "action"])
def test_an_order_that_was_changed_after_it_was_given_does_not_leave(
    column: str, place: Company, ada: User, rita: User
) -> None:
    device, other = place.device(), place.device()
    run = approve(rita, ask(ada, "device.isolate", device))
    advance_run(run.pk, even_if_not_due=True)
    value = {"remote_id": other.key, "arguments": {"isolation_type": "selective"}, "action": "device.release"}[column]
    Delivery.objects.update(**{column: value})
    run.refresh_from_db()
    assert carry_out(run).status == "failed"
    assert Delivery.objects.get().error_code == "seal_broken"
    assert [place.state(one)["network"] for one in (device, other)] == ["connected", "connected"]


def test_the_seal_of_another_decision_fits_no_other_run(place: Company, ada: User, rita: User) -> None:
    decided = approve(rita, ask(ada, "device.isolate", place.device()))
    undecided = ask(ada, "device.isolate", place.device())
    ActionRun.objects.filter(pk=undecided.pk).update(
        decision=decided.decision, decided_by=decided.decided_by, decided_at=decided.decided_at,
        decision_seal=decided.decision_seal, status=RunStatus.QUEUED, next_step_at=clock.real_now(),
    )  # fmt: skip
    undecided.refresh_from_db()
    assert carry_out(undecided).result == {"refused": "seal_broken"}
    assert not Delivery.objects.exists()


def test_whoever_was_moved_to_another_group_does_not_decide(place: Company, ada: User) -> None:
    device = place.device()
    near = person("near", "responder", groups=[device.device_group])
    run = ask(ada, "device.isolate", device)
    near.device_groups.clear()
    answer = caller(near).post(f"/actions/{run.pk}/approve")
    run.refresh_from_db()
    assert (answer.status, run.decision) == (404, "pending")


def test_without_a_fresh_sign_in_nobody_approves_alone_or_resumes(place: Company) -> None:
    lena = person("lena", "admin")
    run = ask(lena, "device.isolate", place.device())
    began = stop_everything(actor=lena.actor, reason="A rule runs wild")
    stale = caller(lena, elevated=False)
    answers = [stale.post(f"/actions/{run.pk}/approve-alone", {"comment": "Night"}),
               stale.post("/stop/resume", {"reason": "Over"})]  # fmt: skip
    assert [(answer.status, answer.code) for answer in answers] == [(403, "step_up_required")] * 2
    run.refresh_from_db()
    assert (run.decision, run.emergency, halt.in_force()) == ("pending", False, began)
