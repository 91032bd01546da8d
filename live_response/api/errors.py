"""How this room's refusals are told: what is taken is a conflict, a missing right is forbidden, the rest is refused."""

from core.api.errors import Problem, answers_with
from live_response.grammar import BadLine
from live_response.refused import NotPossible

STATUS = {"taken": 409, "too_many": 409, "exists": 409, "ended": 409, "connecting": 409, "forbidden": 403,
          "not_yours": 403}  # fmt: skip


@answers_with(NotPossible)
def _not_possible(refusal: NotPossible) -> Problem:
    return Problem(STATUS.get(refusal.code, 422), refusal.message, code=refusal.code, link=refusal.link)


@answers_with(BadLine)
def _bad_line(error: BadLine) -> Problem:
    return Problem(422, str(error), code="bad_line")
