"""Asking for a deep analysis: whose file, which copy of it, and that it is not under way already."""

import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts import keys
from accounts.models import User
from connectors.sandbox.limits import MAX_SAMPLE
from core import audit, blobs, clock, jobs, live
from core.actors import Actor
from core.models import Blob
from incidents.models import Device, File, Incident
from incidents.services.facts import FileFacts
from incidents.services.resolve_entities import resolve_files
from remediation import policy
from remediation.analysis_settings import keep_days, runs_here
from remediation.enums import AnalysisState, SampleSource
from remediation.lifecycle import ANALYSIS_STATE
from remediation.models import ActionRun, DeepAnalysis, RunArtefact
from remediation.refused import Refused
from remediation.services.analysis_collect import ask_devices, device_of
from remediation.services.request import clean_comment
from remediation.services.sample_custody import take_sample

# Without a device that sends it by then, collecting is given up.
COLLECT_WITHIN = timedelta(hours=3)
MOST_OPEN = 200


@dataclass(frozen=True, slots=True)
class Sample:
    """A copy that somebody brings along."""

    content: bytes
    name: str


@dataclass(slots=True)
class _Copy:
    """Where the sample is: in `blob`, or on its way from `device` by `run`."""

    source: SampleSource
    blob: Blob | None = None
    device: Device | None = None
    run: ActionRun | None = None


def request_analysis(
    subject: File | Sample,
    *,
    reason: object,
    actor: Actor,
    user: User,
    incident: Incident | None = None,
    device: Device | None = None,
    source: SampleSource = SampleSource.UPLOAD,
    exercise: str = "",
) -> DeepAnalysis:
    """Submit a file whose copy is stored or lies on a connected device, or a copy that is brought along (`source` says
    from where; `device` then names whose it is). Raises `ValidationError` and `Refused`."""
    policy.check_permissions(user, (keys.REQUEST_ANALYSIS,), to_do="submit files to deep analysis")
    if isinstance(subject, Sample) and source == SampleSource.UPLOAD:
        policy.check_permissions(user, (keys.UPLOAD_SAMPLES,), to_do="upload samples")
    said, by = clean_comment(reason), replace(actor, person_id=user.pk)
    among_few = device is not None or incident is not None or not user.scope.everything
    file = subject if isinstance(subject, File) else _file_of(subject, exercise, named=not among_few)
    policy.check_target_in_scope(user, file, to_do="submit it")
    _refuse_second(file, user)
    if isinstance(subject, File):
        copy = _find_copy(file, device, said, actor=by, user=user, incident=incident)
    else:
        copy = _Copy(source, _keep(subject.content, subject.name), device)
    name = subject.name if isinstance(subject, Sample) else file.display_name
    fields = {
        "file": file, "name": name[:255], "sample": copy.blob, "source": copy.source, "device": copy.device,
        "run": copy.run, "incident": incident, "asked_by": by.as_json(), "reason": said,
        "exercise": exercise or file.exercise,
    }  # fmt: skip
    return _store(fields, actor=by)


def announce(analysis: DeepAnalysis) -> None:
    """Wake the open pages of those who may see it."""
    listeners: dict[str, Any] = {}
    if analysis.incident is not None and analysis.incident.restricted:
        listeners = {"people": list(analysis.incident.restricted_to.values_list("pk", flat=True))}
    elif analysis.device is not None:
        listeners = {"groups": [analysis.device.device_group_id]}
    live.publish("analysis.changed", analysis.pk, **listeners)
    live.publish("target.changed", f"file:{analysis.file_id}", **listeners)


def wake_worker() -> None:
    """Where an administrator allowed it, the worker of this host looks at once."""
    if runs_here():
        jobs.wake("remediation.tasks.analyse_here")


def stored_copy(file: File, user: User) -> Blob | None:
    """A copy of exactly this content that the portal holds and this person may know of."""
    if not file.sha256:
        return None
    analysed = DeepAnalysis.objects.visible_to(user).filter(file=file, sample__sha256=file.sha256)
    found = analysed.select_related("sample").order_by("-pk").first()
    if found is not None:
        return found.sample
    runs = ActionRun.objects.visible_to(user)
    artefacts = RunArtefact.objects.filter(blob__sha256=file.sha256, run__in=runs.values("pk"))
    artefact = artefacts.select_related("blob").order_by("-pk").first()
    return artefact.blob if artefact is not None else None


