"""Global search."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from core import slots
from incidents.models import Incident
from incidents.search import incident_number, refanged, search


@require_safe
@requires(keys.READ)
def results(request: AccountRequest) -> HttpResponse:
    """Hits by kind; the number of an incident leads straight to it."""
    text = refanged(request.GET.get("q", ""))
    number = incident_number(text)
    if number and Incident.objects.visible_to(request.user).filter(pk=number).exists():
        return redirect("incidents:incident", number)
    groups = search(text, request.user)
    later = slots.entries("search.results", request, text) if text else []
    context = {"q": text, "groups": groups, "later": later, "total": sum(len(group.results) for group in groups)}
    return render(request, "incidents/search.html", context)
