"""Signed envelopes as DSSE describes them: the very bytes are signed, so nothing needs a canonical form.

https://github.com/secure-systems-lab/dsse/blob/master/envelope.md
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

COMMAND = "application/vnd.soc-agent.command+json"
DESIRED = "application/vnd.soc-agent.desired+json"
INDICATOR_LIST = "application/vnd.soc-agent.indicators+json"
KEY_LIST = "application/vnd.soc-agent.keys+json"
RELEASE = "application/vnd.soc-agent.release+json"


class NotSigned(Exception):
    """It is no envelope that one of our keys has signed."""


def fingerprint(key: Ed25519PublicKey) -> str:
    """SHA-256 of the 32 bytes of a public key in hexadecimal."""
    return hashlib.sha256(raw_public(key)).hexdigest()


def raw_public(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def public_key_of(text: str) -> Ed25519PublicKey:
    """From its 32 bytes in Base64; raises `ValueError`."""
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
    except binascii.Error as error:
        raise ValueError("That is no Base64.") from error


def seal(payload_type: str, value: Mapping[str, Any], key: Ed25519PrivateKey) -> dict[str, Any]:
    """The envelope as JSON."""
    payload = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    signature = base64.b64encode(key.sign(_signed(payload_type, payload))).decode()
    return {
        "payloadType": payload_type,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": fingerprint(key.public_key()), "sig": signature}],
    }


def opened(envelope: Mapping[str, Any], payload_type: str, keys: Mapping[str, Ed25519PublicKey]) -> dict[str, Any]:
    """What is inside, when one of these keys has signed it; raises `NotSigned`."""
    try:
        payload = base64.b64decode(envelope["payload"], validate=True)
        by = [(keys[one["keyid"]], base64.b64decode(one["sig"])) for one in envelope["signatures"]
              if one["keyid"] in keys]  # fmt: skip
        if envelope["payloadType"] != payload_type or not by:
            raise NotSigned("It was not signed by this portal.")
        key, signature = by[0]
        key.verify(signature, _signed(payload_type, payload))
        value = json.loads(payload)
    except (KeyError, TypeError, ValueError, InvalidSignature) as error:
        raise NotSigned("It was not signed by this portal.") from error
    if not isinstance(value, dict):
        raise NotSigned("It was not signed by this portal.")
    return value


def digest_of(envelope: Mapping[str, Any]) -> str:
    """SHA-256 of what was signed, in hexadecimal."""
    return hashlib.sha256(base64.b64decode(envelope["payload"])).hexdigest()


def _signed(payload_type: str, payload: bytes) -> bytes:
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
