"""Setting up and reading simulated targets, for drills, demos and tests. Orders go through deliveries, not here."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from connectors.kinds.simulator import tenant_effects
from connectors.kinds.simulator.behaviour import checked
from connectors.kinds.simulator.client import ORDER, SimulatedCompany
from connectors.kinds.simulator.effects import INBOX, message_key, rule_key
from connectors.models import Connection, ConnectorState
from connectors.ports import TENANT
from connectors.services.deliver import target_seen
from connectors.targets import KnownTarget
from core import clock

FRESH: dict[str, dict[str, Any]] = {
    "device": {"network": "connected", "isolation_type": "", "execution": "unrestricted", "files": {}},
    "identity": {"account": "enabled", "accounts": ["directory"]},
    "mailbox": {"messages": {}, "rules": {}},
    TENANT.kind: {"indicators": {}},
}


def put_target(
    connection: Connection, kind: str, remote_id: str, *, name: str = "", behaviour: Mapping[str, Any] | None = None
) -> None:
    """Add a device, identity or mailbox in its ordinary state, or reset the one that is there."""
    state = {**FRESH[kind], "name": name or remote_id, "behaviour": checked(behaviour or {})}
    ConnectorState.objects.update_or_create(
        connection=connection, object_kind=kind, object_id=remote_id, defaults={"state": state}
    )


def put_targets(connection: Connection, kind: str, names: Mapping[str, str]) -> None:
    """Many at once: remote id -> name. Those that exist stay as they are."""
    rows = [
        ConnectorState(
            connection=connection,
            object_kind=kind,
            object_id=remote_id,
            state={**FRESH[kind], "name": name or remote_id, "behaviour": {}},
        )
        for remote_id, name in names.items()
    ]
    ConnectorState.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)


def adopt(connection: Connection, targets: Sequence[KnownTarget]) -> None:
    """Hold what the portal knows. What is there keeps its state and gets the files and messages that it lacks."""
    for kind in FRESH:
        put_targets(connection, kind, {one.remote_id: one.name for one in targets if one.kind == kind})
    for one in targets:
        if not (one.files or one.messages):
            continue
        with SimulatedCompany(connection).target(one.kind, one.remote_id) as remote:
            files = {key: {"name": name, "path": "", "state": "present", "malicious": True, "running": False}
                     for key, name in one.files.items()}  # fmt: skip
            messages = {message_key(key): {"subject": text, "folder": INBOX} for key, text in one.messages.items()}
            for column, found in (("files", files), ("messages", messages)):
                if found:
                    remote.state[column] = {**found, **remote.state.get(column, {})}
            remote.save()


def put_file(
    connection: Connection,
    remote_id: str,
    key: str,
    *,
    name: str,
    path: str = "",
    malicious: bool = True,
    running: bool = False,
) -> None:
    """Put a file on a device; `key` is the file's key (`sha256:...`)."""
    with SimulatedCompany(connection).target("device", remote_id) as remote:
        file = {"name": name, "path": path, "state": "present", "malicious": malicious, "running": running}
        remote.state["files"] = {**remote.state.get("files", {}), key: file}
        remote.save()


def put_message(connection: Connection, remote_id: str, message_id: str, *, subject: str, folder: str = INBOX) -> None:
    """Put a message into a mailbox."""
    with SimulatedCompany(connection).target("mailbox", remote_id) as remote:
        message = {"subject": subject, "folder": folder}
        remote.state["messages"] = {**remote.state.get("messages", {}), message_key(message_id): message}
        remote.save()


def put_rule(
    connection: Connection, remote_id: str, rule_id: str, *, name: str, does: str = "", enabled: bool = True
) -> None:
    """Put an inbox rule into a mailbox; `does` says in words what it does."""
    with SimulatedCompany(connection).target("mailbox", remote_id) as remote:
        rule = {"name": name, "does": does, "enabled": enabled}
        remote.state["rules"] = {**remote.state.get("rules", {}), rule_key(rule_id): rule}
        remote.save()


def put_accounts(connection: Connection, remote_id: str, *names: str) -> None:
    """Say which accounts a person owns."""
    with SimulatedCompany(connection).target("identity", remote_id) as remote:
        remote.state["accounts"] = list(names)
        remote.save()


def state_of(connection: Connection, kind: str, remote_id: str) -> dict[str, Any]:
    """The target's state now, with every order applied whose time has come. Raises `TargetGone`."""
    with SimulatedCompany(connection).target(kind, remote_id) as remote:
        return dict(remote.state)


def meet(connection: Connection, remote_id: str, *, type: str, value: str, group: str = "") -> str:  # noqa: A002
    """A device meets a file, address, domain or URL, spelt as an indicator spells it. Answers what it did with it, as
    the company's list says; empty when nothing names it."""
    with SimulatedCompany(connection).target(TENANT.kind, TENANT.remote_id) as remote:
        at = clock.now().isoformat()
        did = tenant_effects.meet(remote.state, remote_id, type=type, value=value, group=group, at=at)
        if did:
            remote.save()
    return did


def set_behaviour(connection: Connection, kind: str, remote_id: str, **words: Any) -> None:
    """Change how the target answers from now on; a target that comes online again is tried at once."""
    with transaction.atomic():
        with SimulatedCompany(connection).target(kind, remote_id) as remote:
            was_offline = remote.behaviour.offline
            remote.state["behaviour"] = {**remote.state.get("behaviour", {}), **checked(words)}
            remote.save()
        if was_offline and words.get("offline") is False:
            target_seen(connection, remote_id)


def change_behind_our_back(connection: Connection, kind: str, remote_id: str, **state: Any) -> None:
    """Somebody at the remote side changes the target by hand: no order, no history, nobody is told. For a file on a
    device: `files={key: state}`."""
    with SimulatedCompany(connection).target(kind, remote_id) as remote:
        files = state.pop("files", {})
        if files:
            known = remote.state.get("files", {})
            remote.state["files"] = {**known, **{key: {**known[key], "state": word} for key, word in files.items()}}
        remote.state.update(state)
        remote.save()


def effects_of(connection: Connection, key: str) -> int:
    """How often the order with this idempotency key changed anything: never more than once."""
    order = ConnectorState.objects.filter(connection=connection, object_kind=ORDER, object_id=key).first()
    return int(order.state["effects"]) if order else 0


def remove_all(connection: Connection) -> None:
    """Forget the company."""
    ConnectorState.objects.filter(connection=connection).delete()
