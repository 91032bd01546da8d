"""Takes the deciders and drills of an exercise away; its reviews go with their incidents."""

from django.db import transaction

from core import audit
from core.actors import Actor
from reviews.models import Contact, Drill


def forget_exercise(exercise: str, *, actor: Actor) -> int:
    if not exercise:
        raise ValueError("Without a name this would delete the real rows.")
    with transaction.atomic():
        rows = [*Contact.objects.filter(exercise=exercise), *Drill.objects.filter(exercise=exercise)]
        for row in rows:
            row.delete()
        audit.record(
            "exercise.preparation_removed", subject=f"exercise:{exercise}", actor=actor, data={"rows": len(rows)}
        )
    return len(rows)
