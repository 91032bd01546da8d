"""Getting rid of what a sweep found, through the ordinary actions, or accepting it with a reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from accounts import keys
from accounts.models import User
from core import clock
from core.actors import Actor
from incidents.models import Device, File
from remediation import policy
from remediation.enums import FindingState, IndicatorAction, IndicatorSource, IndicatorType, Source, SweepItemKind
from remediation.lifecycle import FINDING_STATE
from remediation.models import ActionRun, Indicator, SweepFinding
from remediation.policy import Target
from remediation.refused import Refused
from remediation.services.request import clean_comment, request_action
from remediation.services.set_indicator import create_indicator

MOST = 200
QUARANTINE, DISABLE = "file.quarantine", "identity.disable"
_TYPES = {SweepItemKind.ADDRESS: IndicatorType.IP, SweepItemKind.DOMAIN: IndicatorType.DOMAIN}
NO_HASH = "The device told no hash of a file of its own, so no order can name it: many share it, or it is no file."
NO_ACCOUNT = "No account of this name, or more than one, is known to the portal."


@dataclass(frozen=True, slots=True)
class Removal:
    """What became of one finding. `run` or `indicator` is what was asked for."""

    finding: SweepFinding
    ok: bool
    message: str = ""
    code: str = ""
    run: ActionRun | None = None
    indicator: Indicator | None = None


def way_of(finding: SweepFinding) -> tuple[str, Target | None]:
    """Which action removes it and on what; the target is None when nothing can be named."""
    if finding.kind == SweepItemKind.ACCOUNT:
        return DISABLE, finding.identity
    if finding.kind in _TYPES:
        return "indicator", None
    return QUARANTINE, finding.file


def remove_findings(
    findings: Sequence[SweepFinding], *, reason: object, actor: Actor, user: User, source: str = Source.MANUAL
) -> list[Removal]:
    """Ask for the removal of each; one that is refused stops no other. Findings of the same file, account or address
    share one request. Raises `ValidationError` when the reason is missing."""
    said = clean_comment(reason)
    if not findings:
        raise ValidationError({"ids": "Check at least one finding."})
    made: dict[tuple[str, object], Removal] = {}
    done = []
    for finding in list(findings)[:MOST]:
        key = _shared(finding)
        if key not in made:
            made[key] = _ask(finding, said, actor=actor, user=user, source=source)
        first = made[key]
        if first.ok:
            _mark(finding, first, said, actor)
        done.append(Removal(finding, first.ok, first.message, first.code, first.run, first.indicator))
    return done


def _shared(finding: SweepFinding) -> tuple[str, object]:
    action, target = way_of(finding)
    return (action, target.pk) if target is not None else (action, finding.value if action == "indicator" else finding)


def _ask(finding: SweepFinding, said: str, *, actor: Actor, user: User, source: str) -> Removal:
    action, target = way_of(finding)
    if why := _why_not(finding, action, target):
        return Removal(finding, ok=False, code="nothing_to_do", message=why)
    try:
        if target is None:
            made = _block(finding, said, actor=actor, user=user, source=source)
            return Removal(finding, ok=True, indicator=made, message=f"{made.number} blocks it.")
        run = request_action(
            action, target=target, comment=said, actor=actor, user=user, incident=finding.incident, source=source
        )
    except Refused as refused:
        if refused.code == "conflict" and refused.run is not None and refused.run.action == action:
            return Removal(finding, ok=True, run=refused.run, message=f"{refused.run.number} is under way already.")
        return Removal(finding, ok=False, code=refused.code, message=refused.message)
    except ValidationError as error:
        return Removal(finding, ok=False, code="invalid", message=" ".join(error.messages))
    return Removal(finding, ok=True, run=run, message=f"{run.number}: {run.get_decision_display().lower()}.")


def _why_not(finding: SweepFinding, action: str, target: Target | None) -> str:
    if finding.state == FindingState.REMOVED:
        return "It is removed already."
    if target is not None or action == "indicator":
        return ""
    return NO_ACCOUNT if action == DISABLE else NO_HASH


def _block(finding: SweepFinding, said: str, *, actor: Actor, user: User, source: str) -> Indicator:
    fields = {
        "type": _TYPES[SweepItemKind(finding.kind)].value, "value": finding.value,
        "action": IndicatorAction.BLOCK.value, "title": f"Found by a sweep of {finding.incident.number}",
        "device_group_ids": [] if user.scope.everything else sorted(user.scope.group_ids),
    }  # fmt: skip
    api = IndicatorSource.API if source == Source.API else IndicatorSource.INCIDENT
    return create_indicator(
        fields=fields, reason=said, actor=actor, user=user, source=api, incident=finding.incident
    )  # fmt: skip


def _mark(finding: SweepFinding, first: Removal, said: str, actor: Actor) -> None:
    with transaction.atomic():
        row = SweepFinding.objects.select_for_update(of=("self",)).get(pk=finding.pk)
        also: dict[str, Any] = {
            "removal": first.run,
            "indicator": first.indicator,
            "said_by": actor.as_json(),
            "said": said,
            "said_at": clock.now(),
        }
        if row.state == FindingState.ASKED:
            SweepFinding.objects.filter(pk=row.pk).update(**also)
        else:
            FINDING_STATE.move(row, FindingState.ASKED, actor=actor, thread=f"incident:{row.incident_id}", reason=said,
                               **also)  # fmt: skip


def accept_findings(findings: Sequence[SweepFinding], *, reason: object, actor: Actor, user: User) -> int:
    """Leave them where they are: somebody says why. Raises `ValidationError` and `Refused`."""
    policy.check_permissions(user, (keys.DECIDE_RESPONSE,), to_do="accept what a sweep found")
    return _move_all(
        findings, (FindingState.FOUND, FindingState.ASKED), FindingState.ACCEPTED, reason, actor,
        none="Nothing of what you checked can be accepted.",
    )  # fmt: skip


def reopen_findings(findings: Sequence[SweepFinding], *, reason: object, actor: Actor, user: User) -> int:
    """Take an acceptance back: they count as found again. Raises `ValidationError` and `Refused`."""
    policy.check_permissions(user, (keys.DECIDE_RESPONSE,), to_do="open again what was accepted")
    return _move_all(
        findings, (FindingState.ACCEPTED,), FindingState.FOUND, reason, actor,
        none="Nothing of what you checked was accepted.",
    )  # fmt: skip


def _move_all(
    findings: Sequence[SweepFinding],
    out_of: Sequence[str],
    to: FindingState,
    reason: object,
    actor: Actor,
    *,
    none: str,
) -> int:
    """Those that are in one of the states `out_of`; `none` is said when there is not one."""
    said, count = clean_comment(reason), 0
    with transaction.atomic():
        rows = SweepFinding.objects.select_for_update(of=("self",)).filter(pk__in=[one.pk for one in findings])
        for row in rows.filter(state__in=out_of):
            FINDING_STATE.move(
                row, to, actor=actor, thread=f"incident:{row.incident_id}", reason=said,
                said_by=actor.as_json(), said=said, said_at=clock.now(),
            )  # fmt: skip
            count += 1
    if not count:
        raise ValidationError({"ids": none})
    return count


def devices_where_swept(file: File, since: datetime, user: User | None) -> QuerySet[Device]:
    """Devices on which a sweep found the file: an action on it reaches them too."""
    known = SweepFinding.objects.all() if user is None else SweepFinding.objects.visible_to(user)
    found = known.filter(file=file, last_seen__gte=since).exclude(state=FindingState.REMOVED)
    return Device.objects.filter(pk__in=found.values("device"))
