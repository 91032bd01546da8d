"""Addresses of other systems that are told things: added, changed, tried, paused and resumed."""

import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from core import audit, clock, http, jobs, options
from core.actors import Actor
from notifications.enums import DispatchStatus, EndpointKind
from notifications.models import Dispatch, Endpoint
from notifications.options import INSIDE
from notifications.services.chat import chat_body
from notifications.services.route import SEND
from notifications.services.send import Outcome, call_endpoint
from notifications.services.sign import new_secret

MOST = 100
OLD_SECRET_SIGNS = timedelta(hours=24)
# What waited for a paused webhook longer than this is no news any more.
RESUMED_WITHIN = timedelta(hours=24)


def add_endpoint(name: str, *, kind: str, url: str, actor: Actor) -> tuple[Endpoint, str]:
    """Add an address; answers it and the secret that signs for it (empty for a chat). Raises `ValidationError`."""
    if Endpoint.objects.count() >= MOST:
        raise ValidationError(f"There are {MOST} webhooks already, which is the most.")
    endpoint = Endpoint(name=_name(name), kind=EndpointKind(kind), host=_host(url))
    endpoint.seal_url(url)
    secret = new_secret() if endpoint.is_signed else ""
    if secret:
        endpoint.seal_secret(secret)
    with transaction.atomic():
        _save(endpoint)
        audit.record("endpoint.added", subject=f"endpoint:{endpoint.pk}", actor=actor,
                     data={"name": endpoint.name, "kind": endpoint.kind, "host": endpoint.host})  # fmt: skip
    return endpoint, secret


def change_endpoint(endpoint: Endpoint, *, name: str, url: str, actor: Actor) -> Endpoint:
    """Rename it; `url` empty keeps the address. Whoever changes the address looked at it, so a pause is over."""
    with transaction.atomic():
        row = Endpoint.objects.select_for_update().get(pk=endpoint.pk)
        before = {"name": row.name, "host": row.host}
        row.name = _name(name)
        if url:
            row.host = _host(url)
            row.seal_url(url)
            row.paused_at, row.failures = None, 0
        _save(row)
        changes = {key: (old, getattr(row, key)) for key, old in before.items() if old != getattr(row, key)}
        audit.record("endpoint.changed", subject=f"endpoint:{row.pk}", actor=actor, changes=changes,
                     data={"new_address": bool(url)})  # fmt: skip
    return row


def switch_endpoint(endpoint: Endpoint, *, on: bool, actor: Actor) -> None:
    with transaction.atomic():
        if Endpoint.objects.filter(pk=endpoint.pk).exclude(enabled=on).update(enabled=on):
            audit.record("endpoint.switched", subject=f"endpoint:{endpoint.pk}", actor=actor,
                         changes={"enabled": (not on, on)})  # fmt: skip


def remove_endpoint(endpoint: Endpoint, *, actor: Actor) -> None:
    """With it goes what was still to be sent there; rules keep their other recipients."""
    with transaction.atomic():
        audit.record("endpoint.removed", subject=f"endpoint:{endpoint.pk}", actor=actor,
                     data={"name": endpoint.name, "host": endpoint.host})  # fmt: skip
        endpoint.delete()


def resume_endpoint(endpoint: Endpoint, *, actor: Actor) -> None:
    """Send again, and what waited not longer than a day as well."""
    now = clock.real_now()
    with transaction.atomic():
        Endpoint.objects.filter(pk=endpoint.pk).update(paused_at=None, failures=0)
        waiting = Dispatch.objects.filter(endpoint=endpoint, status=DispatchStatus.WAITING)
        waiting.filter(created__lt=now - RESUMED_WITHIN).update(
            status=DispatchStatus.SKIPPED, said="Waited too long for the webhook.", ended=now, next_attempt_at=None
        )
        waiting.update(next_attempt_at=now)
        audit.record("endpoint.resumed", subject=f"endpoint:{endpoint.pk}", actor=actor)
        jobs.wake(SEND)


def rotate_secret(endpoint: Endpoint, *, actor: Actor) -> str:
    """A new secret, answered once. The old one signs as well for a day, so that the other side can follow."""
    with transaction.atomic():
        row = Endpoint.objects.select_for_update().get(pk=endpoint.pk)
        if not row.is_signed:
            raise ValidationError("A chat is not signed: its address is the secret.")
        secret = new_secret()
        row.sealed_former, row.former_until = row.sealed_secret, clock.real_now() + OLD_SECRET_SIGNS
        row.seal_secret(secret)
        row.save(update_fields=["sealed_secret", "sealed_former", "former_until"])
        audit.record("endpoint.secret_rotated", subject=f"endpoint:{row.pk}", actor=actor)
    return secret


def try_endpoint(endpoint: Endpoint, *, actor: Actor) -> Outcome:
    """Call it now with words that say they are a test; neither counts nor lifts a pause."""
    key = str(uuid.uuid4())
    payload: dict[str, Any] = {
        "id": key, "topic": "test", "label": "Test", "at": clock.real_now().isoformat(), "subject": "",
        "title": "A test from the SOC portal", "body": f"{actor.name} tries whether this arrives.", "severity": None,
        "url": settings.PUBLIC_URL, "organisation": settings.ORGANISATION or None, "facts": {},
    }  # fmt: skip
    outcome = call_endpoint(endpoint, payload if endpoint.is_signed else chat_body(endpoint.kind, payload), key=key)
    with transaction.atomic():
        audit.record("endpoint.tested", subject=f"endpoint:{endpoint.pk}", actor=actor, data={"said": outcome.said})
    return outcome


def _name(name: str) -> str:
    cleaned = " ".join(name.replace("\x00", "").split())
    if not 0 < len(cleaned) <= 80:
        raise ValidationError({"name": "A name of 1 to 80 characters."})
    return cleaned


def _host(url: str) -> str:
    """The host, after a look at where the address leads."""
    allowed = http.AllowList(options.get(INSIDE.key))
    try:
        return http.place_of(url, allowed=allowed).host
    except http.Forbidden as error:
        raise ValidationError({"url": str(error)}) from None
    except http.OutboundError as error:
        raise ValidationError({"url": f"{error} Check the address."}) from None


def _save(endpoint: Endpoint) -> None:
    try:
        with transaction.atomic():
            endpoint.save()
    except IntegrityError:
        raise ValidationError({"name": "There is a webhook of this name already."}) from None
