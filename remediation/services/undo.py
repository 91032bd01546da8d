"""Taking an action back: a second run, linked, with its own request, decision and outcome."""

from dataclasses import replace
from typing import Any

from accounts.models import User
from core.actors import Actor
from incidents.models import Incident
from remediation import policy
from remediation.catalog import get, inverse_of
from remediation.enums import RunStatus, Source
from remediation.models import ActionRun
from remediation.refused import Refused
from remediation.services.plan import make_plan
from remediation.services.portal_facts import former_arguments
from remediation.services.refusals import Subject, recording_refusals
from remediation.services.request import request_action, store_plan
from remediation.taken_back import DONE, taken_back


def undo_run(
    run: ActionRun,
    *,
    actor: Actor,
    user: User,
    comment: str,
    source: str = Source.MANUAL,
    incident: Incident | None = None,
) -> ActionRun:
    """Ask to take `run` back; answers the second run. Raises `Refused`.

    Undoing the whole of a file action undoes every device where it worked, that is not taken back yet and that
    `user` may act on; undoing one of its parts that device.
    """
    with recording_refusals(Subject.of_run(run, wanted="undo"), stage="request", actor=actor):
        key = check_undoable(run)
    return request_action(
        key,
        target=policy.target_of(run),
        arguments=undo_arguments(run),
        comment=comment,
        actor=actor,
        user=user,
        incident=incident or run.incident,
        source=source,
        undoes=run,
    )


def undo_by_portal(run: ActionRun, *, actor: Actor, comment: str) -> ActionRun:
    """Take back what one person approved alone and nobody ratified; it needs no approval. Raises `Refused`."""
    with recording_refusals(Subject.of_run(run, wanted="roll back"), stage="request", actor=actor):
        declared = get(check_undoable(run))
        part = declared.fans_out and bool(run.facet_key)
        arguments = {} if part else declared.clean(undo_arguments(run))
        target = policy.target_of(run)
        plan = make_plan(
            declared,
            target=target,
            arguments=arguments,
            user=None,
            actor=actor,
            incident=run.incident,
            undoes=run,
            source=Source.SYSTEM,
        )
        return store_plan(
            replace(plan, needs_approval=False),
            comment=comment, actor=actor, user=None, incident=run.incident, source=Source.SYSTEM,
        )  # fmt: skip


def check_undoable(run: ActionRun) -> str:
    """The key of the inverse action; refuses with the reason when the run cannot be taken back."""
    action = get(run.action)
    if not action.undo:
        raise Refused("not_undoable", action.why_no_undo)
    so_far = taken_back(run)
    if so_far.is_claimed and so_far.latest is not None:
        earlier = ActionRun.objects.get(pk=so_far.latest)
        refused = "conflict" if earlier.is_open else "not_undoable"
        raise Refused(refused, f"{run.number} is taken back by {earlier.number} already.", run=earlier)
    if run.status not in DONE:
        label = RunStatus(run.status).label.lower()
        raise Refused("not_undoable", f"{run.number} did not take effect ({label}), so there is nothing to take back.")
    if action.in_portal and not run.result.get("changed"):
        raise Refused("not_undoable", f"{run.number} changed nothing: it was so already.")
    return action.undo


def undo_arguments(run: ActionRun) -> dict[str, Any]:
    """Of the run's arguments those that its inverse takes too; for the undo of an undo, those of the first run. What
    is its own inverse is given its former value."""
    inverse = inverse_of(get(run.action))
    if inverse is not None and inverse.key == run.action:
        return former_arguments(run)
    names = {one.name for one in inverse.parameters if not one.passing} if inverse else set()
    first = run.undoes.arguments if run.undoes else {}
    return {name: value for name, value in {**first, **run.arguments}.items() if name in names}
