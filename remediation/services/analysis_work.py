"""What the analysis host does: take a sample on lease, bring its report back. And what happens when it does not."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from connectors.sandbox.limits import Limits
from connectors.sandbox.run import AnalysisFailed, analyse
from core import blobs, clock, jobs
from core.actors import Actor
from remediation.analysis_report import clean_report
from remediation.analysis_settings import run_seconds, runs_here
from remediation.enums import AnalysisState
from remediation.lifecycle import ANALYSIS_STATE
from remediation.models import DeepAnalysis
from remediation.services.analysis import announce
from remediation.services.sample_custody import note_analysed

HERE = Actor.system("analysis on this host")
SWEEPER = Actor.system("deep analysis")
# Room for fetching the sample and sending the report, beyond what the sandbox itself may take.
MARGIN = timedelta(seconds=120)
ATTEMPTS = 2
WAKE = "remediation.tasks.settle_analyses"


class LeaseLost(Exception):
    """Nobody holds this lease, or not any more."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the analysis host is given; `lease` is a secret that is never stored."""

    analysis: DeepAnalysis
    lease: str
    run_s: int


def claim(*, actor: Actor, host: str) -> Order | None:
    """The oldest that waits, or None."""
    seconds = run_seconds()
    until = clock.real_now() + timedelta(seconds=Limits(run_s=seconds).total_s) + MARGIN
    with transaction.atomic():
        rows = DeepAnalysis.objects.to_analyse().select_for_update(skip_locked=True, of=("self",))
        analysis = rows.select_related("incident", "device", "sample", "file").first()
        if analysis is None:
            return None
        lease = secrets.token_urlsafe(32)
        ANALYSIS_STATE.move(
            analysis, AnalysisState.ANALYZING, actor=actor, thread=analysis.thread, stage="Runs in the sandbox",
            lease=_digest(lease), lease_until=until, attempts=analysis.attempts + 1, host=host[:120],
            began=clock.now(), version=analysis.version + 1,
        )  # fmt: skip
        note_analysed(analysis, actor=actor)
        announce(analysis)
    return Order(analysis, lease, seconds)


def sample_of(analysis_id: int, *, lease: str) -> bytes:
    """Raises `LeaseLost`."""
    analysis = _leased(analysis_id, lease)
    if analysis.sample is None:
        raise LeaseLost("The sample is gone.")
    return blobs.read(analysis.sample)


def store_report(analysis_id: int, *, lease: str, told: object, actor: Actor) -> DeepAnalysis:
    """Keep what came, checked and bounded; a report that is about another content fails. Raises `LeaseLost` and
    `ValidationError`."""
    report = clean_report(told)
    with transaction.atomic():
        analysis = _leased(analysis_id, lease, lock=True)
        digest = report["static"]["sha256"]
        if digest and analysis.sample is not None and digest != analysis.sample.sha256:
            raise ValidationError({"report": "The report is about another file."})
        ANALYSIS_STATE.move(
            analysis, AnalysisState.COMPLETED, actor=actor, thread=analysis.thread, stage="", report=report, lease="",
            lease_until=None, ended=clock.now(), version=analysis.version + 1,
            data={"behaviours": len(report["behaviours"]), "ran": report["dynamic"]["ran"]},
        )  # fmt: skip
        announce(analysis)
        jobs.wake(WAKE)
    return analysis


def store_failure(analysis_id: int, *, lease: str, code: str, message: str, actor: Actor) -> DeepAnalysis:
    """The analysis host could not. Raises `LeaseLost`."""
    with transaction.atomic():
        analysis = _leased(analysis_id, lease, lock=True)
        fail(analysis, code=code, message=message, actor=actor)
    return analysis


def fail(analysis: DeepAnalysis, *, code: str, message: str, actor: Actor) -> None:
    """End it without a report."""
    ANALYSIS_STATE.move(
        analysis, AnalysisState.FAILED, actor=actor, thread=analysis.thread, reason=message[:300], stage="",
        error_code=code[:40], error_message=message[:300], lease="", lease_until=None, ended=clock.now(),
        version=analysis.version + 1,
    )  # fmt: skip
    announce(analysis)


def take_back_lost() -> int:
    """Those whose host was lost wait again, and fail when that happened too often."""
    taken = 0
    for pk in list(DeepAnalysis.objects.lost().values_list("pk", flat=True)[:20]):
        with transaction.atomic():
            rows = DeepAnalysis.objects.lost().select_for_update(skip_locked=True, of=("self",))
            analysis = rows.select_related("incident", "device").filter(pk=pk).first()
            if analysis is None:
                continue
            taken += 1
            if analysis.attempts >= ATTEMPTS or analysis.sample_id is None:
                fail(analysis, code="host_lost", message="The analysis host did not come back, twice.", actor=SWEEPER)
                continue
            ANALYSIS_STATE.move(
                analysis, AnalysisState.QUEUED, actor=SWEEPER, thread=analysis.thread, lease="", lease_until=None,
                stage="Waits again: the analysis host did not come back", reason="The analysis host did not come back.",
            )  # fmt: skip
            announce(analysis)
    return taken


def analyse_one_here() -> bool:
    """On the portal's own host, where an administrator allowed it: one analysis from start to end."""
    order = claim(actor=HERE, host="this host") if runs_here() else None
    if order is None:
        return False
    pk = order.analysis.pk
    try:
        content = sample_of(pk, lease=order.lease)
        store_report(pk, lease=order.lease, told=_analysed(content, order), actor=HERE)
    except AnalysisFailed as failed:
        store_failure(pk, lease=order.lease, code=failed.code, message=failed.message, actor=HERE)
    except ValidationError as error:
        store_failure(pk, lease=order.lease, code="bad_report", message=" ".join(error.messages), actor=HERE)
    return True


def _analysed(content: bytes, order: Order) -> Mapping[str, Any]:
    return analyse(content, order.analysis.name, Limits(run_s=order.run_s))


def _leased(analysis_id: int, lease: str, *, lock: bool = False) -> DeepAnalysis:
    rows = DeepAnalysis.objects.select_related("sample", "incident", "device", "file")
    rows = rows.select_for_update(of=("self",)) if lock else rows
    analysis = rows.filter(pk=analysis_id, state=AnalysisState.ANALYZING).first()
    if analysis is None or not analysis.lease or not hmac.compare_digest(analysis.lease, _digest(lease)):
        raise LeaseLost("Nobody holds this lease.")
    return analysis


def _digest(lease: str) -> str:
    return hashlib.sha256(lease.encode("utf-8", "replace")).hexdigest()
