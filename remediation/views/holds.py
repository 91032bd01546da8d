from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from accounts import keys
from accounts.guard import AccountRequest, requires
from accounts.models import User
from remediation.forms import ReasonForm
from remediation.models import Hold
from remediation.queries.control import holds_visible_to
from remediation.refused import Refused
from remediation.services.holds import lift_hold
from remediation.views.answers import done
from remediation.views.links import target_link


@requires(keys.DECIDE_RESPONSE)
def lift(request: AccountRequest, hold_id: int) -> HttpResponse:
    """Let automation act there again."""
    hold = get_object_or_404(holds_visible_to(request.user), pk=hold_id, lifted_at=None)
    form, refusal = ReasonForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        try:
            lift_hold(hold, actor=request.actor, user=request.user, comment=form.cleaned_data["reason"])
        except Refused as refused:
            refusal = refused.message
        else:
            url = reverse("remediation:brakes")
            return done(request, title="Hold lifted", detail=f"On {hold.target_name}, {hold.facet}.", url=url)
    target = target_link(hold.target_kind, hold.target_id, hold.target_name)
    ask = {"title": f"Lift the hold on {hold.target_name}", "verb": "Lift hold", "symbol": "lock", "refusal": refusal,
           "happens": "Rules, playbooks and tokens may act on this part of the target again.",
           "target_note": f"{hold.by['name']} took it back: {hold.reason}"}  # fmt: skip
    status = 422 if request.method == "POST" else 200
    return render(request, "remediation/ask.html", {"form": form, "targets": [target], "ask": ask}, status=status)


def hold_row(hold: Hold, user: User) -> dict[str, Any]:
    """One hold as lists show it."""
    return {
        "hold": hold,
        "target": target_link(hold.target_kind, hold.target_id, hold.target_name),
        "lift_url": reverse("remediation:lift", args=[hold.pk]) if user.holds(keys.DECIDE_RESPONSE) else "",
    }
