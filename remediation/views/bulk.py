from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import render
from django.urls import reverse

from accounts import keys
from accounts.guard import AccountRequest, requires
from remediation import policy
from remediation.forms import ReasonForm
from remediation.models import ActionRun
from remediation.refused import Refused
from remediation.services.decide import approve_run, reject_run
from remediation.views.answers import done
from remediation.views.links import target_link
from remediation.views.titles import title_of

MOST, MOST_DIGITS = 50, 18
MOST_TOLD = 3  # the answer travels in a header, which proxies bound


@requires(keys.DECIDE_RESPONSE)
def decide_many(request: AccountRequest) -> HttpResponse:
    """Approve or reject several requests of one action type; each is authorised and decided by itself."""
    values = request.POST if request.method == "POST" else request.GET
    ids = [int(one) for one in values.getlist("id") if one.isdecimal() and len(one) < MOST_DIGITS][:MOST]
    approving = values.get("what") != "reject"
    runs = list(ActionRun.objects.visible_to(request.user).top_level().pending().filter(pk__in=ids).distinct())
    if not runs or len({run.action for run in runs}) != 1:
        return HttpResponseBadRequest("Check requests of one action type.")
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _decide(request, runs, form.cleaned_data["reason"], approving=approving)
    status = 422 if request.method == "POST" else 200
    context = _context(request, runs, form, approving=approving)
    return render(request, "remediation/ask.html", context, status=status)


def _decide(request: AccountRequest, runs: list[ActionRun], reason: str, *, approving: bool) -> HttpResponse:
    verb, decided, refused = (approve_run if approving else reject_run), 0, []
    for run in runs:
        try:
            verb(run, actor=request.user.actor, user=request.user, comment=reason)
            decided += 1
        except Refused as refusal:
            refused.append(f"{run.number}: {refusal.message}")
    word = "approved" if approving else "rejected"
    more = f" And {len(refused) - MOST_TOLD} more." if len(refused) > MOST_TOLD else ""
    return done(request, title=f"{decided} of {len(runs)} {word}", detail=" ".join(refused[:MOST_TOLD]) + more,
                url=reverse("remediation:pending"))  # fmt: skip


def _context(request: AccountRequest, runs: list[ActionRun], form: ReasonForm, *, approving: bool) -> dict[str, object]:
    word = "Approve" if approving else "Reject"
    reasons = policy.reasons_not_to_decide(runs, request.user)
    refusals = [f"{run.number}: {reasons[run.pk]}" for run in runs if run.pk in reasons]
    return {
        "form": form,
        "ids": [run.pk for run in runs],
        "what": "approve" if approving else "reject",
        "targets": [target_link(run.target_kind, run.target_id, run.target_name) for run in runs],
        "ask": {
            "symbol": "check" if approving else "x",
            "title": f"{word} {len(runs)} requests",
            "happens": "; ".join(title_of(run) for run in runs),
            "warnings": refusals,
            "verb": f"{word} {len(runs) - len(refusals)}",
            "danger": approving,
        },
    }
