"""The line to endpoint agents, asked as devices ask it: signed by their own keys, and in every way that is not."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from connectors.agent_line import polls, threads, waiting
from connectors.agent_line.app import AgentLine
from connectors.enums import AgentState, OrderKind, OrderState
from connectors.models import Agent, AgentOrder, AgentUpload
from connectors.services.agents import library
from connectors.services.agents.decide import decide_agent
from connectors.services.agents.orders import give_order
from connectors.services.agents.uploads import sent_by
from core import blobs, clock
from tests.connectors.agent_orders import handed, ready_command
from tests.factories.agents import INVENTORY, SETTER, Machine, give_keys, joined, token

pytestmark = pytest.mark.django_db
PREFIX = "/agent/v1/"
POLL, PROGRESS = f"{PREFIX}poll", f"{PREFIX}progress"
_loops: list[asyncio.Runner] = []
DIGEST = hashlib.sha256(b"content").hexdigest()


@dataclass
class Answer:
    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""

    @property
    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def code(self) -> str:
        return str(self.told["code"])


async def ask(
    line: AgentLine, method: str, path: str, body: bytes = b"", header: str = "", *, peer: str = "192.0.2.1"
) -> Answer:
    """One request as a server hands it over."""
    answer, (plain, _, query) = Answer(), path.partition("?")
    scope = {
        "type": "http", "method": method, "path": plain, "raw_path": plain.encode(), "query_string": query.encode(),
        "headers": [(b"authorization", header.encode())] if header else [], "client": (peer, 1),
    }  # fmt: skip
    parts = [body[at : at + 65_536] for at in range(0, len(body), 65_536)] or [b""]

    async def receive() -> dict[str, Any]:
        if parts:
            return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status, answer.headers = message["status"], dict(message["headers"])
        else:
            answer.body += message["body"]

    await line(scope, receive, send)
    return answer


async def signed(line: AgentLine, machine: Machine, method: str, path: str, told: Any = None, **other: Any) -> Answer:
    """A request that the machine signs; `raw` sends bytes instead of JSON, `sent` other bytes than were signed."""
    body = other.pop("raw", b"" if told is None else json.dumps(told).encode())
    sent = other.pop("sent", body)
    return await ask(line, method, path, sent, machine.header(method, path, body, **other))


def poll(line: AgentLine, machine: Machine, **told: Any) -> Awaitable[Answer]:
    return signed(line, machine, "POST", POLL, {"status": machine.status(**told)})


@pytest.fixture
def line(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AgentLine]:
    """Its thread works on the test's own connection, so that the test's transaction holds all that is written."""
    give_keys(settings, tmp_path)
    monkeypatch.setattr(waiting, "HELD_S", (0.02, 0.03))
    monkeypatch.setattr(threads, "close_old_connections", lambda: None)
    made = AgentLine()
    shared = connections["default"]
    made.threads._pool = ThreadPoolExecutor(1, initializer=partial(connections.__setitem__, "default", shared))
    shared.inc_thread_sharing()
    with asyncio.Runner() as loop:
        _loops.append(loop)
        yield made
        loop.run(made.close())
    made.threads._pool.shutdown()
    shared.dec_thread_sharing()


def run[T](make: Callable[[], Awaitable[T]]) -> T:
    """In the loop of the line that the test has."""

    async def go() -> T:
        return await make()

    return _loops[-1].run(go())


def test_a_heartbeat_is_kept_and_answered(line: AgentLine) -> None:
    machine = Machine()
    agent = joined(machine)
    answer = run(lambda: poll(line, machine, version="1.2", capabilities={"device.isolate": "No nft here."}))
    assert (answer.status, answer.told["commands"], answer.told["desired"]) == (200, [], None)
    agent.refresh_from_db()
    assert (agent.version, agent.status["capabilities"]) == ("1.2", {"device.isolate": "No nft here."})


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"moment": 1}, "clock"),
        ({"device_id": "0" * 64}, "unknown"),
        ({"sent": b'{"status": {"generation": 9}}'}, "bad_signature"),
        ({"nonce": "short"}, "no_signature"),
    ],
)
def test_a_request_that_is_not_the_device_s_own_is_refused(line: AgentLine, other: dict[str, Any], code: str) -> None:
    machine = Machine()
    agent = joined(machine)
    answer = run(lambda: signed(line, machine, "POST", POLL, {"status": machine.status(version="9")}, **other))
    assert (answer.status, answer.code) == (401, code)
    assert answer.told["time"] > 0
    agent.refresh_from_db()
    assert agent.version == ""


def test_another_s_key_under_a_known_name_is_refused(line: AgentLine) -> None:
    mine, stranger = Machine(), Machine()
    joined(mine)
    joined(stranger)
    answer = run(lambda: signed(line, stranger, "POST", POLL, {"status": {}}, device_id=mine.device_id))
    assert (answer.status, answer.code) == (401, "bad_signature")


def test_what_was_signed_for_one_address_is_no_good_for_another(line: AgentLine) -> None:
    machine = Machine()
    joined(machine)
    header = machine.header("POST", PROGRESS, b"{}")
    assert run(lambda: ask(line, "POST", POLL, b"{}", header)).code == "bad_signature"
    assert run(lambda: ask(line, "POST", f"{PROGRESS}?more=1", b"{}", header)).code == "bad_signature"


def test_a_request_is_good_once(line: AgentLine) -> None:
    machine = Machine()
    joined(machine)
    header = machine.header("POST", PROGRESS, b"{}")

    async def twice() -> list[Answer]:
        return [await ask(line, "POST", PROGRESS, b"{}", header) for _ in range(2)]

    first, second = run(twice)
    assert (first.status, second.status, second.code) == (200, 401, "replayed")


def test_without_the_broker_a_request_is_good_once_all_the_same(line: AgentLine, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    test_a_request_is_good_once(line)


@pytest.mark.parametrize("state", [AgentState.REVOKED, AgentState.REJECTED, AgentState.OFFBOARDED])
def test_who_left_is_not_served(line: AgentLine, state: AgentState) -> None:
    machine = Machine()
    Agent.objects.filter(pk=joined(machine).pk).update(state=state)
    answer = run(lambda: poll(line, machine))
    assert (answer.status, answer.code) == (403, "revoked")


def test_who_waits_for_approval_is_told_nothing(line: AgentLine) -> None:
    machine = Machine()
    agent = joined(machine, approved=False)
    ready_command(agent)
    assert run(lambda: poll(line, machine)).told["commands"] == []


def test_a_command_goes_over_until_it_is_answered_and_no_longer(line: AgentLine) -> None:
    machine = Machine()
    agent = joined(machine)
    order = ready_command(agent)
    told = {"id": order.key, "state": "succeeded", "result": {"detail": "done"}, "began": 1_000, "ended": 1_001}

    async def talk() -> list[Answer]:
        return [await poll(line, machine), await poll(line, machine, results=[told]), await poll(line, machine)]

    first, second, third = run(talk)
    assert first.told["commands"] == [order.envelope]
    assert (second.told["acknowledged"], second.told["commands"], third.told["commands"]) == ([order.key], [], [])
    order.refresh_from_db()
    assert (order.state, order.result["detail"]) == (OrderState.SUCCEEDED, "done")


def test_what_a_lost_answer_carried_goes_over_with_the_next_poll(line: AgentLine) -> None:
    """The device knows which of its polls were never answered; it says so until it is heard."""
    machine = Machine()
    order = ready_command(joined(machine))

    async def talk() -> list[Answer]:
        told: list[dict[str, Any]] = [{}, {}, {"lost": [1]}, {"lost": [1]}, {"lost": [3]}, {"lost": ["x", True, -1, 4]}]
        return [await poll(line, machine, **one) for one in told]

    carried = [order.envelope]
    assert [one.told["commands"] for one in run(talk)] == [carried, [], carried, [], carried, []]


def test_a_held_poll_is_woken_also_when_one_that_is_not_held_overtook_it(
    line: AgentLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a device tells at once goes beside its held poll, and may come in while that one is still being read."""
    machine = Machine()
    agent = joined(machine)
    note, until = line.polls.note, waiting.until

    async def overtaken(*told: Any) -> None:
        monkeypatch.setattr(line.polls, "note", note)
        await signed(line, machine, "POST", POLL, {"status": machine.status(), "hold_s": 0})
        await note(*told)

    async def woken(event: asyncio.Event, seconds: float) -> bool:
        await line.threads.run(partial(ready_command, agent))
        line.waiters.wake(agent.device_id)
        return await until(event, seconds)

    monkeypatch.setattr(line.polls, "note", overtaken)
    monkeypatch.setattr(polls, "until", woken)
    assert len(run(lambda: poll(line, machine)).told["commands"]) == 1


