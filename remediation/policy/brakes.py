"""Rules about the target and the brakes: what is sealed, bound, free, protected, held back, capped or stopped."""

from typing import Any

from accounts import keys
from connectors.services.halt import in_force, pass_gate
from core.permissions import label_of
from incidents.models import File
from remediation.catalog import get
from remediation.enums import OPEN_STATUSES, RequesterKind, RunStatus, Stage
from remediation.models import ActionRun, Hold
from remediation.policy import caps, protection
from remediation.policy.question import Question, Rule, Told
from remediation.policy.reach import reach_of
from remediation.policy.seal import check_seal
from remediation.policy.targets import is_destructive
from remediation.refused import Refused

EVERY = (Stage.REQUEST, Stage.DECISION, Stage.EXECUTION)
ACTING = (Stage.REQUEST, Stage.EXECUTION)


def _seal(question: Question) -> Told | None:
    if question.run is None:
        return None
    check_seal(question.run)
    return Told("The run is what was asked for and decided on.", {"digest": question.run.argument_digest})


def _reach(question: Question) -> Told | None:
    """The remote object; at execution it must be the one that was asked for."""
    user, run = question.asker, question.run
    part = question.part
    if question.stage == Stage.EXECUTION and question.action.fans_out and not part:
        raise Refused("unsupported", "An action on many devices is carried out through its parts.")
    found = reach_of(
        question.action, question.target, user=user, undoes=question.undoes, part=part, arguments=question.arguments
    )
    bound = found.bound
    if (
        run is not None
        and bound is not None
        and (bound.connection.pk, bound.remote_id) != (run.connection_id, run.remote_id)
    ):
        raise Refused("not_bound", f"{question.target} is bound to another remote object than when it was asked for.")
    if bound is None:
        inputs: dict[str, Any] = (
            {"devices": found.orders, "left_out": found.left_out} if found.children else {"kept_by": "the portal"}
        )
        says = f"{found.orders} devices would be touched." if found.children else "The portal keeps it itself."
        return Told(says, inputs, value=found)
    inputs = {
        "connection": bound.connection.pk,
        "remote_id": bound.remote_id,
        "simulated": bound.simulated,
        "part": part,
    }
    return Told(f"{bound.connection} can do this.", inputs, value=found)


def open_run(question: Question) -> ActionRun | None:
    """The run that holds the facet, if any."""
    return ActionRun.objects.filter(
        target_kind=question.target.kind,
        target_id=question.target.pk,
        facet=question.action.facet,
        facet_key=question.facet_key,
        status__in=OPEN_STATUSES,
    ).first()


def conflict(run: ActionRun) -> Refused:
    return Refused(
        "conflict",
        f"{run.number} ({get(run.action).label.lower()}) is still open on {run.target_name}.",
        run=run,
        inputs={"run": run.pk, "status": run.status},
    )


def _free(question: Question) -> Told:
    """An open run holds its part of the target; what takes it back may take the place of one that has not left."""
    held = open_run(question)
    if held is None:
        return Told("No other run is open there.", {"facet": question.action.facet.value})
    opposite = held.action == question.action.undo and not question.action.in_force and not question.action.fans_out
    if not opposite or held.status not in {RunStatus.WAITING, RunStatus.QUEUED}:
        raise conflict(held)
    return Told(f"{held.number} has not left yet and is cancelled by this.", {"run": held.pk}, value=held)


