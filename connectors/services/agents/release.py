"""The way back for a device that is cut off and hears nothing: a code that its root types in, good for three days.

An administrator decides, what was decided is sealed, and the signer signs that alone.
"""

import base64
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from connectors.enums import AgentState, OrderKind, OrderState
from connectors.models import Agent, AgentOrder
from connectors.seal import release_seal, release_seal_fits
from connectors.services.agents.announce import announce
from connectors.services.agents.orders import give_order
from connectors.signing.vouching import NotVouched, Wish
from core import audit, clock
from core.actors import Actor

PREFIX = "release"
ACTION = "agent.release_code"
LASTS = timedelta(days=3)


def make_release_code(agent: Agent, *, actor: Actor, reason: str) -> AgentOrder:
    """Give the order for a code; the signer makes it within a moment. Raises `ValidationError` for a device that never
    obeyed this portal."""
    if agent.state in {AgentState.PENDING, AgentState.REJECTED}:
        raise ValidationError("This device never obeyed the portal: there is nothing to release.")
    key, expires = f"release-{secrets.token_hex(10)}", clock.real_now() + LASTS
    told: dict[str, Any] = {
        "id": key, "device": agent.device_id, "facet": "network", "expires": int(expires.timestamp()),
    }  # fmt: skip
    with transaction.atomic():
        order = give_order(
            agent, key=key, reference=f"{PREFIX}:{agent.pk}", expires=expires, kind=OrderKind.RELEASE, action=ACTION,
            value={"told": told, "seal": release_seal(told), "by": actor.as_json()},
        )  # fmt: skip
        audit.record("agent.release_code_made", subject=agent.thread, thread=agent.thread, actor=actor, reason=reason,
                     data={"code": key, "expires": expires.isoformat()})  # fmt: skip
        announce(agent)
    return order


def vouch_for_release(order: AgentOrder) -> Wish:
    """What an administrator decided, when its seal fits. Raises `NotVouched`."""
    told, seal = order.value.get("told"), str(order.value.get("seal", ""))
    if not isinstance(told, dict) or not release_seal_fits(told, seal):
        raise NotVouched("seal_broken", "No administrator of the portal asked for this code.")
    if told.get("id") != order.key or order.reference != f"{PREFIX}:{order.agent_id}":
        raise NotVouched("seal_broken", "The code was asked for under another name.")
    return Wish(str(told["device"]), ACTION, facet=str(told["facet"]), value=told,
                expires=datetime.fromtimestamp(int(told["expires"]), UTC))  # fmt: skip


def code_of(order: AgentOrder) -> str:
    """The word that is typed in on the device; empty while it is not signed, and when its time is over."""
    usable = order.kind == OrderKind.RELEASE and order.state == OrderState.SUCCEEDED and order.envelope
    if not usable or clock.real_now() >= order.expires:
        return ""
    return base64.urlsafe_b64encode(json.dumps(order.envelope, separators=(",", ":")).encode()).decode().rstrip("=")
