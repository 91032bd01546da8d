"""Takes the action runs of an exercise away, with their logs, artefacts, refusals and states in force; and its
indicators and questions to experts."""

from django.db import transaction
from django.db.models import Q

from core import audit
from core.actors import Actor
from core.models import Blob
from incidents.models import Device, File, Identity, Mailbox
from remediation.models import (
    ActionRun,
    ControlState,
    DeepAnalysis,
    ExpertGroup,
    ExpertRequest,
    Hold,
    Indicator,
    IndicatorEnforcement,
    ProtectedAsset,
    Refusal,
    RunArtefact,
)


def forget_exercise(exercise: str, *, actor: Actor) -> int:
    """Delete every run on a target, for an incident or through a connection of the exercise. Call it before those are
    gone."""
    if not exercise:
        raise ValueError("Without a name this would delete the real rows.")
    targets = Q(pk__in=[])
    for model in (Device, File, Identity, Mailbox):
        ids = model._default_manager.filter(exercise=exercise).values("pk")
        targets |= Q(target_kind=model.kind, target_id__in=ids)
    with transaction.atomic():
        runs = ActionRun.objects.filter(
            targets | Q(exercise=exercise) | Q(incident__exercise=exercise) | Q(connection__exercise=exercise)
        )
        Hold.objects.filter(targets).delete()
        ProtectedAsset.objects.filter(targets | Q(exercise=exercise)).delete()
        ControlState.objects.filter(targets | Q(run_id__in=runs.values("pk"))).delete()
        Blob.objects.filter(pk__in=RunArtefact.objects.filter(run__in=runs).values("blob")).delete()
        count = runs.count()
        runs.delete()
        analyses = DeepAnalysis.objects.filter(Q(exercise=exercise) | Q(file__exercise=exercise))
        Blob.objects.filter(pk__in=analyses.exclude(sample=None).values("sample")).delete()
        analyses.delete()
        Indicator.objects.filter(exercise=exercise).delete()
        IndicatorEnforcement.objects.filter(connection__exercise=exercise).delete()
        ExpertRequest.objects.filter(
            Q(exercise=exercise) | Q(asker__exercise=exercise) | Q(expert__exercise=exercise)
        ).delete()
        ExpertRequest.objects.filter(group__exercise=exercise).delete()
        ExpertGroup.objects.filter(exercise=exercise).delete()
        Refusal.objects.filter(targets | Q(incident__exercise=exercise)).delete()
        audit.record("exercise.runs_removed", subject=f"exercise:{exercise}", actor=actor, data={"runs": count})
    return count
