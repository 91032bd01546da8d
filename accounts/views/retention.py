"""Administration: how long what is kept, what would be deleted now, and trying other times before setting them."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import acts, keys, step_up
from accounts.forms.retention import RetentionForm
from accounts.guard import AccountRequest, requires
from core import options, retention
from core.htmx import done
from core.models import AuditEvent


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MANAGE_SETTINGS)
def retention_page(request: AccountRequest) -> HttpResponse:
    """The times in force, or with `days_…` what others would mean; a POST sets them, unless it asks for a preview."""
    asked = request.POST if request.method == "POST" else request.GET
    form = RetentionForm(asked if any(name.startswith("days_") for name in asked) else None)
    sets = request.method == "POST" and request.POST.get("act") != "preview"
    if sets and form.is_valid():
        step_up.require(request, acts.CHANGE_OPTION)
        return _set(request, form)
    considered = form.days() if form.is_bound and form.is_valid() else {}
    context = {
        "form": form,
        "rows": _rows(considered, form),
        "considered": considered != {} and considered != retention.days_in_force(),
    }
    return render(request, "accounts/retention.html", context, status=422 if sets else 200)


def _set(request: AccountRequest, form: RetentionForm) -> HttpResponse:
    before = retention.days_in_force()
    changed = {
        kind.option: form.days()[kind.key] for kind in retention.kinds() if form.days()[kind.key] != before[kind.key]
    }
    for option, days in changed.items():
        options.put(option, days, actor=request.actor, reason=form.cleaned_data["reason"])
    title = "Times of retention changed" if changed else "Nothing to change"
    return done(request, title, back=reverse("accounts:retention"), leave=True)


def _rows(considered: dict[str, int], form: RetentionForm) -> list[dict[str, Any]]:
    in_force = retention.days_in_force()
    last = _last_applied()
    return [
        {
            "preview": one,
            "field": form[f"days_{one.kind.key}"],
            "in_force": in_force[one.kind.key],
            "last": last.get(f"retention:{one.kind.key}"),
        }
        for one in retention.previews(considered)
    ]


def _last_applied() -> dict[str, AuditEvent]:
    subjects = [f"retention:{kind.key}" for kind in retention.kinds()]
    newest = AuditEvent.objects.filter(subject__in=subjects, verb="retention.applied").order_by("subject", "-at", "-id")
    return {event.subject: event for event in newest.distinct("subject")}
