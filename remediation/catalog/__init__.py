"""Every action there is. One more is one more declaration in a file of this folder; nothing else is edited."""

from remediation.catalog.action import Action, Choice, Limits, Parameter
from remediation.catalog.registry import BadDeclaration, actions_for, all_actions, get, inverse_of, is_known

__all__ = [
    "Action",
    "BadDeclaration",
    "Choice",
    "Limits",
    "Parameter",
    "actions_for",
    "all_actions",
    "get",
    "inverse_of",
    "is_known",
]
