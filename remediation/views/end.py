"""Withdrawing a request, cancelling a run, undoing what was done."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts import keys
from accounts.guard import AccountRequest, requires
from accounts.models import User
from remediation.about import happens
from remediation.catalog import registry
from remediation.catalog.action import Action
from remediation.enums import Decision
from remediation.forms import ReasonForm
from remediation.models import ActionRun
from remediation.refused import Refused
from remediation.services.bulk import Deed
from remediation.services.cancel import cancel_run
from remediation.services.decide import withdraw_run
from remediation.services.deciders import who_could_decide
from remediation.services.preview import APPROVAL_BY, NOBODY, approval_in_words
from remediation.services.undo import undo_run
from remediation.views.answers import done
from remediation.views.bulk import act, chosen_with, more_of
from remediation.views.fetch import run_for
from remediation.views.links import target_link
from remediation.views.may import why_may_not_undo
from remediation.views.titles import title_of


@requires(keys.REQUEST_RESPONSE)
def withdraw(request: AccountRequest, run_id: int) -> HttpResponse:
    """Take back a request that nobody has decided."""
    run = run_for(request.user, run_id)
    words = {"title": f"Withdraw: {title_of(run)}", "happens": "The request ends undecided; nothing is done.",
             "verb": "Withdraw", "symbol": "undo"}  # fmt: skip
    return _end(request, run, withdraw_run, words, "Withdrawn")


@requires(keys.REQUEST_RESPONSE)
def cancel(request: AccountRequest, run_id: int) -> HttpResponse:
    """Stop a run that is under way, as far as that is still possible."""
    run = run_for(request.user, run_id)
    words = {"title": f"Cancel: {title_of(run)}", "verb": "Cancel run", "symbol": "x",
             "happens": "An order that was not handed over is not sent. One that was is asked to stop."}  # fmt: skip
    return _end(request, run, cancel_run, words, "Cancelled")


@requires(keys.REQUEST_RESPONSE)
def undo(request: AccountRequest, run_id: int) -> HttpResponse:
    """Ask for the inverse, as a run of its own."""
    run = run_for(request.user, run_id)
    action = registry.get(run.action)
    inverse = registry.inverse_of(action)
    words = {
        "title": f"Undo: {title_of(run)}",
        "happens": happens(run, inverse, unless=", unless more are chosen") if inverse else action.why_no_undo,
        "checked_by": inverse.checked_by if inverse else "",
        **_approval(run, inverse, request.user),
        "verb": f"Request {inverse.verb.lower()}" if inverse else "Undo",
        "symbol": "undo",
        "refusal": why_may_not_undo(run, request.user),
    }
    together = chosen_with(run, request, request.user, Deed.UNDO) if request.method == "POST" else [run]
    if len(together) > 1 and (form := ReasonForm(request.POST)).is_valid():
        back = reverse("remediation:run", args=[run.pk])
        return act(request, together, Deed.UNDO, form.cleaned_data["reason"], back=back)
    more = None if words["refusal"] else more_of(run, request.user, Deed.UNDO)
    return _end(request, run, undo_run, words, "Undo requested", more=more)


def _approval(run: ActionRun, inverse: Action | None, user: User) -> dict[str, Any]:
    """Who has to approve the undo, and who could now."""
    if inverse is None or not inverse.needs_approval:
        return {"approval": "No approval needed."}
    draft = ActionRun(
        action=inverse.key, target_kind=run.target_kind, target_id=run.target_id, target_name=run.target_name,
        facet=inverse.facet, device_group_ids=run.device_group_ids, arguments=run.arguments,
    )  # fmt: skip
    could = who_could_decide(draft, user, target=run, incident=run.incident)
    return {"approval": approval_in_words(APPROVAL_BY, could), "warnings": [] if could else [NOBODY]}


def _ended(request: AccountRequest, run: ActionRun, after: ActionRun, title: str) -> HttpResponse:
    """`after` is the run that undoes it, or itself."""
    waits = after is not run and after.decision == Decision.PENDING
    detail = f"{after.number} on {run.target_name}.{' Waits for another person to approve.' if waits else ''}"
    return done(request, title=title, detail=detail, url=reverse("remediation:run", args=[after.pk]), run=after)


def _end(
    request: AccountRequest,
    run: ActionRun,
    verb: Callable[..., Any],
    words: dict[str, Any],
    title: str,
    *,
    more: dict[str, Any] | None = None,
) -> HttpResponse:
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            outcome = verb(run, actor=request.user.actor, user=request.user, comment=form.cleaned_data["reason"])
        except Refused as refused:
            words = {**words, "refusal": refused.message}
        else:
            return _ended(request, run, outcome if isinstance(outcome, ActionRun) else run, title)
    context = {
        "form": form,
        "targets": [target_link(run.target_kind, run.target_id, run.target_name)],
        "more": more,
        "ask": {"simulated": run.simulated, **words},
    }
    return render(request, "remediation/ask.html", context, status=422 if request.method == "POST" else 200)
