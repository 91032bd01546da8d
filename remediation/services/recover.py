"""Bringing the devices of an incident back to work, step by step. Nothing is called recovered that is still isolated
or whose agent is silent."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import keys
from accounts.models import User
from connectors.enums import AgentState
from connectors.models import Agent
from connectors.services.agents.heartbeat import is_connected
from core import audit, clock, live, options
from core.actors import Actor
from incidents.models import Device, DeviceBinding, Incident
from incidents.queries.entities import DeviceQuerySet
from notifications.services.tell import tell
from remediation import news_of_recovery, policy
from remediation.enums import Facet, FindingState, RecoveryState, StepKind, StepState
from remediation.lifecycle import RECOVERY_STATE
from remediation.models import ActionRun, ControlState, Recovery, RecoveryStep, SweepFinding
from remediation.refused import Refused
from remediation.services.recovery_template import template_steps

WATCHER = Actor.system("recovery watch")
MOST_DEVICES = 500
LONGEST_H = 24 * 90
MAX_NOTE, MAX_LINK = 2_000, 500
ROTATING = ("identity.force_password_change", "identity.disable", "identity.revoke_sessions")


def devices_of(incident: Incident, user: User) -> DeviceQuerySet:
    """The devices in scope that alerts of the incident name."""
    named = Device.objects.filter(evidence__alert__incident=incident).values("pk")
    return Device.objects.visible_to(user).filter(pk__in=named)


def start_recovery(incident: Incident, *, devices: Iterable[Device], actor: Actor, user: User) -> list[Recovery]:
    """A checklist for each of the devices; one that has a checklist keeps it. Raises `Refused` and
    `ValidationError`."""
    _check_may(user)
    chosen = list(devices)[:MOST_DEVICES]
    known = set(devices_of(incident, user).filter(pk__in=[one.pk for one in chosen]).values_list("pk", flat=True))
    if not chosen or len(known) != len({one.pk for one in chosen}):
        raise ValidationError({"devices": "Choose devices that the incident names and that you see."})
    steps, hours = [step for step in template_steps() if step.enabled], options.get("recovery.watch_hours")
    with transaction.atomic():
        return [_start(incident, device, steps, hours, actor) for device in chosen]


def _start(incident: Incident, device: Device, steps: Sequence[Any], hours: int, actor: Actor) -> Recovery:
    recovery, made = Recovery.objects.get_or_create(
        incident=incident, device=device, defaults={"began_by": actor.as_json(), "watch_hours": hours}
    )
    if made:
        RecoveryStep.objects.bulk_create(
            RecoveryStep(recovery=recovery, kind=one.kind, label=one.label, help=one.help, position=one.position,
                         required=one.required)
            for one in steps
        )  # fmt: skip
        audit.record(
            "recovery.started", subject=f"recovery:{recovery.pk}", thread=recovery.thread, actor=actor,
            data={"device": str(device), "steps": len(steps)},
        )  # fmt: skip
        announce_recovery(recovery)
    return recovery


def set_step(
    step: RecoveryStep, *, state: str, note: object = "", link: object = "", actor: Actor, user: User
) -> RecoveryStep:
    """Say that a step is done, not needed, or open again. What the portal can see it checks. Raises `Refused` and
    `ValidationError`."""
    _check_may(user)
    said, where = _text(note, MAX_NOTE, "Note"), _text(link, MAX_LINK, "Evidence")
    if state not in {StepState.OPEN, StepState.DONE, StepState.SKIPPED}:
        raise ValidationError({"state": "A step is open, done or skipped."})
    if where and not where.startswith(("/", "https://", "http://")):
        raise ValidationError({"link": "A path of the portal or a web address is needed."})
    with transaction.atomic():
        recovery = _locked(step.recovery_id)
        row = RecoveryStep.objects.select_for_update().get(pk=step.pk)
        if row.kind == StepKind.WATCHED:
            raise Refused("unsupported", "The watched return is started, and ends by itself.")
        if recovery.state == RecoveryState.RECOVERED:
            raise Refused("already_ended", "The device is recovered.")
        if state == StepState.DONE and (why := why_not_done(row, recovery)):
            raise Refused("not_so", why)
        if state == StepState.SKIPPED and not said:
            raise ValidationError({"note": "Say why the step is not needed."})
        before = row.state
        row.state, row.note, row.link = state, said, where
        row.by, row.at = (None, None) if state == StepState.OPEN else (actor.as_json(), clock.now())
        row.save()
        if row.kind == StepKind.CREDENTIALS:
            row.runs.set(rotations_of(recovery))
        audit.record(
            "recovery.step", subject=f"recovery:{recovery.pk}", thread=recovery.thread, actor=actor, reason=said,
            changes={"state": (before, state)}, data={"step": row.label, "device": str(recovery.device)},
        )  # fmt: skip
        _touch(recovery)
    return row


def set_steps(
    recoveries: Sequence[Recovery], *, kind: str, state: str, note: object, actor: Actor, user: User
) -> list[tuple[Recovery, str]]:
    """The steps of one kind (or label) on many devices; answers those that could not, with the reason."""
    refused = []
    for recovery in recoveries:
        try:
            if kind == StepKind.WATCHED:
                start_watch(recovery, actor=actor, user=user)
                continue
            steps = [one for one in recovery.steps.all() if kind in {one.kind, one.label}]
            if not steps:
                refused.append((recovery, "Its checklist has no such step."))
            for step in steps:
                set_step(step, state=state, note=note, actor=actor, user=user)
        except Refused as no:
            refused.append((recovery, no.message))
        except ValidationError as error:
            refused.append((recovery, " ".join(error.messages)))
    return refused


def start_watch(recovery: Recovery, *, hours: int | None = None, actor: Actor, user: User) -> Recovery:
    """Begin the watch period once everything before it is done. Raises `Refused`."""
    _check_may(user)
    if hours is not None and not 1 <= hours <= LONGEST_H:
        raise ValidationError({"hours": f"Between 1 and {LONGEST_H:,} hours."})
    with transaction.atomic():
        row = _locked(recovery.pk)
        if row.state != RecoveryState.OPEN:
            raise Refused("already_ended", f"It is {row.get_state_display().lower()} already.")
        waiting = row.steps.filter(required=True, state__in=[StepState.OPEN, StepState.FAILED])
        if left := list(waiting.exclude(kind=StepKind.WATCHED).values_list("label", flat=True)):
            raise Refused("not_so", f"Still open: {', '.join(left)}.")
        if why := why_not_back(row.device):
            raise Refused("not_so", why)
        now = clock.now()
        lasts = timedelta(hours=hours or row.watch_hours)
        RECOVERY_STATE.move(
            row, RecoveryState.WATCHED, actor=actor, thread=row.thread, watch_since=now, watch_until=now + lasts,
            watch_hours=hours or row.watch_hours, version=row.version + 1, alert=None, detail="",
        )  # fmt: skip
        row.steps.filter(kind=StepKind.WATCHED).update(state=StepState.OPEN, by=actor.as_json(), at=now, note="")
        announce_recovery(row)
    return row


def reopen_recovery(recovery: Recovery, *, reason: object, actor: Actor, user: User) -> Recovery:
    """Go through it again, after a relapse or because something was overlooked. Raises `Refused`."""
    _check_may(user)
    said = _text(reason, MAX_NOTE, "Reason")
    if not said:
        raise ValidationError({"reason": "Say why."})
    with transaction.atomic():
        row = _locked(recovery.pk)
        if row.state == RecoveryState.OPEN:
            raise Refused("nothing_to_do", "It is open.")
        RECOVERY_STATE.move(
            row, RecoveryState.OPEN, actor=actor, thread=row.thread, reason=said, watch_since=None, watch_until=None,
            ended=None, version=row.version + 1,
        )  # fmt: skip
        row.steps.filter(kind=StepKind.WATCHED).update(state=StepState.OPEN, by=None, at=None)
        announce_recovery(row)
    return row


def finish_due() -> int:
    """End the watch periods that are over; a device that is not back by then stays watched and says why."""
    ended = 0
    for pk in Recovery.objects.watched().filter(watch_until__lte=clock.now()).values_list("pk", flat=True)[:200]:
        with transaction.atomic():
            row = _locked(pk)
            if row.state != RecoveryState.WATCHED:
                continue
            if why := why_not_back(row.device):
                if row.detail != why:
                    Recovery.objects.filter(pk=pk).update(detail=why[:500])
                    announce_recovery(row)
                continue
            _finish(row)
            ended += 1
    return ended


def _finish(row: Recovery) -> None:
    now = clock.now()
    RECOVERY_STATE.move(
        row, RecoveryState.RECOVERED, actor=WATCHER, thread=row.thread, ended=now, version=row.version + 1,
        detail="", reason=f"{row.device}: nothing happened in {row.watch_hours} hours.",
    )  # fmt: skip
    row.steps.filter(kind=StepKind.WATCHED).update(state=StepState.DONE, at=now, by=WATCHER.as_json())
    tell(
        news_of_recovery.DONE, subject=row.thread, title=f"{row.device} is recovered",
        url=f"/incidents/{row.incident_id}/recovery/", device_group_ids=[row.device.device_group_id],
        once=f"recovery:{row.pk}:{row.version}", facts={"incident": row.incident_id}, actor=WATCHER,
    )  # fmt: skip
    announce_recovery(row)


def why_not_done(step: RecoveryStep, recovery: Recovery) -> str:
    """What the portal sees that speaks against it; empty when nothing does."""
    if step.kind == StepKind.RELEASED:
        return why_not_back(recovery.device)
    if step.kind == StepKind.CLEANED:
        left = SweepFinding.objects.filter(incident=recovery.incident_id, device=recovery.device_id)
        count = left.filter(state__in=[FindingState.FOUND, FindingState.ASKED]).count()
        if count:
            return f"The last sweep still found {count} of the incident's traces on it: remove or accept them first."
    return ""


def why_not_back(device: Device) -> str:
    """Why it is not back at work: still cut off, or nobody hears of it."""
    state = ControlState.objects.of_target(device).filter(facet=Facet.NETWORK, facet_key="").first()
    if state is not None and "isolated" in {state.desired, state.observed}:
        return f"{device} is still isolated."
    bindings = DeviceBinding.objects.filter(device=device).values_list("remote_id", flat=True)
    for agent in Agent.objects.filter(device_id__in=list(bindings)):
        if agent.state != AgentState.APPROVED:
            return f"The agent of {device} is {agent.get_state_display().lower()}."
        if not is_connected(agent):
            return f"The agent of {device} is silent."
    return ""


def rotations_of(recovery: Recovery) -> Any:
    """The runs of the incident that took accounts out of an attacker's hands."""
    return ActionRun.objects.filter(incident=recovery.incident_id, action__in=ROTATING).order_by("pk")


def announce_recovery(recovery: Recovery) -> None:
    live.publish("recovery.changed", recovery.incident_id, groups=[recovery.device.device_group_id])


def _touch(recovery: Recovery) -> None:
    recovery.version += 1
    recovery.save(update_fields=["version"])
    announce_recovery(recovery)


def _locked(pk: int) -> Recovery:
    rows = Recovery.objects.select_for_update(of=("self",)).select_related("device", "incident")
    found: Recovery = rows.get(pk=pk)
    return found


def _check_may(user: User) -> None:
    policy.check_permissions(user, (keys.REQUEST_RESPONSE,), to_do="recover devices")


def _text(value: object, most: int, label: str) -> str:
    text = value.replace("\x00", "").strip() if isinstance(value, str) else ""
    if len(text) > most:
        raise ValidationError(f"{label}: at most {most:,} characters.")
    return text