@pytest.mark.parametrize("inventory", [None, INVENTORY])
def test_what_a_device_told_earlier_does_not_replace_what_it_told_later(
    line: AgentLine, inventory: dict[str, Any] | None
) -> None:
    """Two requests of one device travel on two connections: the later one may come in first."""
    machine = Machine()
    agent = joined(machine)
    earlier, later = machine.status(version="1"), machine.status(version="2")

    def tell(status: dict[str, Any], **more: Any) -> Awaitable[Answer]:
        return signed(line, machine, "POST", POLL, {"status": status, **more})

    run(lambda: tell(later))
    run(lambda: tell(earlier, **({} if inventory is None else {"inventory": inventory})))
    if inventory is not None:
        run(lambda: poll(line, machine, version="2"))
    agent.refresh_from_db()
    assert (agent.version, bool(agent.inventory)) == ("2", True)


def test_the_answer_to_another_device_s_order_changes_nothing(line: AgentLine) -> None:
    mine, hostile = Machine(), Machine()
    order = ready_command(joined(mine))
    joined(hostile)
    told = {"id": order.key, "state": "succeeded", "result": {}}
    assert run(lambda: poll(line, hostile, results=[told])).status == 200
    run(lambda: signed(line, hostile, "POST", PROGRESS, {"id": order.key, "seq": 1, "lines": ["mine"]}))
    order.refresh_from_db()
    assert (order.state, order.progress) == (OrderState.READY, [])