def _protected(question: Question) -> Told | None:
    if not is_destructive(question.action) or question.is_rejection:
        return None
    shields = protection.shields_in_reach(question)
    if not shields:
        return Told("The target is not protected.", {})
    shield = next((one for one in shields if one.refuses), shields[0])
    kind, rule = shield.asset.get_kind_display(), shield.asset.rule_in_words
    inputs = {"protected": shield.asset.pk, "kind": shield.asset.kind, "rule": rule, "refuses": shield.refuses}
    if shield.refuses and not isinstance(question.target, File):
        raise Refused("protected", f"{question.target} is protected ({kind}): {shield.asset.note}", inputs=inputs)
    needed = label_of(keys.DECIDE_PROTECTED)
    if question.decider is None and question.stage == Stage.EXECUTION:
        raise Refused(
            "protected", f"{question.target} is protected ({kind}) by now, and nobody has approved.", inputs=inputs
        )
    if question.decider is not None and not question.decider.holds(keys.DECIDE_PROTECTED):
        raise Refused(
            "protected", f"{question.target} is protected ({kind}): approving needs the right {needed}.", inputs=inputs
        )
    waits = question.decider is None
    says = (
        f"Protected ({kind}): an approver needs the right {needed}." if waits else f"{question.decider} holds {needed}."
    )
    return Told(says, inputs, waits=waits)


def _hold(question: Question) -> Told | None:
    if not is_destructive(question.action):
        return None
    if question.requester_kind == RequesterKind.PERSON:
        return Told("A person asks: no hold stands in the way.", {"by": RequesterKind.PERSON.value})
    hold = Hold.objects.filter(
        target_kind=question.target.kind, target_id=question.target.pk, facet=question.action.facet,
        facet_key=question.facet_key, lifted_at=None,
    ).first()  # fmt: skip
    if hold is None:
        return Told("No person has taken this back.", {"by": question.requester_kind.value})
    who = hold.by.get("name", "")
    raise Refused(
        "held",
        f"{who} took this back on {question.target}; nothing automatic redoes it until a person lifts the hold.",
        inputs={"hold": hold.pk, "run": hold.run_id, "by": who, "requester": question.requester_kind.value},
    )


def _cap(question: Question) -> Told | None:
    """Counted under a lock, which lasts until the request or the order is stored."""
    if not is_destructive(question.action) or question.asker is None:
        return None
    if question.part and question.action.by_peers:
        return None  # the device that is contained counts, not those who do it
    kind, asset_class = question.requester_kind, question.asset_class
    planned = question.told.get("reach")
    number = planned.value.orders if planned and planned.value and not question.action.by_peers else 1
    if not question.dry:
        caps.lock_cap(kind, asset_class)
    found = caps.usage(kind, asset_class, besides=question.run)
    inputs = {"class": asset_class.value, "by": kind.value, "used": found.used, "cap": found.most, "adds": number}
    if not found.has_room_for(number):
        free_at = found.frees_at.isoformat() if found.frees_at else None
        more = f" This would add {number:,}." if number > 1 else ""
        raise Refused("cap_reached", f"Cap reached: {found.in_words}{more}", inputs={**inputs, "frees_at": free_at})
    if found.is_off:
        return Told(f"There is no cap on {asset_class.label.lower()} for {found.who}.", inputs)
    return Told(f"{found.used:,} of {found.most:,} within 60 minutes; this adds {number:,}.", inputs)


def _stopped(question: Question) -> Told | None:
    """Not a refusal: what is asked for while everything is stopped waits, and is asked anew when it may go on."""
    if question.action.in_portal or question.is_rejection:
        return None
    halt = pass_gate() if question.stage == Stage.EXECUTION else in_force()
    if halt is None:
        return Told("Nothing is stopped.", {})
    inputs = {"halt": halt.pk, "since": halt.at.isoformat(), "by": halt.by.get("name", "")}
    says = f"Everything is stopped since {halt.at:%Y-%m-%d %H:%M} UTC: {halt.reason} It waits until somebody resumes."
    return Told(says, inputs, waits=True, value=halt)


SEAL = Rule("seal", "The run is what was decided on", (Stage.EXECUTION,), _seal)
REACH = Rule("reach", "One remote object is bound and can do it", ACTING, _reach, after=("right", "scope"))
FREE = Rule("free", "No other run is open there", (Stage.REQUEST,), _free)
PROTECTED = Rule("protected", "The target is not protected", EVERY, _protected)
HOLD = Rule("hold", "No person holds it back", ACTING, _hold)
CAP = Rule("cap", "The cap of the hour has room", ACTING, _cap)
STOPPED = Rule("stopped", "Nothing is stopped", EVERY, _stopped)
