"""One deed on the checked rows: the dialog says what would happen to each, the answer what did."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import render
from django.urls import reverse

from accounts import keys
from accounts.guard import AccountRequest, requires
from accounts.models import User
from remediation import policy
from remediation.catalog import registry
from remediation.forms import ReasonForm
from remediation.models import ActionRun
from remediation.services.bulk import MOST, WORDS, Deed, alike, do_to_many, find_many, why_not_together
from remediation.views.links import target_link
from remediation.views.may import why_may_not_undo
from remediation.views.outcomes import answer_many
from remediation.views.titles import title_of

MOST_DIGITS = 18
MOST_SAID = 3
_SYMBOLS = {Deed.APPROVE: "check", Deed.REJECT: "x", Deed.UNDO: "undo"}
_VERBS = {Deed.APPROVE: "Approve", Deed.REJECT: "Reject", Deed.UNDO: "Ask to undo"}
_NEEDS = {Deed.APPROVE: keys.DECIDE_RESPONSE, Deed.REJECT: keys.DECIDE_RESPONSE, Deed.UNDO: keys.REQUEST_RESPONSE}


@requires(keys.READ)
def decide_many(request: AccountRequest) -> HttpResponse:
    """Approve, reject or undo several runs of one action; each is authorised and recorded by itself."""
    values = request.POST if request.method == "POST" else request.GET
    deed = Deed(values["what"]) if values.get("what") in {one.value for one in Deed} else Deed.APPROVE
    wanted = numbers(values.getlist("id"))
    if not wanted:
        return HttpResponseBadRequest("Check the rows that it is about.")
    runs = find_many(wanted, request.user)
    form = ReasonForm(request.POST or None)
    refusal = _lacks(request.user, deed) or why_not_together(runs)
    if request.method == "POST" and form.is_valid() and not refusal:
        return act(request, runs, deed, form.cleaned_data["reason"], back=_back(deed))
    context = _context(request, runs, form, deed, refusal)
    return render(request, "remediation/ask.html", context, status=422 if request.method == "POST" else 200)


def numbers(values: list[str]) -> list[int]:
    return [int(one) for one in values if one.isdecimal() and one.isascii() and len(one) < MOST_DIGITS][:MOST]


def act(request: AccountRequest, runs: list[ActionRun], deed: Deed, reason: str, *, back: str) -> HttpResponse:
    """Do it to each and tell what became of each."""
    try:
        results = do_to_many(runs, deed=deed, actor=request.user.actor, user=request.user, comment=reason)
    except ValidationError as error:
        form = ReasonForm(request.POST)
        context = _context(request, runs, form, deed, " ".join(error.messages))
        return render(request, "remediation/ask.html", context, status=422)
    return answer_many(request, results, done_word=WORDS[deed], back=back)


def more_of(run: ActionRun, user: User, deed: Deed) -> dict[str, Any] | None:
    """What the dialog of one offers besides: the others that are alike and that this person may do it to."""
    others = alike(run, user, deed=deed)
    refused = reasons_against(others, user, deed)
    open_to = [one for one in others if one.pk not in refused]
    if not open_to:
        return None
    return {
        "number": len(open_to),
        "ids": [one.pk for one in open_to],
        "targets": [target_link(one.target_kind, one.target_id, one.target_name) for one in open_to],
        "left_out": len(refused),
    }


def chosen_with(run: ActionRun, request: HttpRequest, user: User, deed: Deed) -> list[ActionRun]:
    """The run itself, and those of its like that the person saw in the dialog and checked."""
    if request.POST.get("more") != "1":
        return [run]
    also = set(numbers(request.POST.getlist("also")))
    return [run, *(one for one in alike(run, user, deed=deed) if one.pk in also)]


def reasons_against(runs: list[ActionRun], user: User, deed: Deed) -> dict[int, str]:
    """Why it would be refused, of those of which that is known beforehand."""
    if deed != Deed.UNDO:
        waiting = [run for run in runs if run.decision == "pending"]
        late = {run.pk: f"It is decided already: {run.get_decision_display().lower()}." for run in runs
                if run.decision != "pending"}  # fmt: skip
        return {**policy.reasons_not_to_decide(waiting, user), **late}
    return {run.pk: why for run in runs if (why := why_may_not_undo(run, user))}


def _lacks(user: User, deed: Deed) -> str:
    return "" if user.holds(_NEEDS[deed]) else "Deciding needs a right that none of your roles holds."


def _back(deed: Deed) -> str:
    return reverse("remediation:history" if deed == Deed.UNDO else "remediation:pending")


def _context(
    request: AccountRequest, runs: list[ActionRun], form: ReasonForm, deed: Deed, refusal: str
) -> dict[str, object]:
    reasons = reasons_against(runs, request.user, deed) if not refusal else {}
    able = len(runs) - len(reasons)
    return {
        "form": form,
        "ids": [run.pk for run in runs],
        "what": deed.value,
        "targets": [target_link(run.target_kind, run.target_id, run.target_name) for run in runs],
        "ask": {
            "symbol": _SYMBOLS[deed],
            "title": f"{_VERBS[deed]}: {len(runs)} checked",
            "warnings": [f"{run.number}: {reasons[run.pk]}" for run in runs if run.pk in reasons],
            "verb": f"{_VERBS[deed]} {able}",
            "danger": deed == Deed.APPROVE,
            "refusal": refusal,
            "simulated": any(run.simulated for run in runs),
            **(_effects(runs, deed) if runs else {"happens": "Nothing is checked."}),
        },
    }


def _effects(runs: list[ActionRun], deed: Deed) -> dict[str, str]:
    """What it does to them: in the words of the action when they share one, else a list of what is checked."""
    if len({run.action for run in runs}) > 1:
        return {"happens": "; ".join(title_of(run) for run in runs[:20])}
    if deed == Deed.REJECT:
        return {"happens": "Nothing is done. Those who asked see your reason."}
    action = registry.get(runs[0].action)
    does = registry.inverse_of(action) if deed == Deed.UNDO else action
    if does is None:
        return {"happens": action.why_no_undo}
    where = runs[0].target_name if len(runs) == 1 else f"Each of {len(runs)} targets"
    told = {
        "happens": " ".join(does.sentences(target=where, arguments=runs[0].arguments)),
        "checked_by": does.checked_by,
    }
    if deed == Deed.UNDO:
        told["approval"] = "Another person must approve each." if does.needs_approval else "No approval needed."
    return told


def _some_of(sentences: list[str]) -> str:
    """What happens to the first few in full; of many the rest is counted."""
    more = len(sentences) - MOST_SAID
    said = " ".join(sentences[:MOST_SAID])
    return f"{said} The same for {more} more, each as it was asked for." if more > 0 else said
