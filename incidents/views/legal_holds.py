"""Legal holds: placing one on an incident, the list of them, lifting one."""

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import keys, step_up
from accounts.guard import AccountRequest, requires
from core.htmx import done
from core.pages import leaf
from core.pagination import Keyset
from incidents.forms import HoldForm, ReasonForm
from incidents.models import LegalHold
from incidents.services.legal_hold import LIFT, lift_hold, place_hold
from incidents.views.incident import find_incident

NEWEST = Keyset(("placed", "id"))


@require_safe
@requires(keys.MANAGE_HOLDS)
def hold_list(request: AccountRequest) -> HttpResponse:
    """Those in force, or with `all` the lifted ones as well."""
    everything = "all" in request.GET
    holds = LegalHold.objects.visible_to(request.user).select_related("incident")
    page = leaf(holds if everything else holds.in_force(), NEWEST, purpose="legal-holds",
                cursor=request.GET.get("cursor", ""))  # fmt: skip
    start = f"{request.path}?{'all=1&' if everything else ''}cursor="
    context = {
        "holds": page.rows,
        "everything": everything,
        "newer_url": f"{start}{page.newer}" if page.newer else "",
        "older_url": f"{start}{page.older}" if page.older else "",
    }
    return render(request, "incidents/legal_holds.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MANAGE_HOLDS)
def place(request: AccountRequest, pk: int) -> HttpResponse:
    """The dialog on an incident's page."""
    found = find_incident(request, pk)
    form = HoldForm(request.POST or None)
    back = reverse("incidents:incident", args=[pk])
    if form.is_bound and form.is_valid():
        try:
            place_hold(found, actor=request.user.actor, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, f"{found.number} is held", back=back, leave=True)
    holds = LegalHold.objects.in_force().filter(incident=found)
    context = {"form": form, "incident": found, "holds": holds, "back": back, "verb": "Place hold"}
    return render(request, "incidents/legal_hold_place.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MANAGE_HOLDS)
@step_up.needs(LIFT)
def lift(request: AccountRequest, pk: int) -> HttpResponse:
    hold = get_object_or_404(LegalHold.objects.visible_to(request.user).in_force(), pk=pk)
    form = ReasonForm(request.POST or None)
    back = reverse("incidents:legal-holds")
    if form.is_bound and form.is_valid():
        try:
            lift_hold(hold, reason=form.cleaned_data["reason"], actor=request.user.actor)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, f"The hold on {hold.incident.number} is lifted", back=back, leave=True)
    context = {"form": form, "hold": hold, "back": back, "verb": "Lift hold"}
    return render(request, "incidents/legal_hold_lift.html", context, status=422 if form.is_bound else 200)