@pytest.mark.parametrize(
    ("path", "size"), [(POLL, (4 << 20) + 1), (PROGRESS, (1 << 20) + 1), (f"{PREFIX}nothing", (4 << 20) + 2)]
)
def test_a_body_beyond_its_bound_is_not_read_to_its_end(line: AgentLine, path: str, size: int) -> None:
    machine = Machine()
    joined(machine)
    assert run(lambda: signed(line, machine, "POST", path, raw=b" " * size)).code == "too_large"


@pytest.mark.parametrize(
    "raw", [b"[]", b"\xff", b"{", b'{"status": ' + b"[" * 100_000, b'{"status": [], "inventory": 3}', b'{"a": NaN}']
)
def test_odd_bodies_break_nothing(line: AgentLine, raw: bytes) -> None:
    machine = Machine()
    joined(machine)
    assert run(lambda: signed(line, machine, "POST", POLL, raw=raw)).status in {200, 400}
    assert run(lambda: poll(line, machine)).status == 200


def test_a_thousand_requests_at_once_are_told_to_wait_and_hold_nobody_up(line: AgentLine) -> None:
    hostile, other = Machine(), Machine()
    joined(hostile)
    joined(other)

    async def flood() -> tuple[list[Answer], Answer]:
        many = [signed(line, hostile, "POST", PROGRESS, {}) for _ in range(1_000)]
        *answers, quiet = await asyncio.gather(*many, poll(line, other))
        return answers, quiet

    answers, quiet = run(flood)
    told = [one.status for one in answers]
    assert set(told) == {200, 429}
    assert 60 <= told.count(200) < 400
    assert next(one for one in answers if one.status == 429).headers[b"retry-after"] == b"5"
    assert quiet.status == 200


def test_two_machines_with_one_key_raise_the_alarm(line: AgentLine) -> None:
    machine = Machine()
    agent = joined(machine)
    copy = Machine(machine.key)

    async def both() -> None:
        for one in (machine, copy):
            assert (await poll(line, one)).status == 200

    run(both)
    agent.refresh_from_db()
    assert agent.cloned_at is not None


def test_an_approval_counts_at_the_next_request(line: AgentLine) -> None:
    machine = Machine()
    agent = joined(machine)
    assert run(lambda: poll(line, machine)).status == 200
    decide_agent(agent, to=AgentState.REVOKED, actor=SETTER, reason="Stolen")
    line.waiters.wake(agent.device_id)
    assert run(lambda: poll(line, machine)).status == 403


# ---- files from devices ----


def upload(line: AgentLine, machine: Machine, parts: list[tuple[int, bytes]], **told: Any) -> list[Answer]:
    """Of a device that has an order to fetch a file."""
    handed(Agent.objects.get(device_id=machine.device_id))
    sha256 = told.pop("sha256", DIGEST)
    path = f"{PREFIX}artefacts/{sha256}"

    async def send() -> list[Answer]:
        found = [await signed(line, machine, "POST", path, {"size": 7, "name": "f", "media_type": "a/b", **told})]
        for place, content in parts:
            found.append(await signed(line, machine, "PUT", f"{path}?offset={place}", raw=content))
        return found

    return run(send)


def test_a_file_arrives_in_parts_and_a_part_twice_is_a_part_once(line: AgentLine) -> None:
    machine = Machine()
    agent = joined(machine)
    answers = upload(line, machine, [(0, b"con"), (0, b"con"), (3, b"tent")])
    assert [one.told["received"] for one in answers] == [0, 3, 3, 7]
    sent = sent_by(agent, DIGEST)
    assert sent is not None
    assert sent.read() == b"content"


