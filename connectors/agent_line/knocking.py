"""Who knocks: a signature over the request by the device's own key, made now and used once."""

import asyncio
import base64
import binascii
import hashlib
import math
import re
import time
from collections import deque
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from connectors.enums import AgentState
from connectors.models import Agent
from connectors.signing.envelope import public_key_of

SCHEME = "SOC-Agent "
SKEW_S = 300
_HEADER = re.compile(r"id=([0-9a-f]{64}),time=(\d{1,12}),nonce=([0-9a-f]{16,64}),signature=([A-Za-z0-9+/=]{88})")
# A device that asks more often is told to wait: requests a second over time, and at once.
STEADY, BURST = 20.0, 60.0
# Numbers of requests may overtake each other by so much.
DISORDER = 64


class NotAdmitted(Exception):
    """`status` is of HTTP, `code` is for the agent."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(slots=True)
class Known:
    """What this process knows of an agent between its requests."""

    pk: int
    key: Ed25519PublicKey
    state: str
    sequence: int
    read_at: float
    # Whether a new key is asked for, and when the device was told so.
    new_key_asked: bool = False
    key_told_at: float = -math.inf
    status_digest: str = ""
    # What it told of itself is written in the order in which it told it: the number of the newest that was.
    told: int = 0
    # The stream that was its own when it spoke in one last.
    stream: str = ""
    telling: asyncio.Lock = field(default_factory=asyncio.Lock)
    seen_numbers: deque[int] = field(default_factory=lambda: deque(maxlen=DISORDER))
    allowance: float = BURST
    asked_at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class Knock:
    """The header of a request, read but not believed."""

    device_id: str
    moment: int
    nonce: str
    signature: bytes


def read_header(text: str) -> Knock:
    """Raises `NotAdmitted`."""
    found = _HEADER.fullmatch(text.removeprefix(SCHEME)) if text.startswith(SCHEME) else None
    if found is None:
        raise NotAdmitted(401, "no_signature", "The request is not signed.")
    try:
        signature = base64.b64decode(found[4], validate=True)
    except binascii.Error:
        raise NotAdmitted(401, "no_signature", "The request is not signed.") from None
    return Knock(found[1], int(found[2]), found[3], signature)


# A device that was asked for a new key has so long to change it.
ASK_AGAIN_S = 60.0
_READ = ("public_key", "state", "sequence", "new_key_asked_at")


def read_agent(device_id: str) -> Known | None:
    agent = Agent.objects.filter(device_id=device_id).only(*_READ).first()
    if agent is None:
        return None
    key, asked = public_key_of(agent.public_key), agent.new_key_asked_at is not None
    return Known(agent.pk, key, agent.state, agent.sequence, time.monotonic(), asked)


def check_pace(known: Known) -> None:
    """Raises `NotAdmitted` for who asks too often, before anything costly is done for it."""
    now = time.monotonic()
    known.allowance = min(BURST, known.allowance + (now - known.asked_at) * STEADY)
    known.asked_at = now
    if known.allowance < 1:
        raise NotAdmitted(429, "too_often", "This device asks too often.")
    known.allowance -= 1


def check_signature(known: Known, knock: Knock, method: str, path: str, body: bytes) -> None:
    """Raises `NotAdmitted`. A device whose clock is off is told the time."""
    signed = "\n".join((method, path, str(knock.moment), knock.nonce, hashlib.sha256(body).hexdigest())).encode()
    try:
        known.key.verify(knock.signature, signed)
    except InvalidSignature:
        raise NotAdmitted(401, "bad_signature", "The signature is not the device's.") from None
    if abs(time.time() - knock.moment) > SKEW_S:
        raise NotAdmitted(401, "clock", "The clock of the device is off.")


def check_state(known: Known) -> None:
    """Raises `NotAdmitted` for a device that is not, or no longer, served."""
    if known.state in {AgentState.REVOKED, AgentState.REJECTED, AgentState.OFFBOARDED}:
        raise NotAdmitted(403, "revoked", f"This device is {AgentState(known.state).label.lower()}.")


def asks_for_key(known: Known) -> bool:
    """Whether the device is to be told now that it needs a new key: once, and again when it did not do it."""
    now = time.monotonic()
    if not known.new_key_asked or now - known.key_told_at < ASK_AGAIN_S:
        return False
    known.key_told_at = now
    return True


def is_overtaken(known: Known, number: int) -> bool:
    """Whether something newer of the same agent was written down before; a device that counts anew is believed."""
    return 0 < known.told - number < DISORDER


def is_clone(known: Known, number: int) -> bool:
    """Whether this number was used before: two machines with one key count on their own."""
    repeated = number in known.seen_numbers or number < known.sequence - DISORDER
    known.seen_numbers.append(number)
    known.sequence = max(known.sequence, number)
    return repeated and number > 0
