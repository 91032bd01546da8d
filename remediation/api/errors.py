"""How this room's refusals are told: an open run is a conflict, a missing right is forbidden, the rest is refused."""

from core.api.errors import Problem, answers_with
from remediation.refused import Refused

STATUS = {"conflict": 409, "forbidden": 403}


@answers_with(Refused)
def _refused(refusal: Refused) -> Problem:
    status = STATUS.get(refusal.code, 422)
    link = f"/api/v1/actions/{refusal.run.pk}" if refusal.run is not None else refusal.link or ""
    return Problem(status, refusal.message, code=refusal.code, link=link)
