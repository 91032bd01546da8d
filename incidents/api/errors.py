"""How this room's own exceptions are told."""

from core.api.errors import Problem, answers_with, conflict
from incidents.services.manage import StaleVersion


@answers_with(StaleVersion)
def _stale(error: StaleVersion) -> Problem:
    return conflict(f"It was changed in the meantime; its version is {error.current}.")
