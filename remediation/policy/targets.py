"""The target of an action and the one remote object that it is."""

from dataclasses import dataclass

from connectors.errors import ConnectorError
from connectors.models import Connection
from connectors.ports import Capability
from connectors.registry import open_connection
from connectors.targets import Target as RemoteTarget
from incidents.models import Device, File, Identity, Mailbox
from incidents.services.bindings import Bindable, NotBound, binding_of
from remediation.catalog import Action
from remediation.enums import AssetClass, Risk
from remediation.models import ActionRun
from remediation.refused import Refused

Target = Device | File | Identity | Mailbox
MODELS: dict[str, type[Device] | type[File] | type[Identity] | type[Mailbox]] = {
    "device": Device,
    "file": File,
    "identity": Identity,
    "mailbox": Mailbox,
}
_CLASSES = {"identity": AssetClass.ACCOUNTS, "mailbox": AssetClass.MAILBOXES, "file": AssetClass.FILES}
_SERVER = "server"


@dataclass(frozen=True, slots=True)
class Bound:
    """The one remote object that a target is."""

    connection: Connection
    remote_id: str
    simulated: bool
    capability: Capability


def target_of(run: ActionRun) -> Target:
    """The entity a run is aimed at; refuses when it was deleted meanwhile."""
    found = MODELS[run.target_kind]._default_manager.filter(pk=run.target_id).first()
    if found is None:
        raise Refused("nothing_to_do", f"{run.target_name} no longer exists.")
    return found


def groups_of(target: Target) -> list[int]:
    return [target.device_group_id] if isinstance(target, Device) else []


def is_destructive(action: Action) -> bool:
    """Whether it takes something away from people who work: the brakes are for these. What gives back is never braked,
    so that taking back stays possible when everything else stands still."""
    if action.in_force or action.risk == Risk.HIGH:
        return True
    return action.risk == Risk.MEDIUM and not action.undo


def needs_approval(action: Action) -> bool:
    """Four eyes: what the action declares, and always for high impact."""
    return action.needs_approval or action.risk == Risk.HIGH


def asset_class_of(target: Target, *, of_file: bool = False) -> AssetClass:
    """What a cap counts the target as. A device of a file action is a copy of the file."""
    if of_file:
        return AssetClass.FILES
    if not isinstance(target, Device):
        return _CLASSES[target.kind]
    words = (target.os_platform, target.os_version, target.category, *target.tags)
    return AssetClass.SERVERS if any(_SERVER in word.lower() for word in words) else AssetClass.DEVICES


def resolve(action: Action, target: Bindable) -> Bound:
    """The remote object to act on; refuses when there is none, there are two, or it cannot do this."""
    try:
        binding = binding_of(target)
    except NotBound as error:
        raise Refused("not_bound", f"Nothing can be done to {error}") from None
    return check_connection(action, binding.connection, binding.remote_id, str(target), target.kind)


def check_connection(action: Action, connection: Connection, remote_id: str, name: str, kind: str) -> Bound:
    if not connection.enabled:
        raise Refused("unavailable", f"The connection {connection}, which {name} is bound to, is switched off.")
    try:
        connector = open_connection(connection)
        manifest = connector.describe()
        why_not = connector.why_not(RemoteTarget(kind, remote_id, name), action.key)
    except ConnectorError as error:
        raise Refused("unavailable", f"The connection {connection} cannot be used: {error.message}") from None
    capability = manifest.capability(action.key, kind)
    if capability is None:
        raise Refused("unsupported", f"The connection {connection} cannot {action.label.lower()} on {name}.")
    if why_not:
        raise Refused("unsupported", f"{name}: {why_not}")
    return Bound(connection, remote_id, manifest.simulated, capability)
