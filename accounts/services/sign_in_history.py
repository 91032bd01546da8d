"""Who signed in, who tried, who was locked out: one audit event each, written when the libraries say so."""

from typing import Any

from django.db import transaction
from django.http import HttpRequest

from accounts.adapter import name_of_attempt
from accounts.models import User
from core import audit
from core.actors import Actor
from core.client_address import client_address
from core.personal import Name

GATE = Actor.system("sign-in")


def record_sign_in(request: HttpRequest | None, user: User, **_signal: Any) -> None:
    _record("user.signed_in", user, actor=user.actor, request=request)


def record_sign_out(request: HttpRequest | None, user: User | None, **_signal: Any) -> None:
    if isinstance(user, User):
        _record("user.signed_out", user, actor=user.actor, request=request)


def record_failed_sign_in(credentials: dict[str, Any], request: HttpRequest | None = None, **_signal: Any) -> None:
    """Of a known user name only: people type passwords into the wrong field, and those must not be kept."""
    if getattr(request, "axes_locked_out", False):
        return  # told once, when the lock fell
    name = str(credentials.get("username") or "").strip()
    _record("user.sign_in_failed", _known(name), actor=GATE, request=request)


def record_refused_by_provider(request: HttpRequest, user: User | None, *, provider: str) -> None:
    """A provider vouched for somebody whom we do not let in."""
    _record("user.sign_in_refused", user, actor=GATE, request=request, provider=provider)


def record_lock_out(request: HttpRequest | None = None, username: str | None = None, **_signal: Any) -> None:
    if request is not None and getattr(request, "axes_failures_since_start", None) is None:
        return  # not the attempt that turned the key, but one that met a locked door
    name = username or (name_of_attempt(request) if request is not None else "")
    _record("user.locked_out", _known(name), actor=GATE, request=request)


def _known(name: str) -> User | None:
    return User.objects.filter(username__iexact=name).first() if name else None


def _record(verb: str, user: User | None, *, actor: Actor, request: HttpRequest | None, **more: str) -> None:
    subject = f"user:{user.pk}" if user else "user:unknown"
    with transaction.atomic():
        audit.record(
            verb,
            subject=subject,
            thread=subject,
            actor=actor,
            data={"address": _address(request, user), **more} if request is not None else {},
        )


def _address(request: HttpRequest, user: User | None) -> Name | str:
    """Where somebody sits is as personal as the name; a stranger's address belongs to nobody."""
    address = client_address(request)
    return user.in_history(address) if user else address
