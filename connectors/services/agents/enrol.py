"""A machine joins: it shows a token and proves that it has the key whose public half it sends."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import transaction

from connectors.enums import AgentState
from connectors.lifecycle import AGENT_STATE
from connectors.models import Agent, Connection, EnrolmentToken
from connectors.services.agents.announce import announce
from connectors.services.agents.inventory import bounded_inventory, name_in
from connectors.signing.envelope import fingerprint, public_key_of, raw_public
from core import audit, clock, outbox
from core.actors import Actor

KIND = "endpoint_agent"
NAME = "Endpoint agents"
JOINING = Actor.system("enrolment")


class EnrolmentRefused(Exception):
    """Nobody joins. The message says no more than a stranger may know."""


def connection_of_agents(*, actor: Actor) -> Connection:
    """The one connection that all agents belong to; made when it is first needed."""
    connection = Connection.objects.filter(kind=KIND).order_by("pk").first()
    if connection is not None:
        return connection
    with transaction.atomic():
        connection, created = Connection.objects.get_or_create(name=NAME, defaults={"kind": KIND})
        if created:
            audit.record("connection.created", subject=f"connection:{connection.pk}", actor=actor,
                         data={"name": NAME, "kind": KIND, "settings": {}, "secrets": []})  # fmt: skip
    return connection


def enrol(*, secret: str, public_key: str, proof: str, inventory: Mapping[str, Any]) -> Agent:
    """The agent of this key, new or known. Sending the same token and key again answers the same agent, so that a lost
    answer costs nothing. Raises `EnrolmentRefused`."""
    key = _proved(secret, public_key, proof)
    connection = connection_of_agents(actor=JOINING)
    with transaction.atomic():
        token = (
            EnrolmentToken.objects.select_for_update(of=("self",))
            .filter(secret_sha256=hashlib.sha256(secret.encode()).hexdigest(), withdrawn_at=None)
            .first()
        )
        if token is None:
            raise EnrolmentRefused("The token is not known, or it was withdrawn.")
        known = Agent.objects.select_for_update().filter(device_id=fingerprint(key)).first()
        if token.used_at is not None:
            if known is not None and token.used_by_id == known.pk:
                return known
            raise EnrolmentRefused("The token was used already: make a new one for each machine.")
        if clock.real_now() >= token.expires:
            raise EnrolmentRefused("The token has expired.")
        if known is not None:
            raise EnrolmentRefused("This machine has joined already: remove its key to join anew.")
        return _joined(token, key, connection, bounded_inventory(inventory))


def _joined(
    token: EnrolmentToken, key: Ed25519PublicKey, connection: Connection, inventory: dict[str, Any]
) -> Agent:  # fmt: skip
    now = clock.real_now()
    agent = Agent.objects.create(
        connection=connection, device_id=fingerprint(key), public_key=base64.b64encode(raw_public(key)).decode(),
        name=name_in(inventory), device_group=token.device_group, tags=token.tags, inventory=inventory,
        inventory_at=now, seen_at=now, enrolled_at=now, exercise=token.exercise,
    )  # fmt: skip
    token.used_at, token.used_by = now, agent
    token.save(update_fields=["used_at", "used_by"])
    audit.record(
        "agent.enrolled", subject=agent.thread, thread=agent.thread, actor=JOINING,
        data={"device_id": agent.device_id, "name": agent.name, "token": token.pk, "token_name": token.name},
    )  # fmt: skip
    announce(agent)
    if token.approve_at_once:
        approve_by_token(agent, token)
    else:
        outbox.publish("agent.changed", agent_id=agent.pk)
    return agent


def approve_by_token(agent: Agent, token: EnrolmentToken) -> None:
    """Whoever made the token decided beforehand."""
    maker = Actor.from_json(token.made_by)
    AGENT_STATE.move(
        agent, AgentState.APPROVED, actor=maker, thread=agent.thread, decided_at=clock.real_now(),
        decided_by=maker.as_json(), reason=f"The token {token.name} approves at once.",
    )  # fmt: skip
    outbox.publish("agent.changed", agent_id=agent.pk)


def _proved(secret: str, public_key: str, proof: str) -> Ed25519PublicKey:
    try:
        key = public_key_of(public_key)
        key.verify(
            base64.b64decode(proof, validate=True), b"soc-agent enrol " + hashlib.sha256(secret.encode()).digest()
        )
    except (ValueError, InvalidSignature) as error:
        raise EnrolmentRefused("The machine did not prove that the key is its own.") from error
    return key
