"""Following an incident without owning it."""

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts import keys
from accounts.guard import AccountRequest, requires
from core.htmx import done
from incidents.views.incident import find_incident
from notifications.services.watch import follow, follows


@require_POST
@requires(keys.READ)
def toggle_follow(request: AccountRequest, pk: int) -> HttpResponse:
    found = find_incident(request, pk)
    on = follow(request.user, subject=found.thread, on=not follows(request.user, found.thread), actor=request.actor)
    said = f"You {'follow' if on else 'no longer follow'} {found.number}"
    detail = "Changes and comments come as notices." if on else ""
    return done(request, said, detail=detail, back=reverse("incidents:incident", args=[pk]), refresh=["#incident-head"])
