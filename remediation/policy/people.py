"""Rules about people: who they are, what they may do, what they reach, and that two of them are two."""

from accounts import keys
from accounts.models import User
from accounts.services.tokens import makers_of, people_behind
from core.actors import Actor, ActorKind
from core.permissions import label_of
from incidents.models import Incident
from remediation.enums import Decision, EmergencyState, RequesterKind, Stage
from remediation.models import ActionRun, EmergencyApproval
from remediation.policy import approvers, protection, settings
from remediation.policy.question import Question, Rule, Told
from remediation.policy.targets import Target, asset_class_of, is_destructive, needs_approval
from remediation.refused import Refused

EVERY = (Stage.REQUEST, Stage.DECISION, Stage.EXECUTION)
DECIDING = (Stage.DECISION, Stage.EXECUTION)


def check_permissions(user: User, permissions: tuple[str, ...], *, to_do: str) -> None:
    missing = [key for key in permissions if not user.holds(key)]
    if not user.is_active:
        raise Refused("person_inactive", f"{user} is switched off and cannot {to_do}.", inputs={"person": user.pk})
    if missing:
        inputs = {"person": user.pk, "needs": list(permissions), "lacks": missing}
        raise Refused("forbidden", f"{user} lacks the right {label_of(missing[0])} to {to_do}.", inputs=inputs)


def check_target_in_scope(user: User, target: Target, *, to_do: str) -> None:
    if not type(target)._default_manager.visible_to(user).filter(pk=target.pk).exists():
        inputs = {"person": user.pk, "sees_groups": _groups_of(user)}
        raise Refused("out_of_scope", f"{target} lies outside the scope of {user}, who cannot {to_do}.", inputs=inputs)


def check_run_in_scope(user: User, run: ActionRun, *, to_do: str) -> None:
    """The whole of the run: a person who sees only some of its devices decides on none."""
    beyond = not user.scope.everything and not set(run.device_group_ids) <= user.scope.group_ids
    if beyond or not ActionRun.objects.visible_to(user).filter(pk=run.pk).exists():
        inputs = {"person": user.pk, "sees_groups": _groups_of(user), "touches_groups": list(run.device_group_ids)}
        raise Refused(
            "out_of_scope", f"{run.target_name} lies outside the scope of {user}, who cannot {to_do}.", inputs=inputs
        )


def _groups_of(user: User) -> list[int] | str:
    return "all" if user.scope.everything else sorted(user.scope.group_ids)


def _active(question: Question) -> Told:
    if question.missing:
        raise Refused("person_inactive", question.missing)
    for user, _permissions, to_do in question.people:
        check_permissions(user, (), to_do=to_do)
    names = [str(user) for user, *_ in question.people]
    return Told(f"{' and '.join(names)}: switched on." if names else "The portal itself.", {"people": names})


def _right(question: Question) -> Told:
    held = []
    for user, permissions, to_do in question.people:
        check_permissions(user, permissions, to_do=to_do)
        held += [f"{user} holds {label_of(key)}." for key in permissions]
    return Told(" ".join(held) or "The portal itself needs none.", {"rights": held})


def _token(question: Question) -> Told | None:
    token = question.token
    if token is None:
        return None
    inputs = {"token": token.pk, "may_decide": token.may_decide, "usable": token.is_usable}
    if not token.is_usable:
        raise Refused("forbidden", f"The token {token} has ended or was revoked.", inputs=inputs)
    if question.stage == Stage.DECISION and not token.may_decide:
        raise Refused("token_may_not_decide", f"The token of {token.user} was not made for deciding.", inputs=inputs)
    return Told("The token is valid and was made for this.", inputs)


def _scope(question: Question) -> Told:
    for user, _permissions, to_do in question.people:
        if question.stage == Stage.DECISION and question.run is not None and question.run.pk:
            check_run_in_scope(user, question.run, to_do=to_do)
        else:
            check_target_in_scope(user, question.target, to_do=to_do)
    sees = {str(user): _groups_of(user) for user, *_ in question.people}
    return Told(f"{question.target} lies within reach.", {"groups": question.group_ids, "sees": sees})


def _incident(question: Question) -> Told | None:
    incident, user = question.incident, question.asker
    if incident is None or user is None:
        return None
    if not Incident.objects.visible_to(user).filter(pk=incident.pk).exists():
        raise Refused("out_of_scope", f"{incident.number} is not visible to {user}.", inputs={"incident": incident.pk})
    return Told(f"{incident.number} may be seen.", {"incident": incident.pk})


def _decision(question: Question) -> Told | None:
    """At execution: a run without a decision may be so only when none is needed, or when it takes back what nobody
    ratified."""
    run = question.run
    if run is None or run.decision != Decision.NOT_REQUIRED:
        return None
    inputs = {"decision": run.decision, "emergency_rolled_back": is_rollback(run)}
    if needs_approval(question.action) and not is_rollback(run):
        raise Refused(
            "seal_broken", "The run says that no approval is needed, the action says otherwise.", inputs=inputs
        )
    return Told("No approval is needed.", inputs)


def is_rollback(run: ActionRun) -> bool:
    """Whether the portal takes back with it what one person approved alone and nobody ratified."""
    taken = run.parent.undoes if run.parent is not None else run.undoes
    lapsed = (EmergencyState.LAPSED, EmergencyState.DISOWNED)
    return taken is not None and EmergencyApproval.objects.filter(run=taken, state__in=lapsed).exists()


