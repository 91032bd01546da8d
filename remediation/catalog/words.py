"""What the words of facets mean, as the catalogue declares them."""

from functools import cache

from django.db.models import Q

from remediation.catalog.action import Action
from remediation.catalog.registry import all_actions


@cache
def withholding() -> tuple[Action, ...]:
    """The actions whose effect stays in force at a target until it is taken back."""
    return tuple(one for one in all_actions() if one.in_force and not one.by_order and not one.in_portal)


@cache
def lasting() -> tuple[Action, ...]:
    """Those, and what takes them back: their effect can be looked at any time later."""
    inverses = {one.undo for one in withholding()}
    return tuple(one for one in all_actions() if one in withholding() or one.key in inverses)


def means_in_force(facet: str, word: str) -> bool:
    """Whether the word means that something is withheld."""
    return any(one.facet == facet and one.wanted == word for one in withholding())


def in_force(*columns: str) -> Q:
    """States where one of these columns (`desired`, `observed`) says that something is withheld."""
    found = Q(pk__in=[])
    for action in withholding():
        for column in columns:
            found |= Q(facet=action.facet.value, **{column: action.wanted})
    return found


# Where taking the key's underscores away is not what a person would say.
_SAID = {"not_contained": "not contained", "not_here": "not here yet", "none": "nothing", "joined": "in service"}


def said(word: str) -> str:
    """What a facet was seen to be, or is to be, as people say it."""
    return _SAID.get(word, word.replace("_", " "))
