"""Encryption at rest with rotating keys: the first key encrypts, every key decrypts."""

from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class Unreadable(Exception):
    """The ciphertext was changed, or none of the configured keys opens it."""


@cache
def _box() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])


def encrypt(plain: bytes) -> bytes:
    return _box().encrypt(plain)


def decrypt(ciphertext: bytes) -> bytes:
    try:
        return _box().decrypt(ciphertext)
    except InvalidToken:
        raise Unreadable("The stored content cannot be decrypted.") from None