def _two_people(question: Question) -> Told | None:
    run, decider = question.run, question.decider
    if decider is None:
        return None
    involved = _involved(question)
    inputs = {"asked": run.requester_id if run else None, "decides": decider.pk, "alone": question.alone}
    if question.alone or (run is not None and run.emergency and question.stage == Stage.EXECUTION):
        return Told("One person alone, in an emergency: somebody else ratifies it, or it is rolled back.", inputs)
    if not involved:
        return Told("Somebody else must have asked.", inputs)
    if involved & {decider.pk, question.actor.person_id if question.stage == Stage.DECISION else None}:
        raise Refused(
            "same_person", "The person who asked for an action cannot decide on it; somebody else must.", inputs=inputs
        )
    asked, decides = _behind(question, involved, decider)
    if both := sorted(asked & decides):
        raise Refused(
            "same_person",
            "One person stands behind both accounts: the token of one was made by the other.",
            inputs={**inputs, "behind": both},
        )
    return Told("Asked by one person, decided by another.", inputs)


def _behind(question: Question, involved: set[int], decider: User) -> tuple[set[int], set[int]]:
    """Everybody behind the asking and the deciding: the accounts, and whoever made the tokens that spoke for them."""
    run = question.run
    asked = {one for user in User.objects.filter(pk__in=involved) for one in people_behind(user)}
    decided_by = question.actor
    if run is not None:
        asked |= makers_of(run.requester)
        if question.stage == Stage.EXECUTION and run.decided_by:
            decided_by = Actor.from_json(run.decided_by)
    return asked, set(people_behind(decider) | makers_of(decided_by))


def _involved(question: Question) -> set[int]:
    """Who has had a hand in it already: the requester, and whoever approved it alone."""
    run = question.run
    if run is None:
        return set()
    alone = (run.decided_by or {}).get("person_id") if run.emergency else None
    return {int(one) for one in (run.requester_id, alone) if one}


def _alone(question: Question) -> Told | None:
    """What it takes for one person to approve alone."""
    user = question.decider
    if not question.alone or user is None:
        return None
    strict = settings.strict_classes()
    inputs = {"class": question.asset_class.value, "strict_classes": strict, "actor": question.actor.kind.value}
    if question.actor.kind != ActorKind.PERSON:
        raise Refused("forbidden", "Only a person approves alone in an emergency; a token never does.", inputs=inputs)
    check_permissions(user, (keys.APPROVE_ALONE,), to_do="approve alone in an emergency")
    if not is_destructive(question.action) or not question.action.undo:
        raise Refused(
            "strict_four_eyes", f"{question.action.label} cannot be rolled back, so it takes two people.", inputs=inputs
        )
    touched = protection.devices_in_reach(question)
    classes = [question.asset_class, *(asset_class_of(device) for device in touched)]
    if found := next((one for one in classes if one.value in strict), None):
        raise Refused("strict_four_eyes", f"Actions on {found.label.lower()} always take two people.", inputs=inputs)
    if protection.shields_in_reach(question):
        raise Refused("strict_four_eyes", "Actions on protected assets always take two people.", inputs=inputs)
    return Told("May be approved by one person alone.", inputs)


def _approver(question: Question) -> Told | None:
    run, decider = question.run, question.decider
    if run is None or decider is None or run.parent_id is not None:
        return None
    if question.alone or (run.emergency and question.stage == Stage.EXECUTION):
        return Told("An emergency asks for no named approver.", {})
    named = approvers.approvers_of(run)
    inputs = {"rules": [{"rule": one.rule.pk, "waits_for": one.in_words} for one in named]}
    why = next((reason for one in named if (reason := one.why_not(decider, question.decided_at))), "")
    if why:
        raise Refused("not_an_approver", why, inputs=inputs)
    says = (
        f"{decider} is named as an approver." if named else "No rule names approvers: whoever holds the right decides."
    )
    return Told(says, inputs)


def _approval(question: Question) -> Told:
    shielded = question.told.get("protected")
    if not needs_approval(question.action) and not (shielded and shielded.waits):
        return Told("Nobody has to approve.", {"risk": question.action.risk.value})
    draft = draft_of(question)
    named = approvers.waits_for(draft)
    whom = named or "Another person with the right to manage responses"
    return Told(f"{whom} must approve.", {"risk": question.action.risk.value, "waits_for": whom}, waits=True)


def draft_of(question: Question) -> ActionRun:
    """The run that a request would make, unsaved: what rules about deciding look at before there is one."""
    return question.run or ActionRun(
        action=question.action.key,
        target_kind=question.target.kind,
        target_id=question.target.pk,
        target_name=str(question.target),
        device_group_ids=question.group_ids,
        facet=question.action.facet,
        arguments=dict(question.arguments),
        requester_kind=question.requester_kind or RequesterKind.PERSON,
    )


ACTIVE = Rule("active", "The account is switched on", EVERY, _active)
TOKEN = Rule("token", "The token is good for this", (Stage.REQUEST, Stage.DECISION), _token)
RIGHT = Rule("right", "The roles hold the right", EVERY, _right)
SCOPE = Rule("scope", "The target lies within reach", EVERY, _scope)
INCIDENT = Rule("incident", "The incident may be seen", (Stage.REQUEST,), _incident)
DECISION = Rule("decision", "It was decided as it has to be", (Stage.EXECUTION,), _decision)
TWO_PEOPLE = Rule("two_people", "Two people are two", DECIDING, _two_people)
ALONE = Rule("alone", "One person may approve alone", (Stage.DECISION,), _alone)
APPROVER = Rule("approver", "The approver is one of those named", DECIDING, _approver)
APPROVAL = Rule("approval", "Whom it waits for", (Stage.REQUEST,), _approval)
