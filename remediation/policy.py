"""Who may ask for, decide and carry out what. Every rule is asked at each of the three stages, because people leave,
lose rights and scopes, and devices move between a request and its execution."""

import hashlib
import json
from dataclasses import dataclass

from django.db.models import Q

from accounts.models import ApiToken, User
from accounts.services.seal import seal_fits
from accounts.services.tokens import people_behind
from connectors.errors import ConnectorError
from connectors.models import Connection
from connectors.ports import Capability
from connectors.registry import open_connection
from core.actors import Actor, ActorKind
from core.permissions import registered
from incidents.models import Device, File, Identity, Incident, Mailbox
from incidents.services.bindings import Bindable, NotBound, binding_of
from remediation.catalog import Action, all_actions
from remediation.enums import Decision
from remediation.models import ActionRun
from remediation.queries.runs import RunQuerySet
from remediation.refused import Refused

Target = Device | File | Identity | Mailbox
_MODELS: dict[str, type[Device] | type[File] | type[Identity] | type[Mailbox]] = {
    "device": Device,
    "file": File,
    "identity": Identity,
    "mailbox": Mailbox,
}


@dataclass(frozen=True, slots=True)
class Bound:
    """The one remote object that a target is."""

    connection: Connection
    remote_id: str
    simulated: bool
    capability: Capability


def target_of(run: ActionRun) -> Target:
    """The entity a run is aimed at; refuses when it was deleted meanwhile."""
    found = _MODELS[run.target_kind]._default_manager.filter(pk=run.target_id).first()
    if found is None:
        raise Refused("nothing_to_do", f"{run.target_name} no longer exists.")
    return found


def groups_of(target: Target) -> list[int]:
    return [target.device_group_id] if isinstance(target, Device) else []


def check_permissions(user: User, permissions: tuple[str, ...], *, to_do: str) -> None:
    missing = [key for key in permissions if not user.holds(key)]
    if not user.is_active:
        raise Refused("person_inactive", f"{user} is switched off and cannot {to_do}.")
    if missing:
        labels = {permission.key: permission.label for permission in registered()}
        raise Refused("forbidden", f"{user} lacks the right {labels.get(missing[0], missing[0])} to {to_do}.")


def check_target_in_scope(user: User, target: Target, *, to_do: str) -> None:
    if not type(target)._default_manager.visible_to(user).filter(pk=target.pk).exists():
        raise Refused("out_of_scope", f"{target} lies outside the scope of {user}, who cannot {to_do}.")


def check_run_in_scope(user: User, run: ActionRun, *, to_do: str) -> None:
    """The whole of the run: a person who sees only some of its devices decides on none."""
    beyond = not user.scope.everything and not set(run.device_group_ids) <= user.scope.group_ids
    if beyond or not ActionRun.objects.visible_to(user).filter(pk=run.pk).exists():
        raise Refused("out_of_scope", f"{run.target_name} lies outside the scope of {user}, who cannot {to_do}.")


def check_incident(user: User, incident: Incident | None) -> None:
    if incident is not None and not Incident.objects.visible_to(user).filter(pk=incident.pk).exists():
        raise Refused("out_of_scope", f"{incident.number} is not visible to {user}.")


def resolve(action: Action, target: Bindable) -> Bound:
    """The remote object to act on; refuses when there is none, there are two, or it cannot do this."""
    try:
        binding = binding_of(target)
    except NotBound as error:
        raise Refused("not_bound", f"Nothing can be done to {error}") from None
    return check_connection(action, binding.connection, binding.remote_id, str(target), target.kind)


def check_connection(action: Action, connection: Connection, remote_id: str, name: str, kind: str) -> Bound:
    if not connection.enabled:
        raise Refused("unavailable", f"The connection {connection}, which {name} is bound to, is switched off.")
    try:
        manifest = open_connection(connection).describe()
    except ConnectorError as error:
        raise Refused("unavailable", f"The connection {connection} cannot be used: {error.message}") from None
    capability = manifest.capability(action.key, kind)
    if capability is None:
        raise Refused("unsupported", f"The connection {connection} cannot {action.label.lower()} on {name}.")
    return Bound(connection, remote_id, manifest.simulated, capability)


