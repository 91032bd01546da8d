"""The first page: is something burning, how quickly do we go, what waits for me."""

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from accounts.models import User
from core import clock, slots
from incidents.enums import Severity
from incidents.models import Incident
from incidents.overview import burning, clocks, closed_as, open_now, opened_by_day
from incidents.queries.incidents import OWNERLESS
from incidents.queue import DEFAULTS_SAID, standard_with
from incidents.rows import as_rows
from incidents.views.incident import device_coverage

SPANS = (7, 30, 90)
MOST = 4


@require_safe
@requires(keys.READ)
def overview(request: AccountRequest) -> HttpResponse:
    asked = request.GET.get("days", "")
    days = int(asked) if asked.isdecimal() and len(asked) < 4 and int(asked) in SPANS else 30
    now = clock.now()
    since, user = now - timedelta(days=days), request.user
    fire = burning(user)
    closed = closed_as(user, since=since)
    context = {
        "days": days,
        "spans": SPANS,
        "fire": fire,
        "coverage": device_coverage(request, fire) if fire else None,
        **_open(user, now),
        "clocks": clocks(user, since=since, now=now),
        "chart": opened_by_day(user, days=days, now=now, zone=timezone.get_current_timezone()),
        "closed": closed,
        "closed_total": sum(row["value"] for row in closed),
        "closed_top": max((row["value"] for row in closed), default=0) or 1,
        "sections": slots.entries("overview.sections", request, user),
        **_mine(request),
    }
    return render(request, "incidents/overview.html", context)


def _open(user: User, now: datetime) -> dict[str, Any]:
    high = [Severity.HIGH.value]
    return {
        "open": open_now(user, now=now),
        "open_said": DEFAULTS_SAID,
        "open_url": standard_with(),
        "open_high_url": standard_with(severity=high),
        "open_unowned_url": standard_with(severity=high, owner=["nobody"]),
    }


def _mine(request: AccountRequest) -> dict[str, Any]:
    rows = Incident.objects.visible_to(request.user).open().for_rows()
    order = ("-priority_score", "-last_activity", "-id")
    mine = rows.filter(assigned_to=request.user).order_by(*order)[:MOST]
    unowned = rows.filter(OWNERLESS, severity=Severity.HIGH).order_by(*order)[:MOST]
    return {"mine": as_rows(list(mine), request.user), "unowned": as_rows(list(unowned), request.user)}
