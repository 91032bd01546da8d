"""Runs go where their incident went."""

from remediation.models import ActionRun, Custody, Recovery, Sweep, SweepFinding


def incident_merged(*, source_id: int, target_id: int) -> None:
    """Listener of `incident.merged`: told twice it does the same as told once."""
    ActionRun.objects.filter(incident=source_id).update(incident=target_id)
    Custody.objects.filter(incident=source_id).update(incident=target_id)
    Sweep.objects.filter(incident=source_id).update(incident=target_id)
    known = SweepFinding.objects.filter(incident=target_id).values_list("device_id", "digest")
    for finding in SweepFinding.objects.filter(incident=source_id):
        if (finding.device_id, finding.digest) not in set(known):
            SweepFinding.objects.filter(pk=finding.pk).update(incident=target_id)
    there = Recovery.objects.filter(incident=target_id).values("device")
    Recovery.objects.filter(incident=source_id).exclude(device__in=there).update(incident=target_id)
