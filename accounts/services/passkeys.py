"""Passkeys (WebAuthn): the ceremony of making one and of signing in with it, bound to the address of the portal.

A browser offers them only over https or on localhost, and never under a bare IP address.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.exceptions import ValidationError
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from accounts.models import User

WRONG = "The passkey was not accepted. Try again."
LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class Made:
    """A new passkey: its public key, and how often it had been used."""

    credential: AttestedCredentialData
    count: int


def why_not() -> str:
    """Why this portal cannot take passkeys at its address; empty when it can."""
    parts = urlsplit(settings.PUBLIC_URL)
    host = parts.hostname or ""
    if _is_address(host):
        return f"Passkeys need a host name, and this portal is known as {host}."
    if parts.scheme != "https" and host != "localhost":
        return "Passkeys need https."
    return ""


def begin_making(user: User, *, known: Iterable[Authenticator]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the browser is asked, and what must be remembered until it answers."""
    options, state = _server().register_begin(
        PublicKeyCredentialUserEntity(id=handle_of(user), name=user.username, display_name=str(user)),
        credentials=[credential_of(row) for row in known],
        resident_key_requirement=ResidentKeyRequirement.PREFERRED,
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    return dict(options)["publicKey"], state


def finish_making(answer: Any, *, state: Mapping[str, Any]) -> Made:
    """Check the browser's answer; raises `ValidationError` when it does not fit what was asked."""
    try:
        found = _server().register_complete(dict(state), RegistrationResponse.from_dict(_bounded(answer)))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValidationError(WRONG) from None
    if found.credential_data is None:
        raise ValidationError(WRONG)
    return Made(found.credential_data, found.counter)


def begin_use(known: Iterable[Authenticator] = ()) -> tuple[dict[str, Any], dict[str, Any]]:
    """Ask for one of the known passkeys; knowing none, for any that names its person and has verified them."""
    credentials = [credential_of(row) for row in known]
    verification = UserVerificationRequirement.PREFERRED if credentials else UserVerificationRequirement.REQUIRED
    options, state = _server().authenticate_begin(credentials or None, user_verification=verification)
    return dict(options)["publicKey"], state


def person_named_in(answer: Any) -> User | None:
    """Whom an answer says it is of; proves nothing before `finish_use`."""
    try:
        handle = AuthenticationResponse.from_dict(_bounded(answer)).response.user_handle
        return User.objects.filter(pk=int((handle or b"").decode().removeprefix("person-"))).first()
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return None


def finish_use(answer: Any, *, state: Mapping[str, Any], known: Iterable[Authenticator]) -> Authenticator:
    """The passkey whose signature fits. Raises `ValidationError` for any other, and for a copy of one."""
    rows = {credential_of(row).credential_id: row for row in known}
    try:
        response = AuthenticationResponse.from_dict(_bounded(answer))
        used = _server().authenticate_complete(dict(state), [credential_of(row) for row in rows.values()], response)
        row, count = rows[used.credential_id], response.response.authenticator_data.counter
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValidationError(WRONG) from None
    if count and count <= int(row.data.get("count", 0)):
        raise ValidationError("This passkey seems to have been copied. Remove it and make a new one.")
    row.data = {**row.data, "count": count}
    return row


def handle_of(user: User) -> bytes:
    return f"person-{user.pk}".encode()


def stored(made: Made, *, name: str) -> dict[str, Any]:
    """What is kept of a passkey; nothing of it is secret."""
    return {"name": name, "credential": base64.b64encode(bytes(made.credential)).decode(), "count": made.count}


def credential_of(row: Authenticator) -> AttestedCredentialData:
    try:
        return AttestedCredentialData(base64.b64decode(row.data["credential"]))
    except (binascii.Error, KeyError, TypeError) as error:
        raise ValueError("This row holds no passkey.") from error


def _server() -> Fido2Server:
    host = urlsplit(settings.PUBLIC_URL).hostname or ""
    entity = PublicKeyCredentialRpEntity(id=host, name="SOC portal")
    return Fido2Server(entity, verify_origin=lambda origin: origin == settings.PUBLIC_URL)


def _bounded(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict) or len(repr(answer)) > LONGEST:
        raise ValueError("no answer of a browser")
    return answer


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
