"""The console of a session: what was typed and came back, what runs, and the line to type in."""

from typing import Any

from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_POST, require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from core import options
from core.htmx import wants_part
from live_response.enums import Level, Output
from live_response.limits import IDLE_MINUTES
from live_response.models import LibraryFile, LiveCommand, LiveSession
from live_response.refused import NotPossible
from live_response.services.orders import RIGHTS
from live_response.services.record import broken_at, events_after
from live_response.services.type_line import stop_command, type_line
from live_response.shown import as_json as json_of
from live_response.views.fetch import command_for, session_for
from live_response.views.shell import POLICY
from live_response.words import WORDS

LAST = 60
MOST_ROWS = 500


@csp_override(POLICY)
@require_safe
@requires(keys.LIVE_BASIC)
def console(request: AccountRequest, pk: int) -> HttpResponse:
    """The whole page."""
    session = session_for(request.user, pk)
    newest = list(session.commands.select_related("run").order_by("-number")[:LAST])[::-1]
    context = {
        **_frame(session, request, "console"),
        "commands": [shown(one) for one in newest],
        "earlier": max(0, session.commands.count() - len(newest)),
        "mine": session.user_id == request.user.pk,
        "words": [word.name for word in WORDS.values() if _may(word.level, request)],
        "typed": [one.line for one in newest if one.number > 1],
        "idle_minutes": options.get(IDLE_MINUTES),
    }
    return render(request, "live_response/console.html", context)


def _may(level: str, request: AccountRequest) -> bool:
    return request.user.holds(RIGHTS[Level(level)])


def _frame(session: LiveSession, request: AccountRequest, current: str) -> dict[str, Any]:
    names = {"console": "Console", "log": "Command log", "replay": "Recording"}
    tabs = [{"label": label, "url": reverse(f"live_response:{name}", args=[session.pk]), "current": name == current}
            for name, label in names.items()]  # fmt: skip
    may_end = session.is_open and (session.user_id == request.user.pk or request.user.holds(keys.LIVE_ADVANCED))
    crumbs = [{"label": "Live response", "url": reverse("live_response:sessions")}, {"label": session.number}]
    jobs = session.commands.open().select_related("run").order_by("number")
    return {"session": session, "tabs": tabs, "may_end": may_end, "crumbs": crumbs, "jobs": jobs}


def shown(command: LiveCommand, output: str = "") -> dict[str, Any]:
    """A command as the console shows it: its table cut at 500 rows, the whole is in the CSV."""
    as_json = (output or command.output_as) == Output.JSON
    names, rows = command.columns, command.ordered[:MOST_ROWS]
    cells = [["" if row.get(name) is None else row.get(name) for name in names] for row in rows]
    return {
        "command": command, "columns": names, "cells": cells, "left": len(command.table) - len(rows),
        "as_json": as_json, "json_text": json_of(rows) if as_json else "", "facts": _facts(command),
    }  # fmt: skip


def _facts(command: LiveCommand) -> list[tuple[str, Any]]:
    """What `trace` tells besides."""
    if command.session is None or not command.session.trace or command.is_open:
        return []
    seconds = f"{command.duration.total_seconds():.2f} s" if command.duration else ""
    return [("order", command.order), ("action", command.action), ("took", seconds), ("rows", len(command.table)),
            ("bytes", len(command.output)), ("code", command.code)]  # fmt: skip


@require_POST
@requires(keys.LIVE_BASIC)
def type_here(request: AccountRequest, pk: int) -> HttpResponse:
    """Take a line; the answer is the command as the console shows it, or why nothing may be typed."""
    session = session_for(request.user, pk)
    line = request.POST.get("line", "")[:4_000]
    try:
        command = type_line(session, text=line, actor=request.user.actor, user=request.user)
    except NotPossible as refusal:
        context = {"refusal": refusal, "line": line, "session": session}
        return render(request, "live_response/not_typed.html", context, status=422)
    if not wants_part(request):
        return redirect("live_response:console", pk=pk)
    rows = [one for one in (command.needs, command) if one is not None]
    return render(request, "live_response/typed.html", {"session": session, "rows": [shown(one) for one in rows]})


@require_safe
@requires(keys.LIVE_BASIC)
def command(request: AccountRequest, pk: int, number: int) -> HttpResponse:
    """One command as it stands now; `?as=json` or `table` says how its table reads."""
    session = session_for(request.user, pk)
    found = command_for(request.user, session, number)
    output = request.GET.get("as", "")
    context = shown(found, output if output in Output.values else "") | {"session": session}
    if wants_part(request):
        return render(request, "live_response/command_page.html", context)
    return render(request, "live_response/command_alone.html", _frame(session, request, "log") | context)


@require_safe
@requires(keys.LIVE_BASIC)
def log(request: AccountRequest, pk: int) -> HttpResponse:
    """Every command of the session with its outcome."""
    session = session_for(request.user, pk)
    rows = session.commands.select_related("run").prefetch_related("artefacts__blob").order_by("number")
    return render(request, "live_response/log.html", {**_frame(session, request, "log"), "rows": rows})


@csp_override(POLICY)
@require_safe
@requires(keys.LIVE_BASIC)
def replay(request: AccountRequest, pk: int) -> HttpResponse:
    """The recording, played on the page, and whether it is whole. The page asks for the parts behind the first
    (`?after=`)."""
    session = session_for(request.user, pk)
    after = request.GET.get("after", "")
    events, more = events_after(session, int(after) if after.isdecimal() and len(after) < 10 else 0)
    if after:
        return JsonResponse({"events": events, "more": more})
    context = {**_frame(session, request, "replay"), "events": events, "more": more, "broken": broken_at(session),
               "has_shell": session.recorded.exclude(shell=None).exists()}  # fmt: skip
    return render(request, "live_response/replay.html", context)


@require_POST
@requires(keys.LIVE_BASIC)
def cancel(request: AccountRequest, pk: int, number: int) -> HttpResponse:
    """Really end a command."""
    session = session_for(request.user, pk)
    found = command_for(request.user, session, number)
    try:
        stop_command(found, actor=request.user.actor, user=request.user)
    except NotPossible as refusal:
        context = {"refusal": refusal, "line": "", "session": session}
        return render(request, "live_response/not_typed.html", context, status=422)
    found.refresh_from_db()
    if not wants_part(request):
        return redirect("live_response:console", pk=pk)
    return render(request, "live_response/command.html", shown(found) | {"session": session, "asked": True})


@require_safe
@requires(keys.LIVE_BASIC)
def jobs(request: AccountRequest, pk: int) -> HttpResponse:
    """What runs, beside the console."""
    session = session_for(request.user, pk)
    return render(request, "live_response/jobs.html", {**_frame(session, request, "console")})


@require_safe
@requires(keys.LIVE_BASIC)
def library_of_console(request: AccountRequest, pk: int) -> HttpResponse:
    """The library, beside the console."""
    session = session_for(request.user, pk)
    return render(request, "live_response/library_side.html", {"session": session, "files": LibraryFile.objects.all()})
