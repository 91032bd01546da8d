"""One question to many devices: asking it, its answers, and the earlier ones."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from core.exports import MAX_ROWS, csv_response
from incidents.models import Device
from live_response.enums import OPEN_COMMANDS, CommandState
from live_response.forms import QuestionForm
from live_response.grammar import BadLine
from live_response.limits import MOST_DEVICES
from live_response.line import line
from live_response.models import FleetQuery, LiveCommand
from live_response.refused import NotPossible
from live_response.services.fleet import ask_fleet, rows_of
from live_response.shown import head_of, in_cell
from live_response.views.fetch import query_for

EARLIER = 50
MOST_ROWS = 1_000


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.LIVE_BASIC)
def questions(request: AccountRequest) -> HttpResponse:
    """Ask (POST), and what was asked before."""
    form = QuestionForm(request.POST or None, user=request.user, initial={"line": request.GET.get("line", "")})
    if request.method == "POST" and form.is_valid():
        try:
            query = _ask(request, form)
        except (BadLine, NotPossible, ValidationError) as error:
            form.add_error("line", " ".join(getattr(error, "messages", [str(error)])))
        else:
            return redirect("live_response:question", pk=query.pk)
    earlier = FleetQuery.objects.visible_to(request.user)[:EARLIER]
    context = {"form": form, "earlier": earlier, "most": MOST_DEVICES}
    return render(request, "live_response/questions.html", context, status=422 if form.errors else 200)


def _ask(request: AccountRequest, form: QuestionForm) -> FleetQuery:
    given = form.cleaned_data
    devices = Device.objects.visible_to(request.user).order_by("display_name", "pk")
    if given["group"]:
        devices = devices.filter(device_group=int(given["group"]))
    chosen = [device for device in devices if line().agent_of(device) is not None]
    return ask_fleet(given["line"], devices=chosen, reason=given["reason"], actor=request.user.actor, user=request.user)


def _answers(query: FleetQuery, request: AccountRequest) -> list[LiveCommand]:
    visible = Device.objects.visible_to(request.user)
    return list(query.answers.filter(device__in=visible).select_related("device").order_by("number"))


@require_safe
@requires(keys.LIVE_BASIC)
def question(request: AccountRequest, pk: int) -> HttpResponse:
    """How each device stands, and all answers as one table."""
    query = query_for(request.user, pk)
    answers = _answers(query, request)
    rows = list(rows_of(answers))
    names = list(dict.fromkeys(name for row in rows[:MOST_ROWS] for name in row))
    context: dict[str, Any] = {
        "query": query, "answers": answers, "columns": [head_of(name) for name in names], "total": len(rows),
        "cells": [[in_cell(name, row.get(name)) for name in names] for row in rows[:MOST_ROWS]],
        "done": sum(one.state == CommandState.SUCCEEDED for one in answers),
        "waiting": sum(one.state in OPEN_COMMANDS for one in answers),
        "crumbs": [{"label": "Live response", "url": reverse("live_response:sessions")},
                   {"label": "Questions to many", "url": reverse("live_response:questions")}, {"label": query.number}],
    }  # fmt: skip
    return render(request, "live_response/question.html", context)


@require_safe
@requires(keys.LIVE_BASIC)
def export(request: AccountRequest, pk: int) -> StreamingHttpResponse:
    """All answers as CSV; a device that did not answer has a line that says why."""
    query = query_for(request.user, pk)
    answers = _answers(query, request)
    rows = list(rows_of(answers))[:MAX_ROWS]
    names = list(dict.fromkeys(name for row in rows for name in row if name != "device"))
    lines = [[row.get("device"), "succeeded", "", *(row.get(name) for name in names)] for row in rows]
    lines += [[one.device.display_name, one.state, one.detail] for one in answers if not one.table]
    return csv_response(query.number, ["device", "state", "detail", *names], lines)
