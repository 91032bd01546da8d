"""A run as a row of a table."""

from typing import Any

from django.urls import reverse

from accounts.models import User
from remediation.models import ActionRun
from remediation.views.links import incident_link, target_link
from remediation.views.titles import decided_words, state_of, title_of


def run_row(run: ActionRun, user: User) -> dict[str, Any]:
    """Everything a list shows of one run."""
    return {
        "run": run,
        "title": title_of(run),
        "url": reverse("remediation:run", args=[run.pk]),
        "state": state_of(run),
        "decided": decided_words(run, user.pk),
        "incident": incident_link(run.incident),
        "target": target_link(run.target_kind, run.target_id, run.target_name),
        "asked_by": run.requester.name,
        "at": run.ended or run.decided_at or run.created,
    }
