"""The way back without the portal: a code that a signer made for this one device, good for a few days.

It opens the network of the generation that is wanted now. A newer generation counts again, whatever it wants.
"""

import base64
import binascii
import json
import re
import time
from typing import Any

from soc_agent.envelope import BadEnvelope, open_envelope
from soc_agent.journal import Journal
from soc_agent.orders import Refused
from soc_agent.trust import Trust

RELEASE = "application/vnd.soc-agent.release+json"
LONGEST_S = 3 * 86400
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,80}")


def code_text(envelope: dict[str, Any]) -> str:
    """The envelope as one word that can be read out and typed in."""
    return base64.urlsafe_b64encode(json.dumps(envelope, separators=(",", ":")).encode()).decode().rstrip("=")


def accept_code(
    text: str, journal: Journal, trust: Trust, device_id: str, *, now: float | None = None
) -> dict[str, Any]:
    """Note that the code opens the generation that is wanted now; raises `Refused` (`bad_code`, `another_device`,
    `expired`, `used`). Given twice it says the same twice."""
    value = _opened(text, trust)
    name, expires, moment = value["id"], value["expires"], time.time() if now is None else now
    if value["device"] != device_id:
        raise Refused("another_device", "The code is for another device.")
    if not moment <= expires <= moment + LONGEST_S + 300:
        raise Refused("expired", "The time of the code is over, or the clock of this device is wrong.")
    generation, used = journal.wanted()[0], journal.noted("codes")
    if used.get(name, generation) != generation:
        raise Refused("used", "The code opened an earlier isolation; this one needs a code of its own.")
    with journal.together():
        journal.note("codes", {**dict(list(used.items())[-200:]), name: generation})
        journal.note("released", {"generation": generation, "code": name, "at": moment})
    return {"released": generation, "code": name}


def _opened(text: str, trust: Trust) -> dict[str, Any]:
    try:
        word = "".join(text.split())
        envelope = json.loads(base64.urlsafe_b64decode(word + "=" * (-len(word) % 4)))
        value = open_envelope(envelope, trust.keys, payload_type=RELEASE).as_json()
    except (binascii.Error, ValueError, RecursionError):
        raise Refused("bad_code", "That is no release code: copy the whole of it.") from None
    except BadEnvelope as error:
        raise Refused("bad_code", f"The code is not believed: {error}") from None
    name, expires = value.get("id"), value.get("expires")
    if not isinstance(name, str) or not _ID.fullmatch(name) or value.get("facet") != "network":
        raise Refused("bad_code", "The code opens nothing that is kept here.")
    if isinstance(expires, bool) or not isinstance(expires, int | float):
        raise Refused("bad_code", "The code has no end.")
    return value
