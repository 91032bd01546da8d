"""Takes the people and device groups of an exercise away; what they did stays in the history under their names."""

from django.db import transaction

from accounts.models import DeviceGroup, User
from accounts.services.device_groups import retire_device_group
from core import audit
from core.actors import Actor


def forget_exercise(exercise: str, *, actor: Actor) -> int:
    """Delete the people of the exercise and retire its groups, whose last devices then find another group."""
    if not exercise:
        raise ValueError("Without a name this would delete the real rows.")
    with transaction.atomic():
        for group in DeviceGroup.objects.filter(exercise=exercise, devices=None, retired=False):
            group.delete()
        for group in DeviceGroup.objects.filter(exercise=exercise, retired=False):
            retire_device_group(group, actor=actor, reason="The exercise was removed.")
        people = User.objects.filter(exercise=exercise).count()
        User.objects.filter(exercise=exercise).delete()
        audit.record("exercise.people_removed", subject=f"exercise:{exercise}", actor=actor, data={"people": people})
    return people
