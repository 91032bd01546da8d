"""Who this device is to the portal: a key that never leaves it. The device id is the digest of the public half."""

import base64
import hashlib
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

SCHEME = "SOC-Agent"


def raw_public(key: Ed25519PublicKey) -> bytes:
    """The 32 bytes of the public key."""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def fingerprint(key: Ed25519PublicKey) -> str:
    """SHA-256 of the public key in hexadecimal: the device id, and the id of a signing key."""
    return hashlib.sha256(raw_public(key)).hexdigest()


def request_text(method: str, path: str, moment: int, nonce: str, body: bytes) -> bytes:
    """What a request's signature is over; lines, because none of the parts holds one."""
    return "\n".join((method, path, str(moment), nonce, hashlib.sha256(body).hexdigest())).encode()


@dataclass(frozen=True, slots=True)
class Identity:
    """The device's own key. `known_as` is the device id when the key is no longer the first."""

    key: Ed25519PrivateKey
    known_as: str = ""

    @property
    def device_id(self) -> str:
        return self.known_as or fingerprint(self.key.public_key())

    @property
    def public(self) -> str:
        return base64.b64encode(raw_public(self.key.public_key())).decode()

    def authorization(self, method: str, path: str, body: bytes, *, moment: int | None = None) -> str:
        """The header that proves who sends the request, now and once."""
        at, nonce = int(time.time()) if moment is None else moment, secrets.token_hex(16)
        signature = base64.b64encode(self.key.sign(request_text(method, path, at, nonce, body))).decode()
        return f"{SCHEME} id={self.device_id},time={at},nonce={nonce},signature={signature}"


def make_identity(path: Path) -> Identity:
    """A new key in a file that its owner alone may read; an existing file is never overwritten (`FileExistsError`)."""
    key = Ed25519PrivateKey.generate()
    content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return Identity(key)


def load_identity(path: Path, known_as: str = "") -> Identity:
    """Raises `ValueError` when the file holds no such key, `OSError` when it cannot be read."""
    key = load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path} holds a key of another kind.")  # noqa: TRY004 - the file is wrong, not a type
    return Identity(key, known_as)
