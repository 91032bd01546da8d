"""Which state a lesson may go to. The only writer of this column."""

from core.lifecycle import Lifecycle
from reviews.enums import LessonState

# A lesson counts as verified when somebody has seen that it works, not when somebody has promised it.
LESSON_STATE = Lifecycle(
    field="state",
    subject="lesson",
    moves={
        LessonState.PROPOSED: {LessonState.ADOPTED, LessonState.REJECTED},
        LessonState.ADOPTED: {LessonState.VERIFIED, LessonState.REJECTED, LessonState.PROPOSED},
        LessonState.VERIFIED: {LessonState.ADOPTED},
        LessonState.REJECTED: {LessonState.PROPOSED},
    },
)
