"""Approval cards: the deed, the requester's words, what it does, how it is undone, and the time left."""

from datetime import timedelta
from typing import Any

from django.urls import reverse

from accounts.models import User
from core import clock
from remediation.catalog import registry
from remediation.models import ActionRun
from remediation.views.links import incident_link, target_link
from remediation.views.may import why_may_not_decide
from remediation.views.titles import title_of

SOON = timedelta(hours=1)


def approval_card(run: ActionRun, user: User) -> dict[str, Any]:
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
        "incident": incident_link(run.incident),
        "effect": " ".join(action.sentences(target=run.target_name, arguments=run.arguments)),
        "undo": inverse.label if inverse else action.why_no_undo,
        "expires": run.expires_at,
        "soon": run.expires_at is not None and run.expires_at - clock.now() < SOON,
        "approve_url": reverse("remediation:approve", args=[run.pk]),
        "reject_url": reverse("remediation:reject", args=[run.pk]),
        "refusal": why_may_not_decide(run, user),
    }
