"""A device is asked for a new key, both keys sign the change, and its id stays."""

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import User
from connectors.agent_line import knocking
from connectors.agent_line.app import AgentLine
from connectors.enums import AgentState
from connectors.models import Agent
from connectors.services.agents.decide import decide_agent
from connectors.services.agents.rotate import ask_for_new_key
from connectors.signing.envelope import raw_public
from core.models import AuditEvent
from tests.connectors.test_agent_line import PREFIX, line, poll, run, signed
from tests.factories.agents import Machine, joined
from tests.factories.people import sign_in

__all__ = ["line"]
pytestmark = pytest.mark.django_db


def change(machine: Machine, new: Ed25519PrivateKey, *, by: Ed25519PrivateKey | None = None) -> dict[str, Any]:
    """What a device sends to change its key; `by` signs in the place of the old one."""
    public = base64.b64encode(raw_public(new.public_key())).decode()
    text = f"soc-agent rotate {machine.device_id} {public}".encode()
    proofs = [base64.b64encode(key.sign(text)).decode() for key in (by or machine.key, new)]
    return {"public_key": public, "proof_old": proofs[0], "proof_new": proofs[1]}


def asked_for_it(agent: Agent, adam: User, line: AgentLine) -> None:
    ask_for_new_key(agent, actor=adam.actor, reason="It is two years old")
    line.waiters.wake(agent.device_id)


def test_the_device_is_told_once_and_again_when_nothing_came_of_it(
    line: AgentLine, adam: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine()
    agent = joined(machine)
    assert run(lambda: poll(line, machine)).told["rotate"] is False
    asked_for_it(agent, adam, line)
    assert [run(lambda: poll(line, machine)).told["rotate"] for _ in range(2)] == [True, False]
    monkeypatch.setattr(knocking, "ASK_AGAIN_S", 0.0)
    assert run(lambda: poll(line, machine)).told["rotate"] is True


def test_the_new_key_counts_at_once_the_old_one_no_more_and_the_id_stays(line: AgentLine, adam: User) -> None:
    machine, new = Machine(), Ed25519PrivateKey.generate()
    agent, device_id = joined(machine), machine.device_id
    asked_for_it(agent, adam, line)
    assert run(lambda: signed(line, machine, "POST", f"{PREFIX}rotate", change(machine, new))).status == 200
    assert run(lambda: poll(line, machine)).code == "bad_signature"
    machine.key = new
    body = {"status": machine.status()}
    answer = run(lambda: signed(line, machine, "POST", f"{PREFIX}poll", body, device_id=device_id))
    assert (answer.status, answer.told["rotate"]) == (200, False)
    agent.refresh_from_db()
    assert (agent.device_id, agent.new_key_asked_at) == (device_id, None)
    assert agent.rotated_at is not None
    verbs = AuditEvent.objects.filter(thread=agent.thread).order_by("pk").values_list("verb", flat=True)
    assert [verb for verb in verbs if "key" in verb or "rotated" in verb] == ["agent.new_key_asked", "agent.rotated"]


def test_a_change_that_the_old_key_did_not_sign_is_none(line: AgentLine, adam: User) -> None:
    machine, new = Machine(), Ed25519PrivateKey.generate()
    agent = joined(machine)
    asked_for_it(agent, adam, line)
    told = change(machine, new, by=new)
    assert run(lambda: signed(line, machine, "POST", f"{PREFIX}rotate", told)).status == 403
    agent.refresh_from_db()
    assert (agent.public_key, agent.rotated_at) == (machine.public, None)
    assert agent.new_key_asked_at is not None


def test_an_agent_that_is_not_served_is_asked_for_nothing(adam: User) -> None:
    agent = joined()
    decide_agent(agent, to=AgentState.REVOKED, actor=adam.actor, reason="Stolen")
    with pytest.raises(ValidationError):
        ask_for_new_key(agent, actor=adam.actor, reason="It is two years old")
    agent.refresh_from_db()
    assert agent.new_key_asked_at is None


def test_it_is_asked_on_the_page_and_the_page_says_so(client: Client, adam: User) -> None:
    agent = joined()
    page = f"/admin/agents/{agent.pk}/"
    sign_in(client, adam)
    assert f"{page}new-key/" in client.get(page).content.decode()
    assert client.post(f"{page}new-key/", {"reason": ""}).status_code == 422
    client.post(f"{page}new-key/", {"reason": "It is two years old"})
    assert "Asked for a new one" in client.get(page).content.decode()
    decide_agent(agent, to=AgentState.REVOKED, actor=adam.actor, reason="Stolen")
    assert f"{page}new-key/" not in client.get(page).content.decode()
    assert client.post(f"{page}new-key/", {"reason": "It is two years old"}).status_code == 422
