from django.http import HttpResponse
from django.shortcuts import render

from accounts import keys
from accounts.guard import AccountRequest, requires
from remediation.models import ActionRun, ControlState, Hold
from remediation.views.fetch import target_for
from remediation.views.holds import hold_row
from remediation.views.rows import run_row

MOST = 100


@requires(keys.READ)
def of_target(request: AccountRequest, kind: str, target_id: int) -> HttpResponse:
    """The actions on one device, file, account or mailbox, and the policy in force on it."""
    target = target_for(request.user, kind, target_id)
    runs = ActionRun.objects.visible_to(request.user).filter(target_kind=kind, target_id=target.pk)
    context = {
        "target": target,
        "states": ControlState.objects.filter(target_kind=kind, target_id=target.pk).order_by("facet", "facet_key"),
        "holds": [
            hold_row(hold, request.user)
            for hold in Hold.objects.filter(target_kind=kind, target_id=target.pk, lifted_at=None).order_by("facet")
        ],
        "rows": [
            run_row(run, request.user) for run in runs.select_related("incident").order_by("-created", "-pk")[:MOST]
        ],
    }
    return render(request, "remediation/of_target.html", context)
