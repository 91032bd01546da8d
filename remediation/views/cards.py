"""Approval cards: the deed, the requester's words, what it does, how it is undone, and the time left."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.urls import reverse

from accounts.models import User
from core import clock
from incidents.models import Incident
from remediation.catalog import registry
from remediation.models import ActionRun
from remediation.views.links import incident_link, target_link
from remediation.views.may import why_may_not_decide
from remediation.views.titles import title_of

SOON = timedelta(hours=1)


def approval_cards(runs: Iterable[ActionRun], user: User) -> list[dict[str, Any]]:
    """A card for each run; the names of all their incidents, as this person may read them, cost one query."""
    found = list(runs)
    wanted = {run.incident_id for run in found if run.incident_id}
    seen = {one.pk: one for one in Incident.objects.visible_to(user).filter(pk__in=wanted)} if wanted else {}
    return [_card(run, user, seen) for run in found]


def _card(run: ActionRun, user: User, seen: Mapping[int, Incident]) -> dict[str, Any]:
    """The context of `components/approval.html`; `refusal` says why this person may not decide."""
    action = registry.get(run.action)
    inverse = registry.inverse_of(action)
    return {
        "id": run.pk,
        "url": reverse("remediation:run", args=[run.pk]),
        "title": title_of(run),
        "simulated": run.simulated,
        "quote": run.comment,
        "by": run.requester.name,
        "at": run.created,
        "targets": [target_link(run.target_kind, run.target_id, run.target_name)],
        "incident": _incident(run, seen),
        "effect": " ".join(action.sentences(target=run.target_name, arguments=run.arguments)),
        "undo": inverse.label if inverse else action.why_no_undo,
        "expires": run.expires_at,
        "soon": run.expires_at is not None and run.expires_at - clock.now() < SOON,
        "approve_url": reverse("remediation:approve", args=[run.pk]),
        "reject_url": reverse("remediation:reject", args=[run.pk]),
        "refusal": why_may_not_decide(run, user),
    }


def _incident(run: ActionRun, seen: Mapping[int, Incident]) -> dict[str, Any] | None:
    link = incident_link(run.incident)
    incident = seen.get(run.incident_id or 0)
    return {**link, "name": incident.display_name, "priority": incident.priority_score} if link and incident else link
