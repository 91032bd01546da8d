"""Signing what a webhook is sent, in the form of Standard Webhooks, which libraries of many languages verify.

    signed    = "{webhook-id}.{webhook-timestamp}.{body}"
    signature = "v1," + base64(HMAC-SHA256(base64decode(secret without "whsec_"), signed))

The header lists several signatures, separated by spaces, while an old secret is still in use.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable

PREFIX = "whsec_"


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signature(secret: str, *, key: str, timestamp: int, body: bytes) -> str:
    signed = f"{key}.{timestamp}.".encode() + body
    digest = hmac.digest(base64.b64decode(secret.removeprefix(PREFIX)), signed, hashlib.sha256)
    return "v1," + base64.b64encode(digest).decode()


def headers_for(in_use: Iterable[str], *, key: str, timestamp: int, body: bytes) -> dict[str, str]:
    found = " ".join(signature(secret, key=key, timestamp=timestamp, body=body) for secret in in_use)
    return {"webhook-id": key, "webhook-timestamp": str(timestamp), "webhook-signature": found}
