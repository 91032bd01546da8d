from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts import keys
from accounts.guard import AccountRequest, requires
from accounts.models import User
from connectors.models import Delivery
from core.htmx import wants_part
from remediation.catalog import registry, words
from remediation.enums import Decision
from remediation.models import ActionRun, ControlState, EmergencyApproval
from remediation.outcome_words import given_with_it, outcome_facts, parts_in_words
from remediation.policy import approvers
from remediation.taken_back import DONE
from remediation.views.chosen import chosen
from remediation.views.emergency import emergency_row, why_not_alone
from remediation.views.fetch import run_for
from remediation.views.links import named_incident, target_link, why_url
from remediation.views.may import why_may_not_decide, why_may_not_undo
from remediation.views.rows import run_row
from remediation.views.story import story_of
from remediation.views.titles import state_of, title_of, took_words


@requires(keys.READ)
def run_page(request: AccountRequest, run_id: int) -> HttpResponse:
    """One run with its whole story, as a pane or as a page of its own."""
    run = run_for(request.user, run_id)
    alone = not wants_part(request) or request.GET.get("alone") == "1"  # a page of its own has no pane for other runs
    frame = {"alone": alone, "live_topics": _topics(run), "crumbs": _crumbs(run)}
    return render(request, "remediation/run.html", {**run_context(run, request.user), **frame})


def run_context(run: ActionRun, user: User) -> dict[str, Any]:
    delivery = Delivery.objects.filter(reference=f"run:{run.pk}").order_by("-pk").first()
    action = registry.get(run.action)
    took, duration = took_words(run)
    children = run.children.visible_to(user).select_related("incident")
    return {
        "run": run,
        "action": action,
        "title": title_of(run),
        "state": state_of(run),
        "took": took,
        "duration": duration,
        "arguments": [*chosen(run, user), *given_with_it(run)],
        **_answered(run),
        "target": target_link(run.target_kind, run.target_id, run.target_name),
        "incident": named_incident(run, user),
        **_now(run),
        "may_reconcile": user.holds(keys.REQUEST_RESPONSE),
        "steps": story_of(run, delivery),
        "log": run.log_lines.all()[:200],
        "artefacts": run.artefacts.select_related("blob"),
        "children": [run_row(child, user) for child in children.order_by("target_name", "pk")],
        "hidden_children": run.children.count() - children.count(),
        **_abilities(run, user),
    }


def _answered(run: ActionRun) -> dict[str, Any]:
    gathers = registry.get(run.action).guarded
    return {"outcome": outcome_facts(run), "parts": parts_in_words(run), "gathers": gathers}


def _now(run: ActionRun) -> dict[str, Any]:
    """How it stands with what the run was about, in words."""
    held = {"target_kind": run.target_kind, "target_id": run.target_id, "facet": run.facet, "facet_key": run.facet_key}
    control = ControlState.objects.filter(**held).first()
    if control is None:
        return {}
    return {"control": control, "seen": words.said(control.observed), "wanted": words.said(control.desired)}


def _topics(run: ActionRun) -> str:
    """What changes this page: the run, the one it is a part of, whatever happens to its target, such as its undo."""
    names = [f"run.changed:{run.pk}", f"target.changed:{run.target_kind}:{run.target_id}"]
    return " ".join([*names, f"run.changed:{run.parent_id}"] if run.parent_id else names)


def _crumbs(run: ActionRun) -> list[dict[str, str]]:
    pending = run.decision == Decision.PENDING
    listed = {"label": "Pending" if pending else "History",
              "url": reverse("remediation:pending" if pending else "remediation:history")}  # fmt: skip
    return [{"label": "Action center", "url": reverse("remediation:pending")}, listed, {"label": run.number}]


def _abilities(run: ActionRun, user: User) -> dict[str, Any]:
    """Which buttons stand at the foot, and why a forbidden one is."""
    pending = run.decision == Decision.PENDING
    mine = run.requester_id == user.pk
    took_effect = run.status in DONE
    alone = EmergencyApproval.objects.select_related("run").filter(run=run).first()
    return {
        "pending": pending,
        "why_url": why_url(user, run.action, run.target_id, run.target_name),
        "waits_for": approvers.waits_for(run) if pending and run.parent_id is None else "",
        "emergency": emergency_row(alone, user) if alone else None,
        "may_approve_alone": pending
        and run.parent_id is None
        and user.holds(keys.APPROVE_ALONE)
        and not why_not_alone(run, user),
        "decide_refusal": why_may_not_decide(run, user) if pending else "",
        "may_withdraw": pending and mine,
        "may_cancel": not pending and run.is_open and run.parent_id is None,
        "undo_action": registry.inverse_of(registry.get(run.action)) if took_effect and not run.parent_id else None,
        "undo_refusal": why_may_not_undo(run, user) if took_effect else "",
    }
