from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from accounts import keys
from accounts.guard import AccountRequest, requires
from incidents.models import Incident
from remediation.models import ActionRun
from remediation.queries.runs import target_is_visible
from remediation.views.cards import approval_cards
from remediation.views.rows import run_row

MOST = 200


@requires(keys.READ)
def of_incident(request: AccountRequest, incident_id: int) -> HttpResponse:
    """The Actions tab of an incident: what waits, and what was done."""
    incident = get_object_or_404(Incident.objects.visible_to(request.user).distinct(), pk=incident_id)
    runs = ActionRun.objects.visible_to(request.user).top_level().filter(incident=incident).select_related("incident")
    context = {
        "incident": incident,
        "cards": approval_cards(runs.pending().order_by("created", "pk")[:MOST], request.user),
        "rows": [run_row(run, request.user) for run in runs.decided().order_by("-created", "-pk")[:MOST]],
        "refusals": incident.refusals.filter(target_is_visible(request.user)).order_by("-at")[:20],
    }
    return render(request, "remediation/of_incident.html", context)
