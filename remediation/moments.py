"""What this room adds to the story of an incident beside its runs: indicators made for it, and the way back to work."""

from collections.abc import Iterator

from core.actors import Actor
from core.wording import cut_middle, defang
from incidents.models import Incident
from incidents.moments import Moment
from remediation.enums import IndicatorDeed, IndicatorType, RecoveryState, StepState
from remediation.models import Indicator, IndicatorChange, Recovery, RecoveryStep

ADDRESSES = frozenset({IndicatorType.IP, IndicatorType.URL, IndicatorType.DOMAIN})
# What people remember of an indicator: that it came, and that it went.
DEEDS = {IndicatorDeed.REMOVED: "removed", IndicatorDeed.EXPIRED: "expired"}
STEPS = {StepState.DONE: ("us", "done", "ok"), StepState.SKIPPED: ("us", "not needed", ""),
         StepState.FAILED: ("other", "failed", "danger")}  # fmt: skip
ENDS = {RecoveryState.RECOVERED: ("us", "recovered", "ok"),
        RecoveryState.FAILED: ("other", "recovery failed", "danger")}  # fmt: skip


def of_indicators(incident: Incident) -> Iterator[Moment]:
    """Each indicator that was made for the incident, and when it went out of force."""
    rows = Indicator.objects.filter(incident=incident)
    for one in rows:
        yield Moment(one.created, "us", f"{one.number} made: {_said(one)}", f"{one.maker.name}: {one.title}")
    for change in IndicatorChange.objects.filter(indicator__in=rows, deed__in=list(DEEDS), undone=False).select_related(
        "indicator"
    ):
        word = DEEDS[IndicatorDeed(change.deed)]
        text = f"{change.indicator.number} {word}: {_said(change.indicator)}"
        yield Moment(change.at, "us", text, f"{change.by.name}: {change.reason}".removesuffix(": "))


def _said(indicator: Indicator) -> str:
    value = defang(indicator.value) if indicator.type in ADDRESSES else cut_middle(indicator.value, 16, 8)
    return f"{str(indicator.get_action_display()).lower()} {value}"


def of_recoveries(incident: Incident) -> Iterator[Moment]:
    """Of each device that was brought back: the begin, every step that was settled, the watch, and how it ended."""
    for one in Recovery.objects.filter(incident=incident).select_related("device"):
        name = str(one.device)
        yield Moment(one.began, "us", f"Recovery of {name} begun", Actor.from_json(one.began_by).name)
        if one.watch_since:
            yield Moment(one.watch_since, "us", f"{name} is back at work and watched for {one.watch_hours} h")
        if one.ended and one.state in ENDS:
            kind, word, tone = ENDS[RecoveryState(one.state)]
            yield Moment(one.ended, kind, f"{name}: {word}", one.detail, tone=tone)
    steps = RecoveryStep.objects.filter(recovery__incident=incident, at__isnull=False, state__in=list(STEPS))
    for step in steps.select_related("recovery__device"):
        kind, word, tone = STEPS[StepState(step.state)]
        if step.at is not None:
            who = Actor.from_json(step.by).name if step.by else "The portal"
            detail = f"{who}: {step.note}" if step.note else who
            yield Moment(step.at, kind, f"Recovery of {step.recovery.device}: {step.label}: {word}", detail, tone=tone)
