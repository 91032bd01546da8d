"""Waiting for me: what needs this person now."""

from django.db.models import F
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from core import slots
from incidents.enums import Severity
from incidents.models import Incident
from incidents.queries.incidents import OWNERLESS
from incidents.rows import as_rows

MOST = 25


@require_safe
@requires(keys.READ)
def waiting(request: AccountRequest) -> HttpResponse:
    """Decisions of later rooms, high incidents that nobody has, and my own."""
    rows = Incident.objects.visible_to(request.user).open().for_rows()
    unowned = rows.filter(OWNERLESS, severity=Severity.HIGH).order_by("-priority_score", "-last_activity", "-id")
    risen_first = F("rose_to_high").desc(nulls_last=True)
    mine = rows.filter(assigned_to=request.user).order_by(risen_first, "-priority_score", "-last_activity", "-id")
    context = {
        "sections": slots.entries("waiting.sections", request, request.user),
        "unowned": as_rows(list(unowned[:MOST]), request.user),
        "mine": as_rows(list(mine[:MOST]), request.user),
        "may_manage": request.user.holds(keys.MANAGE_ALERTS),
    }
    return render(request, "incidents/waiting.html", context)
