"""Pausing the clocks of an incident, and letting them go on."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import keys
from accounts.guard import AccountRequest, requires
from core.htmx import done
from incidents.clock_words import pause_of
from incidents.forms.service_level import PauseForm, ResumeForm
from incidents.services.service_levels import is_paused, pause_clocks, resume_clocks
from incidents.views.incident import find_incident
from incidents.views.manage import REFRESH


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MANAGE_ALERTS)
def pause(request: AccountRequest, pk: int) -> HttpResponse:
    """Pause with a reason, or let the clocks go on when they stand still."""
    found = find_incident(request, pk)
    paused, back = is_paused(found), reverse("incidents:incident", args=[pk])
    form: Any = ResumeForm(request.POST or None) if paused else PauseForm(request.POST or None)
    if form.is_bound and form.is_valid():
        try:
            change = resume_clocks if paused else pause_clocks
            change(found, **form.cleaned_data, actor=request.user.actor)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            title = f"{found.number}: clocks {'run again' if paused else 'paused'}"
            return done(request, title, back=back, refresh=REFRESH)
    context = {"form": form, "incident": found, "back": back, "pause": pause_of(found),
               "verb": "Run again" if paused else "Pause clocks"}  # fmt: skip
    return render(request, "incidents/pause.html", context, status=422 if form.is_bound else 200)
