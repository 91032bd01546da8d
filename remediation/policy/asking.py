"""The questions of each stage, ready to be enforced or explained."""

from collections.abc import Mapping
from typing import Any

from accounts.models import ApiToken, User
from core.actors import Actor, ActorKind
from incidents.models import Incident
from remediation.catalog import Action, get
from remediation.enums import Decision, RequesterKind, Source, Stage
from remediation.models import ActionRun
from remediation.policy.people import is_rollback
from remediation.policy.question import Question
from remediation.policy.targets import Target, target_of

PORTAL = Actor.system("remediation")
_HANDS = {Source.MANUAL, Source.API}


def kind_of_requester(actor: Actor, source: str) -> RequesterKind:
    """Whose hand it is: what comes from a rule or a playbook is automatic, whoever's rights it uses."""
    if actor.kind == ActorKind.SYSTEM or source not in _HANDS:
        return RequesterKind.AUTOMATION
    return RequesterKind.TOKEN if actor.kind == ActorKind.TOKEN else RequesterKind.PERSON


def token_of(actor: Actor) -> ApiToken | None:
    if actor.kind != ActorKind.TOKEN:
        return None
    return ApiToken.objects.select_related("user").filter(pk=int(actor.id)).first()


def of_request(
    action: Action,
    target: Target,
    arguments: Mapping[str, Any],
    *,
    actor: Actor,
    user: User | None,
    source: str,
    incident: Incident | None = None,
    undoes: ActionRun | None = None,
    dry: bool = False,
) -> Question:
    return Question(
        stage=Stage.REQUEST,
        action=action,
        target=target,
        actor=actor,
        asker=user,
        requester_kind=kind_of_requester(actor, source),
        token=token_of(actor),
        arguments=arguments,
        incident=incident,
        undoes=undoes,
        dry=dry,
    )


def of_decision(run: ActionRun, *, actor: Actor, user: User, deed: str, alone: bool = False) -> Question:
    """On a run that is stored, or on a draft that somebody else would have asked for."""
    return Question(
        stage=Stage.DECISION,
        action=get(run.action),
        target=target_of(run),
        actor=actor,
        decider=user,
        requester_kind=RequesterKind(run.requester_kind),
        token=token_of(actor),
        arguments=run.arguments,
        run=run,
        deed=deed,
        alone=alone,
    )


def of_execution(run: ActionRun) -> Question:
    """With both people as they are now."""
    asker = User.objects.filter(pk=run.requester_id).first() if run.requester_id else None
    decider_id = (run.decided_by or {}).get("person_id") if run.decision != Decision.NOT_REQUIRED else None
    decider = User.objects.filter(pk=int(decider_id)).first() if decider_id else None
    missing = ""
    if asker is None and not (run.requester_id is None and is_rollback(run)):
        missing = "The person who asked for the action no longer exists."
    elif decider is None and run.decision != Decision.NOT_REQUIRED:
        missing = "The person who approved the action no longer exists."
    return Question(
        stage=Stage.EXECUTION,
        action=get(run.action),
        target=target_of(run),
        actor=PORTAL,
        asker=asker,
        decider=decider,
        requester_kind=RequesterKind(run.requester_kind),
        arguments=run.arguments,
        undoes=run.undoes,
        run=run,
        deed="approve",
        missing=missing,
    )
