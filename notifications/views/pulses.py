"""Administration: the sources, when they were heard from, and who fell silent."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from core.htmx import done
from notifications.forms import LimitForm
from notifications.models import Pulse
from notifications.services.pulse import forget_pulse, set_limit

PAGE = "notifications:sources"


@require_safe
@requires(keys.MANAGE_SYSTEM)
def sources(request: AccountRequest) -> HttpResponse:
    rows = sorted(Pulse.objects.all(), key=lambda row: (row.silent_since is None and not row.failing, row.label))
    return render(request, "notifications/sources.html", {"rows": rows})


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_SYSTEM)
def limit(request: AccountRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Pulse, pk=pk)
    form = LimitForm(request.POST or None, initial={"minutes": found.limit_minutes, "watched": found.watched})
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        set_limit(found, minutes=data["minutes"], watched=data["watched"], actor=request.actor)
        return done(request, "Saved", back=reverse(PAGE), refresh=["#sources"])
    context: dict[str, Any] = {"form": form, "pulse": found, "back": reverse(PAGE), "verb": "Save"}
    return render(request, "notifications/source_limit.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_SYSTEM)
def forget(request: AccountRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Pulse, pk=pk)
    if request.method == "POST":
        forget_pulse(found, actor=request.actor)
        return done(request, f"{found.label} forgotten", back=reverse(PAGE), refresh=["#sources"])
    return render(request, "notifications/source_forget.html", {"pulse": found, "back": reverse(PAGE)})