def check_decider(run: ActionRun, action: Action, actor: Actor, user: User, *, to_do: str) -> None:
    """Four eyes are two people: a token counts as the person it belongs to, a service account as those behind it."""
    if actor.kind == ActorKind.TOKEN and not ApiToken.objects.filter(pk=int(actor.id), may_decide=True).exists():
        raise Refused("token_may_not_decide", f"The token of {user} was not made for deciding.")
    check_permissions(user, action.decide_permissions, to_do=to_do)
    check_run_in_scope(user, run, to_do=to_do)
    if run.requester_id is not None and run.requester_id in {user.pk, actor.person_id}:
        raise Refused("same_person", "The person who asked for an action cannot decide on it; somebody else must.")
    requester = User.objects.filter(pk=run.requester_id).first() if run.requester_id else None
    if requester is not None and people_behind(requester) & people_behind(user):
        raise Refused("same_person", "One person stands behind both accounts: the token of one was made by the other.")


def decidable(runs: RunQuerySet, user: User) -> RunQuerySet:
    """Of pending runs those that this person may decide now: not own ones, wholly in scope, with every right."""
    lacking = [action.key for action in all_actions() if not all(user.holds(key) for key in action.decide_permissions)]
    found = runs.exclude(action__in=lacking).filter(Q(requester_id=None) | ~Q(requester_id=user.pk))
    if user.scope.everything:
        return found
    return found.filter(device_group_ids__contained_by=sorted(user.scope.group_ids))


def check_people(run: ActionRun, action: Action, target: Target) -> None:
    """At execution: both people still work here, still hold the rights and still reach the target where it is now."""
    requester = _person(run.requester_id, "asked for")
    check_permissions(requester, action.request_permissions, to_do=f"ask: {action.label.lower()}")
    check_target_in_scope(requester, target, to_do=f"ask: {action.label.lower()}")
    if run.decision == Decision.NOT_REQUIRED:
        if action.needs_approval:
            raise Refused("seal_broken", "The run says that no approval is needed, the action says otherwise.")
        return
    decider_id = (run.decided_by or {}).get("person_id")
    decider = _person(int(decider_id) if decider_id else None, "approved")
    check_permissions(decider, action.decide_permissions, to_do=f"approve: {action.label.lower()}")
    check_target_in_scope(decider, target, to_do=f"approve: {action.label.lower()}")
    if people_behind(decider) & people_behind(requester):
        raise Refused("same_person", "The person who asked for the action also approved it.")


def _person(pk: int | None, what: str) -> User:
    user = User.objects.filter(pk=pk).first() if pk else None
    if user is None:
        raise Refused("person_inactive", f"The person who {what} the action no longer exists.")
    return user


def check_seal(run: ActionRun) -> None:
    """The row must be what was asked for and what was decided on."""
    if digest_of(run) != run.argument_digest:
        raise Refused("seal_broken", "The target or the arguments of the run were changed after it was asked for.")
    if not seal_fits(
        run.decision_seal,
        run_id=run.pk,
        digest=run.argument_digest,
        person_id=sealed_person(run),
        decision=run.decision,
    ):
        raise Refused("seal_broken", "The decision on record was not made through the portal.")


def sealed_person(run: ActionRun) -> int | None:
    """Whose decision it was: the decider's, or the requester's when none was needed."""
    person = run.decided_by.get("person_id") if run.decided_by else run.requester_id
    return int(person) if person else None


def digest_of(run: ActionRun) -> str:
    """SHA-256 over everything that says what will be done to what."""
    told = [
        run.action,
        run.target_kind,
        run.target_id,
        run.facet,
        run.facet_key,
        run.arguments,
        run.connection_id,
        run.remote_id,
        run.parent_id,
        run.undoes_id,
    ]
    return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