@pytest.mark.parametrize(
    ("parts", "told", "code"),
    [
        ([(0, b"content and more")], {}, "bad_part"),
        ([(0, b"consent")], {}, "other_content"),
        ([(0, b"")], {}, "bad_part"),
        ([(0, b"x" * ((4 << 20) + 1))], {"size": 5 << 20}, "bad_part"),
        ([], {"size": (3 << 30) + 1}, "too_large"),
        ([], {"size": -1}, "bad_upload"),
        ([], {"size": True}, "bad_upload"),
        ([], {"size": "7"}, "bad_upload"),
        ([], {"sha256": "..%2f..%2fetc"}, "bad_upload"),
        ([], {"sha256": "../../etc/passwd"}, "bad_upload"),
    ],
)
def test_a_file_that_is_not_what_was_announced_is_thrown_away(
    line: AgentLine, parts: list[tuple[int, bytes]], told: dict[str, Any], code: str
) -> None:
    machine = Machine()
    agent = joined(machine)
    assert upload(line, machine, parts, **told)[-1].code == code
    assert sent_by(agent, DIGEST) is None


def test_a_device_has_so_many_files_on_their_way_and_no_more(line: AgentLine) -> None:
    machine = Machine()
    joined(machine)
    codes = [upload(line, machine, [], sha256=f"{number:064x}")[0].status for number in range(21)]
    assert codes == [200] * 20 + [400]


@pytest.mark.parametrize(
    ("told", "kept"),
    [("../../etc/cron.d/evil", "evil"), ("..\\..\\evil.exe", "evil.exe"), ("/", "file"), ("..", "file"),
     ("a\x00b", "a\ufffdb"), (None, "file"), ("<b>x</b>", "b>")],
)  # fmt: skip
def test_a_name_leads_out_of_no_folder(line: AgentLine, told: object, kept: str) -> None:
    machine = Machine()
    joined(machine)
    upload(line, machine, [], name=told)
    assert AgentUpload.objects.get().name == kept


def test_one_device_cannot_continue_the_file_of_another(line: AgentLine) -> None:
    mine, hostile = Machine(), Machine()
    agent = joined(mine)
    joined(hostile)
    upload(line, mine, [(0, b"con")])
    answer = run(lambda: signed(line, hostile, "PUT", f"{PREFIX}artefacts/{DIGEST}?offset=3", raw=b"tent"))
    assert answer.code == "not_begun"
    assert AgentUpload.objects.get(agent=agent).received == 3


@pytest.mark.parametrize("size", [7, 3 * 2**20 + 5])
def test_a_device_is_lent_what_its_own_order_names_and_nothing_else(
    line: AgentLine, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    settings.BLOBS_DIR = tmp_path / "files"
    file = blobs.keep(bytes(size), name="tool", media_type="x/y")
    monkeypatch.setattr(library, "_shelves", [lambda sha256: file if sha256 == DIGEST else None])
    mine, hostile = Machine(), Machine()
    give_order(
        joined(mine), key="k", reference="x:1", expires=clock.real_now(), arguments={"library": DIGEST},
        kind=OrderKind.COMMAND,
    )  # fmt: skip
    joined(hostile)
    AgentOrder.objects.update(state=OrderState.HANDED)
    assert run(lambda: signed(line, hostile, "GET", f"{PREFIX}library/{DIGEST}")).status == 404
    answer = run(lambda: signed(line, mine, "GET", f"{PREFIX}library/{DIGEST}"))
    assert (answer.status, answer.body == bytes(size)) == (200, True)
    assert answer.headers[b"content-length"] == str(size).encode()


# ---- joining ----


def enrol(line: AgentLine, machine: Machine, secret: str, **other: Any) -> Answer:
    told = {"token": secret, "public_key": machine.public, "proof": machine.proof(secret), "inventory": INVENTORY}
    return run(lambda: ask(line, "POST", f"{PREFIX}enrol", json.dumps({**told, **other}).encode()))


def test_a_machine_joins_with_a_token_and_waits(line: AgentLine) -> None:
    machine = Machine()
    answer = enrol(line, machine, token()[1])
    assert (answer.told["state"], answer.told["device_id"]) == ("pending", machine.device_id)
    assert enrol(line, Machine(), "soce_guess").status == 403


def test_guessing_at_tokens_is_slowed_down_by_address(line: AgentLine) -> None:
    async def guess(peer: str, times: int) -> list[int]:
        body = b'{"token": "soce_x", "public_key": "", "proof": ""}'
        return [(await ask(line, "POST", f"{PREFIX}enrol", body, peer=peer)).status for _ in range(times)]

    assert run(lambda: guess("192.0.2.66", 61)) == [403] * 60 + [429]
    assert run(lambda: guess("192.0.2.67", 1)) == [403]


@pytest.mark.parametrize(("method", "path"), [("GET", "poll"), ("POST", "poll/x"), ("POST", ""), ("DELETE", "alerts")])
def test_there_is_nothing_else(line: AgentLine, method: str, path: str) -> None:
    machine = Machine()
    joined(machine)
    assert run(lambda: signed(line, machine, method, PREFIX + path, {})).status == 404
