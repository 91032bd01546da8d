"""An order is carried out when it is genuine, for this device, for now, and once."""

import asyncio
import base64
import json
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from soc_agent.carry_out import Orders
from soc_agent.envelope import BadEnvelope, seal
from soc_agent.identity import Identity, fingerprint
from soc_agent.journal import Journal, State
from soc_agent.orders import COMMAND, DESIRED, Command, Effect
from soc_agent.trust import KEYS, Trust

DEVICE = "d" * 64
SIGNER, ROOT, STRANGER = (Ed25519PrivateKey.generate() for _ in range(3))


def name_of(key: Ed25519PrivateKey) -> str:
    return fingerprint(key.public_key())


def trust() -> Trust:
    return Trust(ROOT.public_key(), 1, {name_of(SIGNER): SIGNER.public_key()})


def command(key: Ed25519PrivateKey = SIGNER, **fields: Any) -> dict[str, Any]:
    now = time.time()
    value = {"id": "c1", "device": DEVICE, "action": "note", "arguments": {}, "effect": "once",
             "not_before": now - 1, "expires": now + 60, **fields}  # fmt: skip
    return seal(COMMAND, json.dumps(value).encode(), {name_of(key): key})


class Noted:
    """An action that can be counted."""

    def __init__(self) -> None:
        self.done: list[str] = []

    async def __call__(self, order: Command) -> tuple[State, dict[str, Any]]:
        self.done.append(order.id)
        return State.SUCCEEDED, {"n": len(self.done)}


def carry_out(path: Path, noted: Noted, *envelopes: object) -> list[Any]:
    async def all_of_them() -> list[Any]:
        with closing(Journal(path)) as journal:
            orders = Orders(DEVICE, trust(), journal, {"note": noted})
            return [await orders.ended(await orders.take_command(one)) for one in envelopes]

    return asyncio.run(all_of_them())


def test_a_genuine_order_is_carried_out(tmp_path: Path) -> None:
    noted = Noted()
    (entry,) = carry_out(tmp_path / "j", noted, command())
    assert (entry.state, entry.result, noted.done) == (State.SUCCEEDED, {"n": 1}, ["c1"])


def test_the_same_order_again_is_answered_and_not_repeated(tmp_path: Path) -> None:
    noted = Noted()
    first, again = carry_out(tmp_path / "j", noted, command(), command())
    assert first == again
    assert noted.done == ["c1"]
    carry_out(tmp_path / "j", noted, command())
    assert noted.done == ["c1"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"device": "e" * 64}, "another_device"),
        ({"expires": time.time() - 3600}, "expired"),
        ({"not_before": time.time() + 3600, "expires": time.time() + 7200}, "too_early"),
        ({"action": "format-disk"}, "unsupported"),
    ],
)
def test_a_genuine_order_that_is_not_for_here_and_now_is_refused(
    tmp_path: Path, fields: dict[str, Any], code: str
) -> None:
    noted = Noted()
    (entry,) = carry_out(tmp_path / "j", noted, command(**fields))
    assert entry.result["code"] == code
    assert noted.done == []


def tampered(envelope: dict[str, Any]) -> dict[str, Any]:
    value = json.loads(base64.b64decode(envelope["payload"])) | {"action": "other"}
    return envelope | {"payload": base64.b64encode(json.dumps(value).encode()).decode()}


@pytest.mark.parametrize(
    "envelope",
    [
        command(STRANGER), tampered(command()), command() | {"payloadType": DESIRED}, command() | {"signatures": []},
        {}, [], "x", None, command() | {"payload": "?"}, command(id="../x"), command(effect="whatever"),
        command(arguments=[]), command(expires="soon"), command(run_s=-1),
    ],
)  # fmt: skip
def test_what_is_not_genuine_is_no_order(tmp_path: Path, envelope: object) -> None:
    noted = Noted()
    with pytest.raises(BadEnvelope):
        carry_out(tmp_path / "j", noted, envelope)
    assert noted.done == []
    with closing(Journal(tmp_path / "j")) as journal:
        assert journal.depth == 0


def test_after_a_crash_what_was_begun_is_unknown_and_never_repeated(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "j")) as journal:
        begin_two(journal)
    with closing(Journal(tmp_path / "j")) as journal:
        assert [entry.id for entry in journal.recover()] == ["c1"]
    noted = Noted()
    once, collected = carry_out(tmp_path / "j", noted, command(), command(id="c2", effect="collect"))
    assert once.state is State.UNKNOWN
    assert collected.state is State.SUCCEEDED
    assert noted.done == ["c2"]


def begin_two(journal: Journal) -> None:
    begun = Command("c1", DEVICE, "note", {}, Effect.ONCE, 0, 2**39, 60)
    read = Command("c2", DEVICE, "note", {}, Effect.COLLECT, 0, 2**39, 60)
    assert journal.begin(begun) is None
    assert journal.begin(read) is None


def test_an_answer_is_given_until_it_is_acknowledged(tmp_path: Path) -> None:
    carry_out(tmp_path / "j", Noted(), command())
    with closing(Journal(tmp_path / "j")) as journal:
        assert [entry.id for entry in journal.unanswered()] == ["c1"]
        assert [entry.id for entry in journal.unanswered()] == ["c1"]
        journal.acknowledge("c1")
        assert journal.unanswered() == []
        assert journal.forget(before=time.time() + 1) == 1


def desired(generation: int, device: str = DEVICE) -> dict[str, Any]:
    value = {"device": device, "generation": generation, "facets": {"network": {"isolated": generation % 2 == 1}}}
    return seal(DESIRED, json.dumps(value).encode(), {name_of(SIGNER): SIGNER})


def test_of_two_wanted_states_the_newer_counts_whatever_their_order(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "j")) as journal:
        orders = Orders(DEVICE, trust(), journal, {})
        for generation, kept in ((3, True), (2, False), (3, False), (7, True), (5, False)):
            taken = orders.take_desired(desired(generation), str(generation))
            assert (taken is not None) is kept
        assert orders.journal.wanted() == (7, "7")


def keys(
    version: int, *listed: Ed25519PrivateKey, by: Ed25519PrivateKey = ROOT, until: float = 2**39
) -> dict[str, Any]:
    entries = [{"key": Identity(key).public, "not_after": until} for key in listed]
    return seal(KEYS, json.dumps({"version": version, "keys": entries}).encode(), {name_of(by): by})


def test_signing_keys_change_only_when_the_root_says_so() -> None:
    known = Trust(ROOT.public_key()).with_keys(keys(1, SIGNER))
    assert set(known.keys) == {name_of(SIGNER)}
    assert set(known.with_keys(keys(2, STRANGER)).keys) == {name_of(STRANGER)}
    assert known.with_keys(keys(1, STRANGER)) is known
    assert known.with_keys(keys(2, SIGNER, until=time.time() - 5)).keys == {}
    with pytest.raises(BadEnvelope):
        known.with_keys(keys(2, STRANGER, by=STRANGER))
