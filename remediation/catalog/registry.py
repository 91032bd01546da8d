"""Finds the declarations and refuses mistakes at start."""

import pkgutil
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pathlib import Path

from core.permissions import is_registered
from remediation.catalog.action import Action


class BadDeclaration(LookupError):
    """A declaration that contradicts itself or another one."""


@cache
def _by_key() -> dict[str, Action]:
    found: list[Action] = []
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        found.extend(getattr(import_module(f"remediation.catalog.{module.name}"), "ACTIONS", ()))
    return check(found)


def check(actions: Iterable[Action]) -> dict[str, Action]:
    """The actions by key; raises `BadDeclaration` with the first mistake."""
    known: dict[str, Action] = {}
    for action in actions:
        if action.key in known:
            raise BadDeclaration(f"The action {action.key!r} is declared twice.")
        known[action.key] = action
    for action in known.values():
        _check_one(action, known)
    return known


def _check_one(action: Action, known: dict[str, Action]) -> None:
    if bool(action.undo) == bool(action.why_no_undo):
        raise BadDeclaration(f"{action.key}: either an undo or the reason why there is none.")
    if action.undo:
        inverse = known.get(action.undo)
        if inverse is None:
            raise BadDeclaration(f"{action.key}: its undo {action.undo!r} is not declared.")
        if (inverse.target_kind, inverse.facet, inverse.acts_on) != (action.target_kind, action.facet, action.acts_on):
            raise BadDeclaration(f"{action.key}: its undo {action.undo!r} changes something else.")
    for key in (*action.request_permissions, *action.decide_permissions):
        if not is_registered(key):
            raise BadDeclaration(f"{action.key}: the permission {key!r} is not registered.")
    names = {parameter.name for parameter in action.parameters}
    if action.undo == action.key and not action.in_portal:
        raise BadDeclaration(f"{action.key}: only a fact of the portal, whose former value is kept, is its own undo.")
    if not {*action.wanted_arguments, *filter(None, [action.facet_argument, action.wanted_argument])} <= names:
        raise BadDeclaration(f"{action.key}: it refers to an argument that it does not take.")
    action.sentences(target="x", arguments=dict.fromkeys(names, "x"))


def all_actions() -> list[Action]:
    return sorted(_by_key().values(), key=lambda action: (action.target_kind, action.order, action.key))


def actions_for(kind: str) -> list[Action]:
    """The actions whose target is a `device`, `file`, `identity` or `mailbox`, in the order of their buttons."""
    return [action for action in all_actions() if action.target_kind == kind]


def is_known(key: str) -> bool:
    return key in _by_key()


def get(key: str) -> Action:
    """The declaration; raises `LookupError` for a key that nobody declared."""
    try:
        return _by_key()[key]
    except KeyError:
        raise LookupError(f"There is no action {key!r}.") from None


def inverse_of(action: Action) -> Action | None:
    return get(action.undo) if action.undo else None
