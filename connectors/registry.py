"""Finds the connector kinds (`kinds/<kind>/`) and refuses mistakes at start."""

import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from connectors import kinds
from connectors.errors import Misconfigured
from connectors.models import Connection
from connectors.ports import Connector, Manifest
from connectors.targets import KnownTarget

_METHODS = ("describe", "check", "why_not", "preflight", "submit", "undo", "poll", "cancel", "observe")


class BadKind(LookupError):
    """A connector kind that does not keep the contract."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One value an administrator fills in. Secrets are stored encrypted and never shown again. `between` is the
    smallest and the largest value of a number; without it the value is a text."""

    name: str
    label: str
    help: str = ""
    secret: bool = False
    required: bool = False
    default: str = ""
    between: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """What `kinds/<key>/__init__.py` exports as `KIND`. `open` makes a connector without talking to anything; `adopt`
    puts what the portal knows into the remote side, which only an imitated one lets itself be told."""

    key: str
    label: str
    description: str
    simulated: bool
    open: Callable[[Connection], Connector]
    settings: tuple[Setting, ...] = ()
    adopt: Callable[[Connection, Sequence[KnownTarget]], None] | None = None


@cache
def all_kinds() -> tuple[Kind, ...]:
    """Every kind there is, by key; raises `BadKind` when one is not what it should be."""
    found = []
    for module in pkgutil.iter_modules(kinds.__path__):
        kind = getattr(import_module(f"{kinds.__name__}.{module.name}"), "KIND", None)
        found.append(_checked(module.name, kind))
    return tuple(sorted(found, key=lambda kind: kind.key))


def get_kind(key: str) -> Kind:
    for kind in all_kinds():
        if kind.key == key:
            return kind
    raise Misconfigured(f"There is no connector kind {key!r}.")


def open_connection(connection: Connection) -> Connector:
    """The connector of a connection; raises `Misconfigured` for a kind that was removed."""
    return get_kind(connection.kind).open(connection)


def _checked(folder: str, kind: object) -> Kind:
    if not isinstance(kind, Kind):
        raise BadKind(f"connectors/kinds/{folder} exports no KIND.")
    if kind.key != folder:
        raise BadKind(f"The kind {kind.key!r} lies in the folder {folder!r}.")
    names = [setting.name for setting in kind.settings]
    if len(names) != len(set(names)):
        raise BadKind(f"The kind {folder!r} declares a setting twice.")
    if kind.adopt is not None and not kind.simulated:
        raise BadKind(f"The kind {folder!r} is real, so it cannot be told which targets it has.")
    connector = kind.open(Connection(kind=kind.key))
    missing = [name for name in _METHODS if not callable(getattr(connector, name, None))]
    if missing:
        raise BadKind(f"The kind {folder!r} lacks {', '.join(missing)}.")
    _check_manifest(kind, connector.describe())
    return kind


def _check_manifest(kind: Kind, manifest: Manifest) -> None:
    if (manifest.kind, manifest.simulated) != (kind.key, kind.simulated):
        raise BadKind(f"The manifest of {kind.key!r} contradicts its KIND.")
    seen: set[tuple[str, str]] = set()
    for capability in manifest.capabilities:
        pairs = {(capability.action, target_kind) for target_kind in capability.target_kinds}
        if not pairs or seen & pairs:
            raise BadKind(f"The kind {kind.key!r} declares {capability.action!r} twice or for nothing.")
        seen |= pairs
        try:
            Draft202012Validator.check_schema(dict(capability.arguments_schema))
        except SchemaError as error:
            raise BadKind(f"{kind.key}: the arguments of {capability.action!r}: {error.message}") from error
