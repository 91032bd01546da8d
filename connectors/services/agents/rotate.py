"""A device changes its key: both keys prove themselves, the device id stays."""

import base64
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from django.core.exceptions import ValidationError
from django.db import transaction

from connectors.enums import AgentState
from connectors.models import Agent
from connectors.services.agents.wake import wake_agent
from connectors.signing.envelope import fingerprint, public_key_of
from core import audit, clock, outbox
from core.actors import Actor


class RotationRefused(Exception):
    """The old key stays."""


def ask_for_new_key(agent: Agent, *, actor: Actor, reason: str) -> None:
    """The device is asked at its next contact, and again until it has changed its key; the old one counts until then.
    Raises `ValidationError` for an agent that is not served."""
    with transaction.atomic():
        asked = Agent.objects.filter(pk=agent.pk, state=AgentState.APPROVED).update(new_key_asked_at=clock.real_now())
        if not asked:
            raise ValidationError("Only an approved agent can be asked for a new key.")
        audit.record("agent.new_key_asked", subject=agent.thread, thread=agent.thread, actor=actor, reason=reason)
        outbox.publish("agent.changed", agent_id=agent.pk)
        wake_agent(agent.device_id)


def rotate(agent_id: int, *, told: Mapping[str, Any], actor: Actor) -> None:
    """Raises `RotationRefused` unless the old and the new key have signed the change."""
    with transaction.atomic():
        agent = Agent.objects.select_for_update().get(pk=agent_id)
        text = str(told.get("public_key", ""))[:100]
        if text == agent.public_key:
            return
        signed = b"soc-agent rotate " + agent.device_id.encode() + b" " + text.encode()
        try:
            for key, proof in ((agent.public_key, "proof_old"), (text, "proof_new")):
                public_key_of(key).verify(base64.b64decode(str(told.get(proof, "")), validate=True), signed)
        except (ValueError, InvalidSignature) as error:
            raise RotationRefused("The change of the key is not proved by both keys.") from error
        agent.public_key, agent.rotated_at, agent.new_key_asked_at = text, clock.real_now(), None
        agent.save(update_fields=["public_key", "rotated_at", "new_key_asked_at"])
        audit.record("agent.rotated", subject=agent.thread, thread=agent.thread, actor=actor,
                     data={"key": fingerprint(public_key_of(text))})  # fmt: skip
        outbox.publish("agent.changed", agent_id=agent.pk)
        wake_agent(agent.device_id)
