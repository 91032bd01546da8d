"""Actions in every state that a backup can meet, made inside a running portal by `./soc manage shell`; and what became
of them, read from its database."""

import json
from datetime import timedelta
from typing import Any

from django.db import transaction

from accounts.enums import ScopeKind, UserKind
from accounts.models import Role, User
from accounts.services.people import create_user
from accounts.services.tokens import issue_token
from connectors.kinds.simulator.world import put_target
from connectors.models import Connection
from connectors.services.connections import create_connection
from core import blobs, clock
from core.actors import Actor
from incidents.models import Device
from incidents.services.bindings import bind
from incidents.services.facts import DeviceFacts
from incidents.services.resolve_entities import resolve_devices

ACTOR = Actor.system("backup test")
BEHAVIOURS: dict[str, dict[str, Any]] = {
    "verified": {},
    "pending": {},
    "queued": {"unavailable": 1_000_000},
    "offline": {"offline": True},
    "delivered": {"start_after_s": 9_000, "finish_after_s": 9_000},
    "started": {"start_after_s": 0.1, "finish_after_s": 9_000},
    "later": {},
}
CLIENTS = {"sensor": "ingest", "asker": "analyst", "decider": "responder"}
# Large enough to lie in a file.
LARGE = 3_000_000


def lay() -> None:
    """Print `{"devices": {state: id}, "tokens": {client: secret}}`."""
    with transaction.atomic():
        company = create_connection(name="Company", kind="simulator", actor=ACTOR)
        devices = {name: _device(name, company, behaviour) for name, behaviour in BEHAVIOURS.items()}
        tokens = {client: _token_of(client, role) for client, role in CLIENTS.items()}
        blobs.keep(bytes(LARGE), name="image.raw", media_type="application/octet-stream")
    print(json.dumps({"devices": devices, "tokens": tokens}))  # noqa: T201 - read by the test


def _device(name: str, company: Connection, behaviour: dict[str, Any]) -> str:
    key = f"{name}.backup.example"
    resolve_devices([DeviceFacts(dns_name=key)], at=clock.now())
    device = Device.objects.get(key=key)
    put_target(company, "device", key, behaviour=behaviour)
    bind(device, connection=company, remote_id=key, actor=ACTOR)
    return str(device.pk)


def _token_of(name: str, role: str) -> str:
    user: User = create_user(
        name, display_name=name, roles=[Role.objects.get(key=role)], scope_kind=ScopeKind.ALL, kind=UserKind.SERVICE,
        actor=ACTOR,
    )  # fmt: skip
    _, secret = issue_token(user, name=name, lifetime=timedelta(hours=6), may_decide=True, actor=ACTOR)
    return secret
