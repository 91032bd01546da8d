"""Every "no" is kept with the inputs it was made from, even though the request itself is rolled back."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from core import audit
from core.actors import Actor
from core.personal import in_history
from incidents.models import Incident
from remediation.models import ActionRun, Refusal
from remediation.policy import Target
from remediation.refused import Refused


@dataclass(frozen=True, slots=True)
class Subject:
    """What was refused, of whatever stage."""

    action: str
    target_kind: str
    target_id: int
    target_name: str
    incident: Incident | None = None
    run: ActionRun | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_run(cls, run: ActionRun, **inputs: Any) -> "Subject":
        told = {"arguments": run.arguments, "decision": run.decision, "status": run.status, **inputs}
        return cls(run.action, run.target_kind, run.target_id, run.target_name, run.incident, run, told)

    @classmethod
    def of_request(cls, action: str, target: Target, incident: Incident | None, **inputs: Any) -> "Subject":
        return cls(action, target.kind, target.pk, str(target), incident, None, inputs)

    @property
    def thread(self) -> str:
        if self.run is not None:
            return self.run.thread
        return self.incident.thread if self.incident else f"{self.target_kind}:{self.target_id}"


@contextmanager
def recording_refusals(subject: Subject, *, stage: str, actor: Actor) -> Iterator[None]:
    """Write a `Refused` of the block down, after its transaction was rolled back, and let it go on.

    `stage` is request, decision or execution. The block brings its own transaction.
    """
    try:
        yield
    except Refused as refusal:
        record_refusal(refusal, stage=stage, subject=subject, actor=actor)
        raise


def record_refusal(refusal: Refused, *, stage: str, subject: Subject, actor: Actor) -> None:
    with transaction.atomic():
        Refusal.objects.create(
            stage=stage,
            code=refusal.code,
            message=refusal.message[:500],
            action=subject.action,
            target_kind=subject.target_kind,
            target_id=subject.target_id,
            target_name=subject.target_name[:320],
            rule=refusal.rule,
            inputs={**subject.inputs, "said": refusal.inputs, "asked": refusal.asked},
            actor=actor.as_json(),
            run_id=subject.run.pk if subject.run else None,
            incident=subject.incident,
        )
        audit.record(
            "run.refused",
            subject=f"run:{subject.run.pk}" if subject.run else f"{subject.target_kind}:{subject.target_id}",
            thread=subject.thread,
            actor=actor,
            reason=refusal.message,
            data={
                "stage": stage,
                "code": refusal.code,
                "action": subject.action,
                "target": in_history(subject.target_kind, subject.target_id, subject.target_name),
                "rule": refusal.rule,
            },
        )
