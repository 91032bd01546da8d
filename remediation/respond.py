"""The buttons of actions on an entity: what its state allows, what is under way already, and why one cannot work."""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from accounts import keys
from accounts.models import User
from connectors.models import Connection
from incidents.models import Device, File, Identity, Incident, Mailbox
from incidents.services.bindings import NotBound, binding_of
from remediation import policy
from remediation.catalog import registry
from remediation.catalog.action import Action
from remediation.enums import OPEN_STATUSES, Decision, Risk, RunStatus
from remediation.models import ActionRun, ControlState, QuarantinedItem
from remediation.policy import peers
from remediation.policy.protection import shield_of
from remediation.refused import Refused
from remediation.services import portal_facts
from remediation.taken_back import DONE
from remediation.views.links import why_url
from remediation.views.titles import noun_of

Entity = Device | File | Identity | Mailbox
# The state of a facet is not what was last seen there for sure.
UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Known:
    """What the buttons of one entity are decided from: the state of each facet (empty: never seen), what took effect
    or may have, the open run of each facet, the connection that would carry an order out, and why destructive actions
    are refused (empty: they are not)."""

    states: dict[str, str]
    tried: frozenset[str]
    open_runs: dict[str, ActionRun]
    seen_runs: frozenset[int]
    connection: Connection | None = None
    remote_id: str = ""
    unbound: str = ""
    shielded: str = ""


def respond_button(
    action: Action, request: HttpRequest, subject: tuple[Entity, Incident | None]
) -> dict[str, Any] | None:
    """The button of one action on an entity, as `components/act.html` wants it; None where it makes no sense."""
    entity, incident = subject
    user = request.user
    if not isinstance(user, User) or entity.kind != action.target_kind:
        return None
    known = _known(request, entity, user)
    under_way = None if action.facet_argument else known.open_runs.get(action.facet)
    if under_way is not None and not _gives_way(under_way, action, known):
        return _under_way(action, under_way, known) if under_way.action == action.key else None
    if not (_fact_makes_sense(action, entity) if action.in_portal else _makes_sense(action, known)):
        return None
    return _button(action, entity, incident, user, known)


def _known(request: HttpRequest, entity: Entity, user: User) -> Known:
    """Read once a request and entity, however many actions ask."""
    kept: dict[tuple[str, int], Known] = request.__dict__.setdefault("_known_of_entities", {})
    key = (str(entity.kind), entity.pk)
    if key not in kept:
        kept[key] = _read(entity, user)
    return kept[key]


def _read(entity: Entity, user: User) -> Known:
    states = ControlState.objects.filter(target_kind=entity.kind, target_id=entity.pk, facet_key="")
    runs = ActionRun.objects.filter(target_kind=entity.kind, target_id=entity.pk)
    tried = runs.filter(status__in=[*DONE, RunStatus.UNKNOWN], parent=None)
    held = list(runs.filter(status__in=OPEN_STATUSES, facet_key=""))
    seen = ActionRun.objects.visible_to(user).filter(pk__in=[run.pk for run in held]) if held else []
    shield = shield_of(entity)
    known = Known(
        states={state.facet: state.observed if state.desired in ("", state.observed) else UNSURE for state in states},
        tried=frozenset(tried.values_list("action", flat=True)),
        open_runs={run.facet: run for run in held},
        seen_runs=frozenset(run.pk for run in seen),
        shielded=shield.in_words if shield and shield.refuses else "",
    )
    if isinstance(entity, File):
        return _with_copies(known, entity)
    return _with_binding(_with_containment(known, entity) if isinstance(entity, Device | Identity) else known, entity)


def _with_containment(known: Known, entity: Device | Identity) -> Known:
    """A device or an account is contained where another device enforces it."""
    contain = registry.get(f"{entity.kind}.contain")
    rows = ControlState.objects.filter(target_kind="device", facet=contain.facet, facet_key=peers.entry_key(entity))
    words = {word for pair in rows.values_list("desired", "observed") for word in pair}
    if not words:
        return known
    state = UNSURE if contain.wanted in words else registry.get(contain.undo).wanted
    return replace(known, states={**known.states, contain.facet: state})


def _with_copies(known: Known, file: File) -> Known:
    """A file is held back where a copy of it is; when the last one was restored there is nothing to restore."""
    quarantine = registry.get("file.quarantine")
    copies = ControlState.objects.filter(target_kind="device", facet=quarantine.facet, facet_key=file.key)
    words = {word for pair in copies.values_list("desired", "observed") for word in pair}
    if QuarantinedItem.objects.held().by_itself().filter(file=file).exists():
        return replace(known, states={**known.states, quarantine.facet: UNSURE}, tried=known.tried | {quarantine.key})
    if not words:
        return known
    given_back = registry.get(quarantine.undo).wanted
    return replace(
        known, states={**known.states, quarantine.facet: UNSURE if quarantine.wanted in words else given_back}
    )


