"""The signer signs what was decided on, and nothing that somebody wrote into a table."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F

from accounts.models import User
from connectors.models import AgentOrder, Delivery
from connectors.services.agents.orders import give_order
from connectors.services.deliver import Order, order_delivery
from connectors.signing.envelope import COMMAND
from connectors.targets import Target
from core import clock
from incidents.models import Device
from incidents.services.bindings import bind
from remediation.enums import Decision, RunStatus
from remediation.models import ActionRun
from remediation.services.carry_out import carry_out
from remediation.services.deliveries import key_of, reference_of
from tests.factories.agents import inside
from tests.factories.remediation import SETTER, DeviceFactory, approve, ask
from tests.factories.small_agent import SmallAgent, joined, make_keys, sign_all

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def keys(settings: Any, tmp_path: Path) -> None:
    make_keys(settings, tmp_path)


@pytest.fixture
def here() -> tuple[Device, SmallAgent]:
    device = DeviceFactory.create()
    small = joined(str(device))
    bind(device, connection=small.agent.connection, remote_id=small.id, actor=SETTER)
    return device, small


def given(ada: User, rita: User, device: Device) -> ActionRun:
    """Approved and handed to the connector; the signer has not come by."""
    return carry_out(approve(rita, ask(ada, "device.isolate", device)))


def fate(key: str) -> tuple[str, str]:
    sign_all()
    order = AgentOrder.objects.get(key=key)
    return order.state, order.error_code


def test_what_was_decided_is_signed(here: tuple[Device, SmallAgent], ada: User, rita: User) -> None:
    run = given(ada, rita, here[0])
    assert fate(key_of(run)) == ("ready", "")


FORGED = [
    {"decision": Decision.PENDING},
    {"decision": Decision.NOT_REQUIRED},
    {"arguments": {"isolation_type": "selective"}},
    {"action": "device.release"},
    {"remote_id": "f" * 64},
    {"target_id": 10**6},
    {"decided_by": None},
    {"status": RunStatus.SKIPPED},
]


@pytest.mark.parametrize("columns", FORGED, ids=lambda one: next(iter(one)))
def test_a_run_that_was_changed_is_not(
    here: tuple[Device, SmallAgent], ada: User, rita: User, columns: dict[str, Any]
) -> None:
    run = given(ada, rita, here[0])
    key = key_of(run)
    if columns.get("decision") == Decision.PENDING:
        columns = {**columns, "status": RunStatus.WAITING}
    ActionRun.objects.filter(pk=run.pk).update(**columns)
    state, code = fate(key)
    assert state == "failed"
    assert code in {"seal_broken", "not_decided", "another_order", "ended"}


@pytest.mark.parametrize("column", ["give_up_at", "start_s", "run_s"])
@pytest.mark.parametrize("more", [True, False], ids=["prolonged", "shortened"])
def test_an_order_whose_times_were_moved_is_not(
    here: tuple[Device, SmallAgent], ada: User, rita: User, column: str, more: bool
) -> None:
    run = given(ada, rita, here[0])
    found = Delivery.objects.filter(reference=reference_of(run))
    by: Any = timedelta(minutes=1) if column == "give_up_at" else 60
    found.update(**{column: F(column) + by if more else F(column) - by})
    assert fate(key_of(run)) == ("failed", "seal_broken")


def test_the_times_of_the_order_s_row_are_not_what_is_signed(here: tuple[Device, SmallAgent], ada: User) -> None:
    run = carry_out(ask(ada, "device.collect_package", here[0]))
    delivery = Delivery.objects.get(reference=reference_of(run))
    AgentOrder.objects.filter(key=key_of(run)).update(
        expires=clock.real_now() + timedelta(days=900), run_s=delivery.run_s * 5
    )
    sign_all()
    told = inside(AgentOrder.objects.get(key=key_of(run)).envelope, COMMAND)
    assert told["run_s"] == delivery.run_s
    assert told["expires"] <= (clock.real_now() + timedelta(seconds=delivery.start_s)).timestamp()


@pytest.mark.parametrize("column", ["arguments", "action", "remote_id", "reference", "idempotency_key"])
def test_an_order_that_was_changed_is_not(here: tuple[Device, SmallAgent], ada: User, rita: User, column: str) -> None:
    run = given(ada, rita, here[0])
    value: Any = {"isolation_type": "selective"} if column == "arguments" else "device.release"
    Delivery.objects.filter(reference=reference_of(run)).update(**{column: value})
    assert fate(key_of(run))[0] == "failed"


def test_an_order_that_nobody_asked_for_is_not(here: tuple[Device, SmallAgent]) -> None:
    delivery = order_delivery(Order(
        reference="run:4711", key="k" * 40, connection=here[1].agent.connection, action="device.isolate",
        target=Target("device", here[1].id, ""), arguments={"isolation_type": "full"},
    ))  # fmt: skip
    give_order(here[1].agent, key="k" * 40, reference=f"delivery:{delivery.pk}", expires=delivery.give_up_at,
               kind="state", facet="network")  # fmt: skip
    assert fate("k" * 40) == ("failed", "no_run")


def test_a_row_among_the_orders_is_not(here: tuple[Device, SmallAgent]) -> None:
    AgentOrder.objects.create(
        agent=here[1].agent, key="forged", reference="delivery:4711", action="device.isolate", kind="state",
        facet="network", value={"isolated": True}, expires=clock.real_now() + timedelta(days=1),
    )  # fmt: skip
    assert fate("forged") == ("failed", "no_delivery")
    here[1].turn()
    assert here[1].wanted == {}


def test_what_the_order_s_row_says_is_not_what_is_signed(
    here: tuple[Device, SmallAgent], ada: User, rita: User
) -> None:
    run = given(ada, rita, here[0])
    AgentOrder.objects.filter(key=key_of(run)).update(facet="execution", value={"mode": "enforce"})
    sign_all()
    here[1].turn()
    assert here[1].wanted["network"]["isolated"] is True
    assert "execution" not in here[1].wanted


def test_a_run_that_was_called_off_meanwhile_is_not(here: tuple[Device, SmallAgent], ada: User, rita: User) -> None:
    run = given(ada, rita, here[0])
    Delivery.objects.filter(reference=reference_of(run)).update(cancel_asked_at=clock.now())
    assert fate(key_of(run)) == ("failed", "cancelled")
