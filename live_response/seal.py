"""What the portal itself wrote: the seal of a command and the signature of a library file. A row that somebody put into
the database behind its back is neither signed as an order nor handed out.

HMAC-SHA256 under keys derived from the encryption keys; the first one seals, every one verifies.
"""

import base64
import hashlib
import hmac
import json
from datetime import UTC
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from live_response.models import LibraryFile, LiveCommand, RawShell

_COMMAND, _FILE = b"live command seal, version 2", b"live library signature, version 1"
_APPROVAL = b"live shell approval, version 1"
_TYPING = b"live shell typing, version 1"


def seal_of(command: LiveCommand) -> str:
    """64 hex digits over all that its order is made of."""
    return _sign(settings.ENCRYPTION_KEYS[0], _COMMAND, _told(command))


def seal_fits(command: LiveCommand) -> bool:
    return _fits(command.seal, _COMMAND, _told(command))


def signature_of(file: LibraryFile) -> str:
    return _sign(settings.ENCRYPTION_KEYS[0], _FILE, [file.name, file.sha256, file.size])


def signature_fits(file: LibraryFile) -> bool:
    """Whether the portal took in this very content under this name."""
    return file.blob.sha256 == file.sha256 and _fits(file.signature, _FILE, [file.name, file.sha256, file.size])


def approval_of(shell: RawShell) -> str:
    """Over who asked and who approved what, until when."""
    return _sign(settings.ENCRYPTION_KEYS[0], _APPROVAL, _approved(shell))


def approval_fits(shell: RawShell) -> bool:
    return _fits(shell.seal, _APPROVAL, _approved(shell))


def new_typing_key(shell: RawShell) -> Ed25519PrivateKey:
    """Signs what is typed into the shell. It is made of `shell.key` and of the portal's own key anew each time: nothing
    that lies in a row is a key, however somebody has it opened."""
    return _typing_keys(shell)[0]


def typing_key(shell: RawShell) -> Ed25519PrivateKey | None:
    """The one whose public half the device was told; None when it is forgotten."""
    known = str(shell.command.arguments.get("key", ""))
    return next((key for key in _typing_keys(shell) if public_text(key) == known), None)


def public_text(key: Ed25519PrivateKey) -> str:
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def _typing_keys(shell: RawShell) -> list[Ed25519PrivateKey]:
    told = f"{shell.pk}.{shell.command_id}.".encode() + bytes(shell.key)
    roots = [hmac.digest(secret.encode(), _TYPING, hashlib.sha256) for secret in settings.ENCRYPTION_KEYS]
    return [Ed25519PrivateKey.from_private_bytes(hmac.digest(root, told, hashlib.sha256)) for root in roots]


def _approved(shell: RawShell) -> list[Any]:
    until = shell.until.astimezone(UTC).isoformat() if shell.until else ""
    return [
        shell.pk, shell.command_id, shell.command.session_id, shell.command.user_id, shell.decider_id, shell.decided_by,
        shell.decision, shell.reason, shell.minutes, until,
    ]  # fmt: skip


def _told(command: LiveCommand) -> list[Any]:
    return [
        command.pk, command.session_id, command.query_id, command.device_id, command.agent_id, command.number,
        command.line, command.name, command.action, command.arguments, command.run_s, command.user_id,
        command.typed_by, command.due.astimezone(UTC).isoformat() if command.due else "",
    ]  # fmt: skip


def _sign(secret: str, purpose: bytes, told: list[Any]) -> str:
    key = hmac.digest(secret.encode(), purpose, hashlib.sha256)
    return hmac.new(key, json.dumps(told, sort_keys=True, separators=(",", ":")).encode(), hashlib.sha256).hexdigest()


def _fits(seal: str, purpose: bytes, told: list[Any]) -> bool:
    return any(hmac.compare_digest(seal, _sign(key, purpose, told)) for key in settings.ENCRYPTION_KEYS)