def _store(fields: dict[str, Any], *, actor: Actor) -> DeepAnalysis:
    now = clock.now()
    try:
        with transaction.atomic():
            analysis = DeepAnalysis.objects.create(**fields)
            collecting = analysis.sample_id is None
            wanted = AnalysisState.COLLECTING_SAMPLE if collecting else AnalysisState.QUEUED
            also = {"collect_until": now + COLLECT_WITHIN} if collecting else {"submitted": now}
            stage = "Asked a device for the file" if collecting else "Waits for the analysis host"
            data = {"file": f"file:{analysis.file_id}", "source": str(analysis.source)}
            ANALYSIS_STATE.move(analysis, wanted, actor=actor, thread=analysis.thread, reason=analysis.reason,
                                data=data, stage=stage, **also)  # fmt: skip
            take_sample(analysis)
            announce(analysis)
            wake_worker()
    except IntegrityError:
        raise Refused("conflict", "An analysis of this file is under way.") from None
    return analysis


def _file_of(sample: Sample, exercise: str, *, named: bool) -> File:
    """The file of this content, made when it is new. A file that no alert names is seen by everybody: what only some
    may see gets its digest for a name there, and its own in the analysis."""
    if not 0 < len(sample.content) <= MAX_SAMPLE:
        raise ValidationError({"content": f"A sample has 1 to {MAX_SAMPLE:,} bytes."})
    digest = hashlib.sha256(sample.content).hexdigest()
    name = (sample.name[:255] or "sample") if named else digest[:16]
    facts = FileFacts(sha256=digest, name=name, size=len(sample.content),
                      sha1=hashlib.sha1(sample.content, usedforsecurity=False).hexdigest(),
                      md5=hashlib.md5(sample.content, usedforsecurity=False).hexdigest())  # fmt: skip
    resolve_files([facts], at=clock.now(), exercise=exercise)
    return File.objects.get(sha256=digest)


def keep_sample(blob: Blob, name: str) -> Blob:
    """A copy that stays as long as samples do. Raises `Refused` for what is too large to be analysed."""
    if blob.size > MAX_SAMPLE:
        raise Refused("unsupported", f"The file has {blob.size:,} bytes; at most {MAX_SAMPLE:,} are analysed.")
    return blobs.copy(blob, name=name or "sample", media_type="application/octet-stream", for_days=keep_days())


def _keep(content: bytes, name: str) -> Blob:
    return blobs.keep(content, name=name or "sample", media_type="application/octet-stream", for_days=keep_days())


def _refuse_second(file: File, user: User) -> None:
    open_ones = DeepAnalysis.objects.open().filter(file=file)
    if (found := open_ones.first()) is not None:
        seen = DeepAnalysis.objects.visible_to(user).filter(pk=found.pk).exists()
        link = f"/actions/analyses/{found.pk}/" if seen else None
        raise Refused("conflict", "An analysis of this file is under way.", link=link)
    if DeepAnalysis.objects.open().filter(~Q(state=AnalysisState.COLLECTING_SAMPLE)).count() >= MOST_OPEN:
        raise Refused("unavailable", f"{MOST_OPEN} files wait for analysis already. Submit it again later.")


def _find_copy(
    file: File, device: Device | None, reason: str, *, actor: Actor, user: User, incident: Incident | None
) -> _Copy:
    blob = stored_copy(file, user)
    if blob is not None:
        return _Copy(SampleSource.STORED, keep_sample(blob, file.display_name), device)
    run = ask_devices(file, reason=reason, actor=actor, user=user, incident=incident)
    return _Copy(SampleSource.DEVICE, None, device_of(run), run)


def record_download(analysis: DeepAnalysis, *, actor: Actor) -> None:
    """That somebody took the report with them."""
    with transaction.atomic():
        audit.record("analysis.downloaded", subject=f"analysis:{analysis.pk}", thread=analysis.thread, actor=actor)
