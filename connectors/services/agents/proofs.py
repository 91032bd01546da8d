"""Whether a device really announced a file: its own key signed the request that named the file's SHA-256."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FIELDS = ("method", "path", "time", "nonce", "body_sha256")


def why_not_proven(proof: Mapping[str, Any], sha256: str) -> str:
    """Empty when the signature holds and is about this very file; needs nothing of the portal."""
    if not proof:
        return "Nothing was signed by the device."
    if str(proof.get("path", "")).rpartition("/")[2].partition("?")[0] != sha256:
        return "What the device signed names another file."
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(str(proof["public_key"]), validate=True))
        signature = base64.b64decode(str(proof["signature"]), validate=True)
        key.verify(signature, "\n".join(str(proof[name]) for name in FIELDS).encode())
    except (KeyError, ValueError, binascii.Error):
        return "What the device signed is not complete."
    except InvalidSignature:
        return "The signature is not the device's."
    return ""
