"""The registry of permission keys. Rooms register theirs at import; roles in `accounts` hold keys."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Permission:
    key: str
    label: str
    group: str


_registered: dict[str, Permission] = {}


def register(key: str, label: str, group: str) -> str:
    """Register a key and return it; registering it twice raises at start."""
    if key in _registered:
        raise LookupError(f"The permission {key!r} is registered twice.")
    _registered[key] = Permission(key, label, group)
    return key


def registered() -> list[Permission]:
    return sorted(_registered.values(), key=lambda permission: (permission.group, permission.key))


def is_registered(key: str) -> bool:
    return key in _registered


def label_of(key: str) -> str:
    """How people say the right; the key itself when it is not registered (any more)."""
    return _registered[key].label if key in _registered else key
