"""The dialogs of a drift: what the portal would do, and doing it when somebody says so."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from accounts import keys
from accounts.guard import AccountRequest, requires
from remediation.forms import ReasonForm
from remediation.models import ActionRun, ControlState
from remediation.refused import Refused
from remediation.services.bulk import Outcome
from remediation.services.reconcile import Proposal, Way, propose, reconcile
from remediation.views.answers import done
from remediation.views.in_force import states_now
from remediation.views.links import target_link
from remediation.views.outcomes import answer_many
from remediation.views.titles import title_of, where_it_stands

MOST = 50
LABELS = {
    Way.REAPPLY: "Ask for it again",
    Way.ACCEPT: "Accept what was seen as what is wanted",
}


@requires(keys.REQUEST_RESPONSE)
def reconcile_one(request: AccountRequest, state_id: int) -> HttpResponse:
    """One drift: what would be done, which ways are open, and why one is not."""
    state = get_object_or_404(ControlState.objects.visible_to(request.user), pk=state_id)
    found = next(iter(propose([state], request.user)), None)
    form, refusal = ReasonForm(request.POST or None), ""
    way = _way(request.POST.get("way", "")) or (found.way if found else Way.NOTHING)
    if request.method == "POST" and form.is_valid():
        try:
            run = reconcile(
                state, way=way, actor=request.user.actor, user=request.user, comment=form.cleaned_data["reason"]
            )
        except Refused as refused:
            refusal = refused.message
        else:
            return done(request, run=run, **_told(run))
    context = {
        "form": form,
        "proposal": _shown(found, way) if found else None,
        "refusal": refusal,
        "back": reverse("remediation:in_force"),
    }
    return render(request, "remediation/reconcile.html", context, status=422 if request.method == "POST" else 200)


@requires(keys.REQUEST_RESPONSE)
def reconcile_all(request: AccountRequest) -> HttpResponse:
    """All drifts with what would be done about each; asks for those that a person leaves checked."""
    drifting = states_now(request.user).drifting().order_by("drift_since", "pk")
    proposals = propose(drifting[:MOST], request.user)
    form = ReasonForm(request.POST or None)
    chosen = set(request.POST.getlist("state"))
    wanted = [one for one in proposals if str(one.state.pk) in chosen]
    if request.method == "POST" and not wanted:
        form.add_error(None, ValidationError("Check at least one."))
    if request.method == "POST" and form.is_valid():
        results = [_again(one, request, form.cleaned_data["reason"]) for one in wanted]
        return answer_many(request, results, done_word="asked for again", back=reverse("remediation:in_force"))
    rows = [{**_shown(one, one.way), "checked": one.way == Way.REAPPLY} for one in proposals]
    more = drifting.count() - len(rows)
    context = {"form": form, "rows": rows, "more": more, "verb": "Ask again for what is checked",
               "back": reverse("remediation:in_force")}  # fmt: skip
    return render(request, "remediation/reconcile_all.html", context, status=422 if request.method == "POST" else 200)


def _again(one: Proposal, request: AccountRequest, reason: str) -> Outcome:
    about = title_of(one.run)
    try:
        run = reconcile(one.state, way=Way.REAPPLY, actor=request.user.actor, user=request.user, comment=reason)
    except Refused as refused:
        return Outcome(one.run.pk, about, ok=False, code=refused.code, message=refused.message)
    except ValidationError as error:
        return Outcome(one.run.pk, about, ok=False, code="invalid", message=" ".join(error.messages))
    return Outcome(one.run.pk, about, ok=True, run=run)


def _way(text: str) -> Way | None:
    return Way(text) if text in {way.value for way in LABELS} else None


def _shown(found: Proposal, way: Way) -> dict[str, Any]:
    state, run, asks = found.state, found.run, found.asks
    again = Way.REAPPLY in found.open_ways
    return {
        "state": state,
        "run": run,
        "title": title_of(run),
        "target": target_link(state.target_kind, state.target_id, run.target_name),
        "why": found.why,
        "nothing": found.way == Way.NOTHING,
        "ways": [
            {"way": one.value, "label": label, "why_not": found.why_not.get(one, ""), "chosen": one == way}
            for one, label in LABELS.items()
        ],
        "open": bool(found.open_ways),
        "effects": " ".join(asks.effects) if asks and again else "",
        "approval": asks.approval if asks and again else "",
        "warnings": asks.warnings if asks and again else (),
        "simulated": run.simulated,
    }


def _told(run: ActionRun | None) -> dict[str, str]:
    if run is None:
        detail = "What was seen is what is wanted from now on."
        return {"title": "Accepted", "detail": detail, "url": reverse("remediation:in_force")}
    url = reverse("remediation:run", args=[run.pk])
    return {"title": "Asked for", "detail": f"{run.number}, {title_of(run)}. {where_it_stands(run)}", "url": url}
