"""Words in a device's answer that nobody is to read in passing: the password of a package it sent."""

import base64
from collections.abc import Mapping
from typing import Any

from core.encryption import encrypt

SEALED, PASSWORD = "sealed_password", "password of a package"


def with_sealed_password(result: Mapping[str, Any]) -> dict[str, Any]:
    """The answer with its password encrypted, so that it lies in no table as it was said. A device seals nothing."""
    told = {name: value for name, value in result.items() if name not in {"password", SEALED}}
    word = result.get("password")
    if isinstance(word, str) and word:
        told[SEALED] = base64.b64encode(encrypt(word.encode(), PASSWORD)).decode()
    return told
