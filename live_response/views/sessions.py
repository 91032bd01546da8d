"""The list of sessions; opening and ending one."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import keys, step_up
from accounts.guard import AccountRequest, requires
from core.filters import at_cursor
from core.htmx import done
from core.pages import leaf
from core.pagination import Keyset, counted
from incidents.entity_facts import incidents_naming
from incidents.models import Device, Incident
from live_response.acts import OPEN_SESSION
from live_response.enums import OPEN_SESSIONS, CommandState, ShellDecision
from live_response.forms import OpenForm
from live_response.models import LiveSession, RawShell
from live_response.refused import NotPossible
from live_response.services.sessions import check_may_end, end_session, open_session, why_not
from live_response.views.fetch import device_for, session_for
from remediation.views.fetch import incident_for

ORDER = Keyset(("created", "id"))
SHOWN = {"": "All", "open": "Open", "ended": "Ended", "mine": "Mine"}
MOST_INCIDENTS = 20
MOST_SHELLS = 20


@require_safe
@requires(keys.LIVE_BASIC)
def session_list(request: AccountRequest) -> HttpResponse:
    """Sessions on devices in my scope, the newest first."""
    wanted = request.GET.get("show", "") if request.GET.get("show", "") in SHOWN else ""
    rows = LiveSession.objects.visible_to(request.user)
    opened = counted(rows.open())
    rows = {"open": rows.filter(state__in=OPEN_SESSIONS), "ended": rows.exclude(state__in=OPEN_SESSIONS),
            "mine": rows.filter(user=request.user)}.get(wanted, rows)  # fmt: skip
    page = leaf(rows.select_related("device", "incident", "user"), ORDER, purpose=f"live:{wanted}",
                cursor=request.GET.get("cursor", ""))  # fmt: skip
    context = {
        "rows": page.rows, "total": counted(rows), "opened": opened, "shown": SHOWN, "wanted": wanted,
        "newer_url": at_cursor(request, page.newer), "older_url": at_cursor(request, page.older),
        "shells": _undecided(request),
    }  # fmt: skip
    return render(request, "live_response/sessions.html", context)


def _undecided(request: AccountRequest) -> list[RawShell]:
    """Raw shells that wait for this very person's decision."""
    if not request.user.holds(keys.LIVE_RAW):
        return []
    seen = LiveSession.objects.visible_to(request.user).open()
    asked = RawShell.objects.filter(decision=ShellDecision.ASKED, command__state=CommandState.WAITING)
    rows = asked.filter(command__session__in=seen).exclude(command__user=request.user)
    return list(rows.select_related("command__session__device").order_by("pk")[:MOST_SHELLS])


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.LIVE_BASIC)
def open_dialog(request: AccountRequest, device_id: int) -> HttpResponse:
    """Asks why (GET), and begins the session (POST), both only after a confirmation of who it is."""
    device = device_for(request.user, device_id)
    step_up.require(request, OPEN_SESSION)
    form = OpenForm(request.POST or None, incidents=_offered(request, device), initial=_known(request))
    refusal = why_not(device, request.user)
    if request.method == "POST" and not refusal and form.is_valid():
        try:
            return _open(request, device, form)
        except (NotPossible, ValidationError) as error:
            refusal = str(getattr(error, "message", error))
    context = {
        "form": form,
        "device": device,
        "refusal": refusal,
        "back": reverse("incidents:device", args=[device_id]),
    }
    return render(request, "live_response/open.html", context, status=422 if request.method == "POST" else 200)


def _known(request: AccountRequest) -> dict[str, Any]:
    """What the address says beforehand; what it leaves open is up to the form."""
    named = {"incident": request.GET.get("incident", ""), "reason": request.GET.get("reason", "")[:4_000]}
    return {name: value for name, value in named.items() if value}


def _offered(request: AccountRequest, device: Device) -> list[Incident]:
    """The open incidents that name the device, the most pressing first, and the one that was said."""
    naming = incidents_naming(device, request.user).open().for_rows()
    offered = list(naming.order_by("-priority_score", "-last_activity", "-id")[:MOST_INCIDENTS])
    named = incident_for(request.user, (request.POST or request.GET).get("incident"))
    return offered if named is None or named in offered else [*offered, named]


def _open(request: AccountRequest, device: Device, form: OpenForm) -> HttpResponse:
    number = form.cleaned_data.get("incident")
    incident = Incident.objects.get(pk=number) if number else None
    session = open_session(
        device, reason=form.cleaned_data["reason"], actor=request.user.actor, user=request.user, incident=incident
    )
    url = reverse("live_response:console", args=[session.pk])
    return done(request, f"{session.number} is connecting", back=url, leave=True)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.LIVE_BASIC)
def end_dialog(request: AccountRequest, pk: int) -> HttpResponse:
    """Asks before it ends a session and what runs in it."""
    session = session_for(request.user, pk)
    refusal = ""
    try:
        check_may_end(session, request.user)
        if request.method == "POST":
            end_session(session, actor=request.user.actor, user=request.user)
            return done(request, f"{session.number} has ended", back=reverse("live_response:console", args=[pk]),
                        leave=True)  # fmt: skip
    except NotPossible as error:
        refusal = error.message
    running = session.commands.open().count()
    context = {"session": session, "refusal": refusal, "running": running,
               "back": reverse("live_response:console", args=[pk])}  # fmt: skip
    return render(request, "live_response/end.html", context, status=422 if request.method == "POST" else 200)
