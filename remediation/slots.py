"""What remediation shows on earlier pages: tabs, what waits for a decision, runs found by number."""

from typing import Any

from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from accounts.models import User
from incidents.history import word_of
from incidents.models import Device, File, Identity, Incident, Mailbox
from remediation.models import ActionRun, ControlState
from remediation.policy import decidable
from remediation.views.cards import approval_cards
from remediation.views.emergency import open_emergencies
from remediation.views.titles import title_of

MOST_WAITING, MOST_ON_OVERVIEW = 50, 3
MOST_DIGITS = 18
Entity = Device | File | Identity | Mailbox


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


def incident_banner(request: HttpRequest, incident: Incident) -> dict[str, Any] | None:
    """What one person approved alone in it and nobody has ratified."""
    user = request.user
    found = open_emergencies(user, incident) if isinstance(user, User) else []
    return {"emergencies": found} if found else None


def runs_of(incident: Incident, user: User) -> QuerySet[ActionRun]:
    """The runs that the incident's history tells this person of."""
    return ActionRun.objects.visible_to(user).filter(incident=incident)


def withheld_words(user: User) -> QuerySet[Any, Any]:
    """`run:7` of each run in a restricted incident that does not name the person."""
    return ActionRun.objects.filter(incident__in=Incident.objects.hidden_from(user)).values_list(word_of("run"))


def entity_tab(request: HttpRequest, entity: Entity) -> dict[str, Any]:
    """The Actions tab of an entity's page."""
    return {"label": "Actions", "url": reverse("remediation:of_target", args=[entity.kind, entity.pk])}


def entity_pane(request: HttpRequest, entity: Entity) -> dict[str, Any]:
    """The Action center of an entity beside the list that names it."""
    return {"url": reverse("remediation:pane_of_target", args=[entity.kind, entity.pk])}


def drift_pill(request: HttpRequest, subject: tuple[Entity, Incident | None]) -> dict[str, Any] | None:
    """That the entity is not as the last action left it."""
    drifts = ControlState.objects.of_target(subject[0]).drifting().exists()
    return {"text": "Drift", "kind": "warn", "icon": "warn"} if drifts else None


def _pressing(user: User) -> QuerySet[ActionRun]:
    """The requests that this person may decide, the most pressing incident first, then the oldest."""
    runs = ActionRun.objects.visible_to(user).top_level().pending().select_related("incident", "undoes__parent")
    return decidable(runs.order_by(F("incident__priority_score").desc(nulls_last=True), "created", "pk"), user)


def overview_section(request: HttpRequest, user: User) -> dict[str, Any] | None:
    """The first of what waits for this person's decision."""
    found = list(_pressing(user)[: MOST_ON_OVERVIEW + 1])
    names = ("pk", "number", "created")
    runs = [{"title": title_of(run), **{name: getattr(run, name) for name in names}} for run in found]
    return {"runs": runs[:MOST_ON_OVERVIEW], "more": len(found) > MOST_ON_OVERVIEW} if runs else None


def waiting_section(request: HttpRequest, user: User) -> dict[str, Any]:
    """All of them, as cards with their buttons."""
    cards = approval_cards(_pressing(user)[:MOST_WAITING], user)
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
