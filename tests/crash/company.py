"""Simulated devices and the tokens of three clients, made inside a running portal by `./soc manage shell`."""

import json
from datetime import timedelta

from django.db import transaction

from accounts.enums import ScopeKind, UserKind
from accounts.models import Role, User
from accounts.services.people import create_user
from accounts.services.tokens import issue_token
from connectors.kinds.simulator.world import put_target
from connectors.services.connections import create_connection
from core import clock, options
from core.actors import Actor
from incidents.models import Device
from incidents.services.bindings import bind
from incidents.services.facts import DeviceFacts
from incidents.services.resolve_entities import resolve_devices

ACTOR = Actor.system("crash test")
CLIENTS = {"sensor": "ingest", "asker": "analyst", "decider": "responder"}


def lay_company(count: int) -> None:
    """Print `{"devices": [ids], "tokens": {client: secret}}`."""
    with transaction.atomic():
        devices = _lay_devices(count)
        tokens = {client: token_of(client, role) for client, role in CLIENTS.items()}
    print(json.dumps({"devices": devices, "tokens": tokens}))  # noqa: T201 - read by the test


def _lay_devices(count: int) -> list[str]:
    """Every eighth loses the first answer, every eighth does not answer at first: retries must not double anything."""
    for key in options.get_many("caps."):  # more actions at once than a team would set going
        options.put(key, 0, actor=ACTOR)
    company = create_connection(name="Company", kind="simulator", actor=ACTOR)
    names = [f"host-{number:04}.crash.example" for number in range(count)]
    resolve_devices([DeviceFacts(dns_name=name) for name in names], at=clock.now())
    devices = list(Device.objects.filter(key__in=names).order_by("key"))
    for number, device in enumerate(devices):
        behaviour = {1: {"loses_answers": 1}, 5: {"unavailable": 1}}.get(number % 8, {})
        put_target(company, "device", device.key, behaviour=behaviour)
        bind(device, connection=company, remote_id=device.key, actor=ACTOR)
    return [str(device.pk) for device in devices]


def token_of(name: str, role: str) -> str:
    user: User = create_user(
        name, display_name=name, roles=[Role.objects.get(key=role)], scope_kind=ScopeKind.ALL, kind=UserKind.SERVICE,
        actor=ACTOR,
    )  # fmt: skip
    _, secret = issue_token(user, name=name, lifetime=timedelta(hours=6), may_decide=True, actor=ACTOR)
    return secret
