"""Verify, then say done. What the remote side reports is a claim; what is observed there is the outcome."""

import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction

from connectors.enums import FINAL_STATES, DeliveryState
from connectors.models import Delivery
from connectors.ports import ObservedState
from connectors.services.deliver import target_of as remote_target_of
from connectors.services.observe import observe
from core import clock
from remediation import policy
from remediation.catalog import get
from remediation.catalog.words import said as in_words
from remediation.enums import OPEN_STATUSES, RunStatus
from remediation.models import ActionRun
from remediation.services.claims import look_again, still_claimed
from remediation.services.control import facet_of, set_observed
from remediation.services.notes import attach, note
from remediation.services.outcome import EXECUTOR, end_run, pass_through_start
from remediation.services.report import copy_report, take_over

# An effect may come later than the word of it: look again after these seconds before calling it a failure.
LOOKS_S = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
# An unknown outcome is asked about again, ever more seldom, for a day.
ASK_AGAIN_S = (60.0, 300.0, 900.0, 3_600.0)
ASKED_FOR = timedelta(days=1)
PROBE = "probe-report.json"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of the run; `status` None means to look again in `pause_s` seconds."""

    status: RunStatus | None
    detail: str = ""
    pause_s: float = 0.0


def verify(run: ActionRun, delivery: Delivery) -> None:
    """Look at the target once and draw the conclusion. The looking happens outside any transaction."""
    observed = observe(delivery.connection, remote_target_of(delivery), run.facet, key_of_facet(run))
    with transaction.atomic():
        held = still_claimed(run)
        if held is None or not (held.is_open or held.status == RunStatus.UNKNOWN):
            return
        if delivery.state in {DeliveryState.CANCELLED, DeliveryState.EXPIRED}:
            take_over(held, delivery)
            return
        copy_report(held, delivery)
        _conclude(held, delivery, observed)


def key_of_facet(run: ActionRun) -> str:
    """What the connector is asked about within the facet."""
    return str(
        run.arguments.get("file_key")
        or run.arguments.get("entry")
        or run.arguments.get(get(run.action).facet_argument)
        or ""
    )


def _conclude(run: ActionRun, delivery: Delivery, observed: ObservedState) -> None:
    set_observed(run, observed=observed, actor=EXECUTOR, target=policy.target_of(run))
    looks = int(run.verification.get("looks", 0)) + 1
    matches = as_wanted(run, delivery, observed)
    verdict = judge(
        DeliveryState(delivery.state),
        observed,
        matches=matches,
        looks=looks,
        wanted=get(run.action).wanted_of(run.arguments),
        said=delivery.error,
    )
    verification = {
        "done": matches and verdict.status == RunStatus.SUCCEEDED,
        "method": observed.method,
        "at": (observed.at or clock.now()).isoformat(),
        "detail": verdict.detail,
        "wanted": get(run.action).wanted_of(run.arguments),
        "observed": observed.value if observed.known else None,
        "looks": looks,
    }
    if verdict.status is None:
        pass_through_start(run, actor=EXECUTOR)
        ActionRun.objects.filter(pk=run.pk).update(verification=verification)
        note(run, f"{verdict.detail} Looking again.", origin=f"look-{min(looks, 3)}")
        look_again(run, verdict.pause_s)
        return
    still_silent = delivery.state not in FINAL_STATES
    if run.status == RunStatus.UNKNOWN and (verdict.status == RunStatus.UNKNOWN or (still_silent and _newer(run))):
        _ask_again(run, verification)
        return
    _attach_probe(run, delivery, observed, verification)
    end_run(
        run,
        status=verdict.status,
        detail=verdict.detail,
        actor=EXECUTOR,
        verification=verification,
        progress=100 if verification["done"] else run.progress,
    )
    if verdict.status == RunStatus.UNKNOWN:
        look_again(run, ASK_AGAIN_S[0])


def as_wanted(run: ActionRun, delivery: Delivery, observed: ObservedState) -> bool:
    """Whether exactly what was asked for is seen."""
    action = get(run.action)
    if not observed.known or observed.value != action.wanted_of(run.arguments):
        return False
    if action.by_order and observed.attributes.get("order") != delivery.idempotency_key:
        return False
    return all(observed.attributes.get(name) == run.arguments.get(name) for name in action.wanted_arguments)


def judge(
    state: DeliveryState, observed: ObservedState, *, matches: bool, looks: int, wanted: str, said: str
) -> Verdict:
    """The table of conclusions: what was reported against what was seen."""
    seen = f"observed: {in_words(observed.value)}" if observed.known else f"not observable: {observed.detail}"
    if state == DeliveryState.SUCCEEDED:
        return _judge_success(observed, seen, matches=matches, looks=looks)
    if state == DeliveryState.PARTIALLY_SUCCEEDED:
        return Verdict(RunStatus.PARTIALLY_SUCCEEDED, f"{said or 'Only part was done.'} ({seen})")
    if state == DeliveryState.FAILED:
        return Verdict(RunStatus.FAILED, f"{said or 'The remote side failed.'} ({seen})")
    if matches:
        return Verdict(RunStatus.SUCCEEDED, f"No answer, but verified: {in_words(observed.value)}.")
    if state == DeliveryState.TIMED_OUT and observed.known:
        return Verdict(RunStatus.TIMED_OUT, f"No result in time; {in_words(wanted)} was wanted, {seen}.")
    return Verdict(RunStatus.UNKNOWN, f"No answer from the remote side; {in_words(wanted)} was wanted, {seen}.")


def _judge_success(observed: ObservedState, seen: str, *, matches: bool, looks: int) -> Verdict:
    if matches:
        return Verdict(RunStatus.SUCCEEDED, f"Verified: {in_words(observed.value)}.")
    if looks <= len(LOOKS_S):
        return Verdict(None, f"Not verified yet ({seen}).", LOOKS_S[looks - 1])
    if observed.known:
        return Verdict(RunStatus.FAILED, f"Reported as done, but it is not so ({seen}).")
    return Verdict(RunStatus.UNKNOWN, f"Reported as done, but {seen}.")


def _ask_again(run: ActionRun, verification: dict[str, Any]) -> None:
    """Still unknown: ask again later, unless a newer run has taken the facet over or a day has passed."""
    asked = int(run.verification.get("asked", 0)) + 1
    ActionRun.objects.filter(pk=run.pk).update(verification={**verification, "asked": asked})
    gone = run.ended is not None and clock.now() - run.ended > ASKED_FOR
    if gone or _newer(run):
        ActionRun.objects.filter(pk=run.pk).update(next_step_at=None)
        note(run, "No longer asked about: the outcome stays unknown.", origin="asked-enough")
    else:
        look_again(run, ASK_AGAIN_S[min(asked, len(ASK_AGAIN_S)) - 1])


def _newer(run: ActionRun) -> bool:
    """Whether what is seen on the facet is a newer run's doing."""
    newer = ActionRun.objects.filter(**facet_of(run), pk__gt=run.pk)
    return newer.filter(status__in=[*OPEN_STATUSES, RunStatus.SUCCEEDED]).exists()


def _attach_probe(run: ActionRun, delivery: Delivery, observed: ObservedState, verification: dict[str, Any]) -> None:
    report = {
        "run": run.number,
        "action": run.action,
        "target": run.target_name,
        "remote_id": run.remote_id,
        "simulated": run.simulated,
        "reported": delivery.state,
        "observed": asdict(observed),
        "verification": verification,
    }
    content = json.dumps(report, cls=DjangoJSONEncoder, indent=2, ensure_ascii=True).encode()
    attach(run, content, name=PROBE, media_type="application/json")
