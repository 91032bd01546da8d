"""How the API says that an act waits for a confirmation."""

from accounts.step_up import StepUpRequired
from core.api.errors import Problem, answers_with


@answers_with(StepUpRequired)
def _step_up(error: StepUpRequired) -> Problem:
    return Problem(
        403,
        f"{error.act.label} needs a confirmation: elevate the token, or confirm in the browser.",
        code="step_up_required",
        link="/me/",
    )
