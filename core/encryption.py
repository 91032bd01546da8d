"""Encryption at rest with rotating keys: the first key encrypts, every key decrypts.

What is kept is bound to its purpose, say a secret of a connection or the content of a file: put where something else
is kept, it does not open. What was kept before there were purposes opens for any; it has no mark at its beginning.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_MARK, _NONCE, _USE = b"1:", 12, b"encryption at rest"


class Unreadable(Exception):
    """The ciphertext was changed, is of another purpose, or none of the configured keys opens it."""


@dataclass(frozen=True, slots=True)
class _Box:
    keys: tuple[AESGCM, ...]
    former: MultiFernet


@cache
def _box() -> _Box:
    keys = settings.ENCRYPTION_KEYS
    made = tuple(AESGCM(hmac.digest(key.encode(), _USE, hashlib.sha256)) for key in keys)
    return _Box(made, MultiFernet([Fernet(key) for key in keys]))


def encrypt(plain: bytes, purpose: str) -> bytes:
    """ASCII, so that it can lie in a text too."""
    nonce = secrets.token_bytes(_NONCE)
    sealed = _box().keys[0].encrypt(nonce, plain, purpose.encode())
    return _MARK + base64.urlsafe_b64encode(nonce + sealed)


def decrypt(ciphertext: bytes, purpose: str) -> bytes:
    if not is_bound(ciphertext):
        try:
            return _box().former.decrypt(ciphertext)
        except InvalidToken:
            raise _unreadable() from None
    try:
        sealed = base64.b64decode(ciphertext.removeprefix(_MARK), altchars=b"-_", validate=True)
    except binascii.Error:
        raise _unreadable() from None
    for key in _box().keys:
        try:
            return key.decrypt(sealed[:_NONCE], sealed[_NONCE:], purpose.encode())
        except (InvalidTag, ValueError):
            continue
    raise _unreadable()


def is_bound(ciphertext: bytes) -> bool:
    """Whether it was kept for one purpose."""
    return ciphertext.startswith(_MARK)


def bound(ciphertext: bytes, purpose: str) -> bytes:
    """The same, bound to its purpose; what cannot be opened stays as it is."""
    if is_bound(ciphertext):
        return ciphertext
    try:
        return encrypt(decrypt(ciphertext, purpose), purpose)
    except Unreadable:
        return ciphertext


def _unreadable() -> Unreadable:
    return Unreadable("The stored content cannot be decrypted.")
