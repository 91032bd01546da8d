"""Approval cards: the deed, the requester's words, what it does, how it is undone, and the time left."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.urls import reverse

from accounts.models import User
from core import clock
from incidents.models import Incident
from remediation import policy
from remediation.about import happens
from remediation.catalog import registry
from remediation.models import ActionRun
from remediation.policy import approvers
from remediation.views.links import incident_link, target_link
from remediation.views.titles import title_of

SOON = timedelta(hours=1)


def approval_cards(runs: Iterable[ActionRun], user: User) -> list[dict[str, Any]]:
    """A card for each run: `refusal` says why this person may not decide, `waits_for` whom a rule names. The names of
    all their incidents, as this person may read them, cost one query."""
    found = list(runs)
    wanted = {run.incident_id for run in found if run.incident_id}
    seen = {one.pk: one for one in Incident.objects.visible_to(user).filter(pk__in=wanted)} if wanted else {}
    rules = approvers.approver_rules()
    refusals = policy.reasons_not_to_decide(found, user, rules)
    return [{**_card(run, seen), "refusal": refusals.get(run.pk, ""), "waits_for": approvers.waits_for(run, rules)}
            for run in found]  # fmt: skip


def _card(run: ActionRun, seen: Mapping[int, Incident]) -> dict[str, Any]:
    """The context of `components/approval.html`, without what depends on who looks."""
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
        "effect": happens(run),
        "undo": inverse.label if inverse else action.why_no_undo,
        "expires": run.expires_at,
        "soon": run.expires_at is not None and run.expires_at - clock.now() < SOON,
        "approve_url": reverse("remediation:approve", args=[run.pk]),
        "reject_url": reverse("remediation:reject", args=[run.pk]),
    }


def _incident(run: ActionRun, seen: Mapping[int, Incident]) -> dict[str, Any] | None:
    link = incident_link(run.incident)
    incident = seen.get(run.incident_id or 0)
    return {**link, "name": incident.display_name, "priority": incident.priority_score} if link and incident else link
