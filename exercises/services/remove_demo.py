"""Takes the demo out of every room, in the order in which rooms refer to each other. The history stays."""

from django.db import transaction

from accounts.services.forget_exercise import forget_exercise as forget_people
from connectors.services.forget_exercise import forget_exercise as forget_connections
from core import audit
from core.actors import Actor
from exercises.keys import DEMO
from exercises.lifecycle import EXERCISE_STATE, REMOVING
from exercises.models import Exercise
from incidents.services.forget_exercise import forget_exercise as forget_incidents
from remediation.services.forget_exercise import forget_exercise as forget_runs
from reviews.services.forget_exercise import forget_exercise as forget_preparation


def remove_demo(*, actor: Actor) -> dict[str, int]:
    """Remove everything that carries the demo's mark; nothing when there is none. Returns how many of what."""
    with transaction.atomic():
        exercise = Exercise.objects.select_for_update().filter(key=DEMO).first()
        if exercise is None:
            return {}
        if exercise.state != REMOVING:
            EXERCISE_STATE.move(exercise, REMOVING, actor=actor)
    with transaction.atomic():
        counts = {"prepared": forget_preparation(DEMO, actor=actor), "runs": forget_runs(DEMO, actor=actor)}
        counts |= forget_incidents(DEMO, actor=actor)
        counts["orders"] = forget_connections(DEMO, actor=actor)
        counts["people"] = forget_people(DEMO, actor=actor)
        Exercise.objects.filter(key=DEMO).delete()
        audit.record("exercise.removed", subject=f"exercise:{DEMO}", actor=actor, data=counts)
    return counts
