"""The steps that every new checklist of a recovery gets. Administrators change them; checklists that are under way
stay as they were made."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from core import audit, options
from core.actors import Actor
from core.options import Option
from remediation.enums import StepKind
from remediation.models import RecoveryTemplateStep

WATCH = options.declare(
    Option("recovery.watch_hours", 72, "Recovery: hours that a device is watched", minimum=1, maximum=24 * 90,
           help="A new alert within them opens the incident again.")
)  # fmt: skip
MOST_STEPS = 30
BUILT_IN = (
    (StepKind.CLEANED, "Rebuilt or cleaned", "Set up anew, or swept and nothing of the incident is left on it."),
    (StepKind.CREDENTIALS, "Credentials rotated", "Of every account that was used on it while it was attacked."),
    (StepKind.FREE, "Patched", "The way in is closed: update, setting, removed service."),
    (StepKind.RELEASED, "Released from isolation", "The device says that it is connected, and its agent is heard."),
    (StepKind.WATCHED, "Watched return to the network", "An alert within the watch period opens the incident again."),
)


def template_steps() -> list[RecoveryTemplateStep]:
    """All steps in their order, the built-in ones put there when there is none yet."""
    steps = list(RecoveryTemplateStep.objects.all())
    if not steps:
        RecoveryTemplateStep.objects.bulk_create(
            RecoveryTemplateStep(kind=kind, label=label, help=said, position=10 * (place + 1))
            for place, (kind, label, said) in enumerate(BUILT_IN)
        )
        steps = list(RecoveryTemplateStep.objects.all())
    return steps


def save_step(step: RecoveryTemplateStep, *, values: Mapping[str, Any], actor: Actor) -> RecoveryTemplateStep:
    """Make or change one; what kind a step is stays. Raises `ValidationError`."""
    template_steps()
    made = step._state.adding
    if made and RecoveryTemplateStep.objects.count() >= MOST_STEPS:
        raise ValidationError(f"At most {MOST_STEPS} steps.")
    names = ("label", "help", "position", "required", "enabled")
    before = {name: getattr(step, name) for name in names}
    for name in names:
        if name in values:
            setattr(step, name, values[name])
    step.full_clean()
    if step.kind == StepKind.WATCHED and not step.enabled:
        raise ValidationError("The watched return stays: without it nobody would hear of a relapse.")
    changes = {name: (before[name], getattr(step, name)) for name in names if before[name] != getattr(step, name)}
    with transaction.atomic():
        step.save()
        audit.record(
            "recovery_template.made" if made else "recovery_template.changed", subject=f"recovery_step:{step.pk}",
            actor=actor, changes=changes,
        )  # fmt: skip
    return step