def _with_binding(known: Known, entity: Device | Identity | Mailbox) -> Known:
    try:
        binding = binding_of(entity)
    except NotBound as error:
        why = "No connection is bound to it." if not error.count else "More than one remote object is bound to it."
        return replace(known, unbound=why)
    return replace(known, connection=binding.connection, remote_id=binding.remote_id)


def _makes_sense(action: Action, known: Known) -> bool:
    """An action that leads to the state in force is left out, and so is taking back what is not in force."""
    inverse = registry.inverse_of(action)
    if inverse is None:
        return True
    state = known.states.get(action.facet, "")
    if action.in_force:
        return state != action.wanted
    if inverse.wanted_argument:  # more than one word of the facet can be taken back
        return state not in ("", action.wanted) or (state == "" and inverse.key in known.tried)
    if not inverse.in_force:
        return inverse.key in known.tried
    return state == inverse.wanted or (state in ("", UNSURE) and inverse.key in known.tried)


def _gives_way(run: ActionRun, action: Action, known: Known) -> bool:
    """What takes back the state in force may be asked for while its opposite only waits for a decision."""
    opposite = run.action == action.undo and run.decision == Decision.PENDING and not action.in_force
    return opposite and known.states.get(action.facet) == registry.get(run.action).wanted


def _fact_makes_sense(action: Action, entity: Entity) -> bool:
    return isinstance(entity, Device) and portal_facts.makes_sense(action, entity)


def _under_way(action: Action, run: ActionRun, known: Known) -> dict[str, Any]:
    """In place of the button: what was asked for already, and where to see it."""
    noun = noun_of(action)
    waits = "waits for approval" if run.decision == Decision.PENDING else "is on its way"
    visible = run.pk in known.seen_runs
    return {
        "symbol": action.icon or "bolt",
        "label": action.label,
        "verb": action.verb,
        "run_text": f"{noun[0].upper()}{noun[1:]} {waits}",
        "run_number": run.number if visible else "",
        "run_url": reverse("remediation:run", args=[run.pk]) if visible else "",
        "waits": run.decision == Decision.PENDING,
    }


def _button(action: Action, entity: Entity, incident: Incident | None, user: User, known: Known) -> dict[str, Any]:
    missing = [key for key in action.request_permissions if not user.holds(key)]
    inverse = registry.inverse_of(action)
    approval = "Needs another person." if action.needs_approval else "No approval needed."
    undo = f"Undo: {inverse.verb.lower()}." if inverse else "Nothing to undo."
    if inverse is not None and inverse.key == action.key:
        undo = "Undo: the former value."
    query = f"?{urlencode({'incident': incident.pk})}" if incident else ""
    impossible = _why_impossible(action, entity, known)
    forbidden = "You may not request this: it needs a permission you do not hold." if missing else ""
    braked = "" if impossible or forbidden else _why_protected(action, known)
    mends = impossible and user.holds(keys.MANAGE_SYSTEM)
    return {
        "symbol": action.icon or "bolt",
        "label": action.label,
        "verb": action.verb,
        "note": f"{approval} {undo}",
        "danger": action.risk == Risk.HIGH,
        "url": reverse("remediation:ask", args=[entity.kind, entity.pk, action.key]) + query,
        "refusal": impossible or forbidden or braked,
        "why_url": why_url(user, action.key, entity.pk, str(entity)),
        "mend_url": reverse("connectors:connections") if mends else "",
        "mend_text": "Bind what is known…" if known.unbound else "Open Connections",
    }


def _why_protected(action: Action, known: Known) -> str:
    return known.shielded if policy.is_destructive(action) else ""


def _why_impossible(action: Action, entity: Entity, known: Known) -> str:
    """Why an order would reach nothing, in a sentence."""
    if action.in_portal:
        return ""
    if action.by_peers:
        return _why_no_peers(action, entity)
    if known.unbound:
        return known.unbound
    if known.connection is None:
        return ""
    try:
        policy.check_connection(action, known.connection, known.remote_id, str(entity), entity.kind)
    except Refused as refused:
        return refused.message
    return ""


def _why_no_peers(action: Action, entity: Entity) -> str:
    if not action.in_force:
        return ""
    if not isinstance(entity, Device | Identity):
        return ""
    if isinstance(entity, Device) and (sensor := peers.sensor_of(entity)):
        return f"It has {sensor}: isolate it instead."
    return peers.why_nobody(action, exercise=entity.exercise)
