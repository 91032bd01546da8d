"""The readiness page: computed, with what mends each check and how it stood before."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from core import clock, exports
from core.permissions import label_of
from core.readiness import State
from reviews.models import ReadinessChange
from reviews.services.readiness import Standing, by_group, holding, standings
from reviews.views.room import preparation_tabs

# The strip shows so many days; a change further back is in the list below it.
STRIP_DAYS, STRIP_WIDTH, MOST_CHANGES = 90, 180, 12
KINDS = {State.OK: ("ok", "check"), State.WARN: ("warn", "warn"), State.MISSING: ("danger", "x")}
HEADER = ("group", "check", "state", "finding", "count", "of", "since", "why it matters", "mended at")


@require_safe
@requires(keys.READ_REPORTS)
def readiness(request: AccountRequest) -> HttpResponse:
    now = clock.now()
    found = standings(request.user, now=now)
    groups = [
        {"label": group.label, "holding": holding(rows), "total": len(rows), "rows": [_row(one, now) for one in rows]}
        for group, rows in by_group(found)
    ]
    worst = [one.check for one in found if one.finding.state == State.MISSING]
    context = {
        "tabs": preparation_tabs(request.user, "readiness"), "groups": groups, "holding": holding(found),
        "total": len(found),
        "counts": [{"label": state.label, "kind": KINDS[state][0], "icon": KINDS[state][1],
                    "count": sum(one.finding.state == state for one in found)} for state in State],
        "worst": worst, "whole": request.user.scope.everything, "at": now, "days": STRIP_DAYS,
    }  # fmt: skip
    return render(request, "reviews/readiness.html", context)


@require_safe
@requires(keys.READ_REPORTS)
def readiness_csv(request: AccountRequest) -> StreamingHttpResponse:
    lines = (
        (one.check.group.label, one.check.label, one.finding.state.label, one.finding.sentence, one.finding.count,
         one.finding.of, one.since, one.check.why, one.check.url)
        for one in standings(request.user)
    )  # fmt: skip
    return exports.csv_response("readiness", HEADER, lines)


def _row(one: Standing, now: datetime) -> dict[str, Any]:
    kind, icon = KINDS[one.finding.state]
    return {
        "check": one.check,
        "finding": one.finding,
        "kind": kind,
        "icon": icon,
        "since": one.since,
        "may_mend": one.may_mend,
        "right": label_of(one.check.mended_by),
        "reads_rows": one.reads_rows,
        "strip": strip(one.history, now),
        "changes": [_change(row) for row in reversed(one.history[-MOST_CHANGES:])],
    }


def _change(row: ReadinessChange) -> dict[str, Any]:
    state = State(row.state)
    return {"at": row.at, "label": state.label, "kind": KINDS[state][0], "sentence": row.sentence}


def strip(history: Sequence[ReadinessChange], now: datetime) -> list[dict[str, Any]]:
    """How it stood in the last days, as pieces of a line; before the first row nothing is known."""
    begin = now - timedelta(days=STRIP_DAYS)
    pieces = []
    ends = [*[row.at for row in history[1:]], now]
    for row, end in zip(history, ends, strict=False):
        left, right = max(row.at, begin), min(end, now)
        if right > left:
            x = (left - begin) / timedelta(days=STRIP_DAYS) * STRIP_WIDTH
            width = (right - left) / timedelta(days=STRIP_DAYS) * STRIP_WIDTH
            pieces.append({"x": f"{x:.1f}", "width": f"{max(width, 2.0):.1f}", "kind": KINDS[State(row.state)][0]})
    return pieces
