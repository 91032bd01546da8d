"""The line to endpoint agents against a device that was enrolled and means harm to the others."""

import asyncio
from typing import Any

import pytest

from connectors.agent_line.app import AgentLine
from connectors.enums import OrderState
from connectors.models import Agent, AgentOrder, AgentUpload
from connectors.services.agents import streams
from connectors.services.agents.wake import STREAM
from tests.connectors.agent_orders import handed, ready_command
from tests.connectors.test_agent_line import DIGEST, PREFIX, Answer, line, run, signed
from tests.factories.agents import Machine, joined

__all__ = ["line"]
pytestmark = pytest.mark.django_db
WORD = f"{STREAM}order-1"


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What waits for the device whose order `order-1` is a stream."""
    waiting: list[dict[str, Any]] = []
    monkeypatch.setitem(streams._desks, "device.collect_package", lambda *_: {"input": list(waiting), "close": ""})
    return waiting


def listen(line: AgentLine, machine: Machine) -> Any:
    return signed(line, machine, "POST", f"{PREFIX}live/order-1", {"taken": 0, "hold_s": 20})


@pytest.fixture
def begun(line: AgentLine, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set once somebody's question is held."""
    event, hold = asyncio.Event(), line.waiters.hold

    def noted(word: str) -> asyncio.Event:
        event.set()
        return hold(word)

    monkeypatch.setattr(line.waiters, "hold", noted)
    return event


def test_nobody_answers_the_question_that_another_device_waits_with(
    line: AgentLine, typed: list[Any], begun: asyncio.Event
) -> None:
    own, stranger = Machine(), Machine()
    order = ready_command(joined(own))
    AgentOrder.objects.filter(pk=order.pk).update(state=OrderState.HANDED)
    joined(stranger)

    async def both() -> tuple[Answer, Answer]:
        waits = asyncio.create_task(listen(line, own))
        await asyncio.wait_for(begun.wait(), 60)
        held = line.waiters._held[WORD]
        other = await listen(line, stranger)
        assert line.waiters._held.get(WORD) is held
        assert not held.is_set()
        typed.append({"body": "x"})
        line.waiters.wake(WORD)
        return await waits, other

    told, other = run(both)
    assert told.told["input"] == [{"body": "x"}]
    assert other.told == {"close": "Nobody wants it any more."}


@pytest.mark.parametrize(("method", "name"), [("POST", "live"), ("PUT", "artefacts"), ("GET", "indicators")])
def test_a_name_that_no_row_can_have_is_not_found(line: AgentLine, method: str, name: str) -> None:
    machine = Machine()
    joined(machine)
    answer = run(lambda: signed(line, machine, method, f"{PREFIX}{name}/a\x00b?offset=0", {}))
    assert (answer.status, answer.code) == (404, "not_found")


MEBI = 1024 * 1024


def announce(line: AgentLine, machine: Machine, size: int = 7, sha256: str = DIGEST, **told: Any) -> Answer:
    value = {"size": size, "name": "f", **told}
    return run(lambda: signed(line, machine, "POST", f"{PREFIX}artefacts/{sha256}", value))


def asked(agent: Agent, action: str, state: OrderState) -> AgentOrder:
    order = handed(agent, action)
    AgentOrder.objects.filter(pk=order.pk).update(state=state)
    return order


@pytest.mark.parametrize("named", [True, False], ids=["named", "not named"])
@pytest.mark.parametrize(
    ("action", "state", "size"),
    [
        ("device.isolate", OrderState.HANDED, 7),
        ("file.collect", OrderState.READY, 7),
        ("file.collect", OrderState.SUCCEEDED, 7),
        ("file.collect", OrderState.CANCELLED, 7),
        ("live.processes", OrderState.HANDED, 33 * MEBI),
        ("device.collect_package", OrderState.HANDED, 1025 * MEBI),
    ],
)
def test_what_no_order_asked_for_is_not_taken(
    line: AgentLine, action: str, state: OrderState, size: int, named: bool
) -> None:
    machine = Machine()
    order = asked(joined(machine), action, state)
    answer = announce(line, machine, size, **({"order": order.key} if named else {}))
    assert (answer.status, answer.code) == (400, "not_ordered")
    assert not AgentUpload.objects.exists()


@pytest.mark.parametrize("named", ["fetch-1", "nobody's", "fetch-1\x00", 7, ["fetch-1"], {}], ids=str)
def test_the_order_of_another_device_is_no_leave_to_send(line: AgentLine, named: object) -> None:
    mine, hostile = Machine(), Machine()
    handed(joined(mine))
    joined(hostile)
    assert announce(line, hostile, order=named).code == "not_ordered"
    assert not AgentUpload.objects.exists()


def test_all_that_one_order_brings_is_counted_together(line: AgentLine, settings: Any) -> None:
    settings.AGENT_FILE_BYTES = 10
    machine = Machine()
    agent = joined(machine)
    for key in ("fetch-1", "fetch-2"):
        handed(agent, key=key)
    sent = [announce(line, machine, 7, f"{number:064x}", order=f"fetch-{number // 2 + 1}") for number in range(4)]
    assert [one.status for one in sent] == [200, 400, 200, 400]
    assert announce(line, machine, 7, f"{0:064x}", order="fetch-1").told == {"received": 0}


def test_when_its_order_is_over_the_rest_of_a_file_is_not_taken(line: AgentLine) -> None:
    machine = Machine()
    order = handed(joined(machine))
    announce(line, machine, order=order.key)
    path = f"{PREFIX}artefacts/{DIGEST}?offset="
    assert run(lambda: signed(line, machine, "PUT", f"{path}0", raw=b"con")).told == {"received": 3}
    AgentOrder.objects.filter(pk=order.pk).update(state=OrderState.CANCELLED)
    assert run(lambda: signed(line, machine, "PUT", f"{path}3", raw=b"tent")).code == "not_ordered"
    assert not AgentUpload.objects.exists()
