from typing import Any

from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts import keys
from accounts.guard import AccountRequest, requires
from accounts.models import User
from remediation.about import happens
from remediation.catalog import registry
from remediation.enums import Risk
from remediation.forms import OptionalReasonForm, ReasonForm
from remediation.models import ActionRun
from remediation.refused import Refused
from remediation.services.bulk import Deed
from remediation.services.decide import approve_run, reject_run
from remediation.views.answers import done
from remediation.views.bulk import act, chosen_with, more_of
from remediation.views.chosen import chosen, to_decide_on
from remediation.views.fetch import run_for
from remediation.views.links import target_link
from remediation.views.may import why_may_not_decide
from remediation.views.titles import title_of, where_it_stands


@requires(keys.DECIDE_RESPONSE)
def approve(request: AccountRequest, run_id: int) -> HttpResponse:
    """Says what approving starts (GET); approves (POST)."""
    return _decide(request, run_id, approving=True)


@requires(keys.DECIDE_RESPONSE)
def reject(request: AccountRequest, run_id: int) -> HttpResponse:
    """Rejects, with a reason for the person who asked."""
    return _decide(request, run_id, approving=False)


def _decide(request: AccountRequest, run_id: int, *, approving: bool) -> HttpResponse:
    run = run_for(request.user, run_id)
    form = (OptionalReasonForm if approving else ReasonForm)(request.POST or None)
    deed = Deed.APPROVE if approving else Deed.REJECT
    if request.method == "POST" and form.is_valid():
        together = chosen_with(run, request, request.user, deed)
        if len(together) > 1:
            return act(request, together, deed, form.cleaned_data["reason"], back=reverse("remediation:pending"))
        verb = approve_run if approving else reject_run
        try:
            verb(run, actor=request.user.actor, user=request.user, comment=form.cleaned_data["reason"])
        except Refused as refused:
            context = _context(run, form, request.user, approving, refused.message)
            return render(request, "remediation/ask.html", context, status=422)
        word, then = ("Approved", where_it_stands(run)) if approving else ("Rejected", "Nothing is done.")
        url = reverse("remediation:run", args=[run.pk])
        return done(request, title=word, detail=f"{run.number}, {title_of(run)}. {then}", url=url, run=run)
    refusal = why_may_not_decide(run, request.user)
    status = 422 if request.method == "POST" else 200
    more = {} if refusal else {"more": more_of(run, request.user, deed)}
    context = {**_context(run, form, request.user, approving, refusal), **more}
    return render(request, "remediation/ask.html", context, status=status)


def _context(run: ActionRun, form: Form, user: User, approving: bool, refusal: str) -> dict[str, Any]:
    action = registry.get(run.action)
    inverse = registry.inverse_of(action)
    return {
        "form": form,
        "targets": [target_link(run.target_kind, run.target_id, run.target_name)],
        "ask": {
            "symbol": "check" if approving else "x",
            "title": f"{'Approve' if approving else 'Reject'}: {title_of(run)}",
            "happens": happens(run) if approving else "Nothing is done. The person who asked sees your reason.",
            "target_note": f"Asked for by {run.requester.name}: {run.comment}",
            "checked_by": action.checked_by if approving else "",
            "undo": (inverse.label if inverse else action.why_no_undo) if approving else "",
            "refusal": refusal,
            "verb": "Approve" if approving else "Reject",
            "danger": approving and action.risk == Risk.HIGH,
            "simulated": run.simulated,
            **(to_decide_on(run, user) if approving else {"facts": chosen(run, user)}),
        },
    }
