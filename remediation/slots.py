"""What remediation shows on earlier pages: buttons on entities, the Actions tab, the policy in force."""

from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from accounts.models import User
from incidents.history import word_of
from incidents.models import Device, File, Identity, Incident, Mailbox
from remediation.catalog import registry
from remediation.catalog.action import Action
from remediation.enums import Risk, RunStatus
from remediation.models import ActionRun, ControlState
from remediation.views.cards import approval_card
from remediation.views.titles import title_of

DONE = (RunStatus.SUCCEEDED, RunStatus.PARTIALLY_SUCCEEDED)
MOST_WAITING = 50
MOST_DIGITS = 18
Entity = Device | File | Identity | Mailbox


def respond_button(
    action: Action, request: HttpRequest, subject: tuple[Entity, Incident | None]
) -> dict[str, Any] | None:
    """The button of one action on an entity, as `components/act.html` wants it; None where it makes no sense."""
    entity, incident = subject
    user = request.user
    if not isinstance(user, User) or entity.kind != action.target_kind:
        return None
    if not _makes_sense(action, *_known(request, entity)):
        return None
    return _button(action, entity, incident, user)


def _known(request: HttpRequest, entity: Entity) -> tuple[dict[str, str], frozenset[str]]:
    """The observed state of each facet and the actions that took effect, read once a request and entity."""
    known: dict[tuple[str, int], tuple[dict[str, str], frozenset[str]]]
    known = request.__dict__.setdefault("_known_of_entities", {})
    key = (str(entity.kind), entity.pk)
    if key not in known:
        states = ControlState.objects.filter(target_kind=entity.kind, target_id=entity.pk, facet_key="")
        done = ActionRun.objects.filter(target_kind=entity.kind, target_id=entity.pk, status__in=DONE, parent=None)
        known[key] = (
            dict(states.values_list("facet", "observed")),
            frozenset(done.values_list("action", flat=True)),
        )
    return known[key]


def _makes_sense(action: Action, states: dict[str, str], done: frozenset[str]) -> bool:
    """An action that leads to the state in force is left out, and so is the undo of something never done."""
    inverse = registry.inverse_of(action)
    if inverse is None:
        return True
    observed = states.get(action.facet, "")
    if action.in_force:
        return observed != action.wanted
    return observed == inverse.wanted or inverse.key in done


def _button(action: Action, entity: Entity, incident: Incident | None, user: User) -> dict[str, Any]:
    missing = [key for key in action.request_permissions if not user.holds(key)]
    inverse = registry.inverse_of(action)
    approval = "Needs another person." if action.needs_approval else "No approval needed."
    undo = f"Undo: {inverse.verb.lower()}." if inverse else "Nothing to undo."
    query = f"?{urlencode({'incident': incident.pk})}" if incident else ""
    return {
        "symbol": action.icon or "bolt",
        "label": action.label,
        "verb": action.verb,
        "note": f"{approval} {undo}",
        "danger": action.risk == Risk.HIGH,
        "url": reverse("remediation:ask", args=[entity.kind, entity.pk, action.key]) + query,
        "refusal": "You may not request this: it needs a permission you do not hold." if missing else "",
    }


def incident_tab(request: HttpRequest, incident: Incident) -> dict[str, Any] | None:
    """The Actions tab, with how many requests wait."""
    user = request.user
    if not isinstance(user, User):
        return None
    runs = ActionRun.objects.visible_to(user).top_level().filter(incident=incident)
    return {
        "label": "Actions",
        "url": reverse("remediation:of_incident", args=[incident.pk]),
        "count": runs.decided().count(),
        "waiting": runs.pending().count(),
    }


def runs_of(incident: Incident, user: User) -> QuerySet[ActionRun]:
    """The runs that the incident's history tells this person of."""
    return ActionRun.objects.visible_to(user).filter(incident=incident)


def withheld_words(user: User) -> QuerySet[Any, Any]:
    """`run:7` of each run in a restricted incident that does not name the person."""
    return ActionRun.objects.filter(incident__in=Incident.objects.hidden_from(user)).values_list(word_of("run"))


def entity_tab(request: HttpRequest, entity: Entity) -> dict[str, Any]:
    """The Actions tab of an entity's page."""
    return {"label": "Actions", "url": reverse("remediation:of_target", args=[entity.kind, entity.pk])}


def waiting_section(request: HttpRequest, user: User) -> dict[str, Any]:
    """The requests that this person may decide, the one that runs out first on top."""
    runs = ActionRun.objects.visible_to(user).top_level().pending().select_related("incident")
    cards = [approval_card(run, user) for run in runs.order_by("expires_at", "pk")[:MOST_WAITING]]
    return {"cards": [card for card in cards if not card["refusal"]]}


def search_results(request: HttpRequest, text: str) -> dict[str, Any] | None:
    """`RUN-7312` leads to its run."""
    user = request.user
    number = text.strip().upper().removeprefix("RUN-")
    if not isinstance(user, User) or not number.isdecimal() or len(number) > MOST_DIGITS:
        return None
    runs = ActionRun.objects.visible_to(user).filter(pk=int(number))
    results = [
        {"url": reverse("remediation:run", args=[run.pk]), "label": f"{run.number} {title_of(run)}",
         "meta": run.get_status_display()}
        for run in runs
    ]  # fmt: skip
    return {"label": "Actions", "results": results} if results else None
