"""A sweep with a finding, a checklist, and a piece of evidence in custody."""

from typing import Any

from accounts.models import User
from core import clock
from incidents.models import Device, File, Incident
from remediation.enums import SweepPartState, SweepState
from remediation.models import ActionRun, QuarantinedItem, RunArtefact, Sweep, SweepFinding, SweepPart
from remediation.services.custody import take_artefact
from remediation.services.recover import start_recovery
from remediation.services.recovery_template import template_steps


def words_of_cleaning(incident: Incident, device: Device, file: File, user: User) -> dict[str, Any]:
    sweep = swept(incident, device, file, user)
    (recovery,) = start_recovery(incident, devices=[device], actor=user.actor, user=user)
    artefact = RunArtefact.objects.order_by("pk").first()
    assert artefact is not None
    custody = take_artefact(artefact)
    run = ActionRun.objects.filter(target_kind="device").latest("pk")
    item = QuarantinedItem.objects.create(
        device=device, file=file, item="1", name="svc_update.exe", path="/tmp/svc_update.exe", sha256=file.sha256,
        size=3, run=run,
    )  # fmt: skip
    step = recovery.steps.first()
    assert step is not None
    finding = sweep.findings.get()
    return {
        "sweep.pk": sweep.pk, "finding.pk": finding.pk, "quarantined.pk": item.pk,
        "remediation:custody.pk": custody.pk, "remediation:export_evidence?": f"?id={custody.pk}",
        "remediation:remove_findings?": f"?id={finding.pk}", "remediation:accept_findings?": f"?id={finding.pk}",
        "remediation:reopen_findings?": f"?id={finding.pk}",
        "remediation.recovery_id": recovery.pk, "remediation.step_id": step.pk,
        "remediation:recovery_steps?": f"?id={recovery.pk}",
        "remediation:edit_recovery_step.pk": template_steps()[0].pk,
    }  # fmt: skip


def swept(incident: Incident, device: Device, file: File, user: User) -> Sweep:
    """A finished sweep that found the file on the device."""
    items = [{"id": "1", "kind": "hash", "value": file.sha256}]
    sweep = Sweep.objects.create(
        incident=incident, reason="Where else?", items=items, asked_by=user.actor.as_json(), asker_id=user.pk,
        source="manual", state=SweepState.FINISHED, ended=clock.now(),
    )  # fmt: skip
    SweepPart.objects.create(sweep=sweep, device=device, state=SweepPartState.ANSWERED, found=1, answered=clock.now())
    finding = SweepFinding.objects.create(
        incident=incident, device=device, kind="hash", value=file.sha256, where="/tmp/svc_update.exe",
        digest=f"{device.pk}", sha256=file.sha256, file=file,
    )  # fmt: skip
    finding.sweeps.add(sweep)
    return sweep
