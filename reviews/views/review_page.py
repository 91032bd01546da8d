from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.dateparse import parse_datetime

from accounts import keys
from accounts.guard import AccountRequest, requires
from core import clock
from incidents.models import Incident
from reviews.enums import FollowUpState, ReviewState
from reviews.forms import FindingForm, FollowUpForm, WriteForm
from reviews.models import Review
from reviews.report import report_of, rows_of_states
from reviews.services.addenda import is_true
from reviews.services.write import open_review
from reviews.views.fetch import incident_for


@requires(keys.READ)
def review_page(request: AccountRequest, incident_id: int) -> HttpResponse:
    """The review as a sheet of paper; a writer may begin one, everybody else sees that there is none yet."""
    incident = incident_for(request.user, incident_id)
    review = Review.objects.filter(incident=incident).select_related("incident").first()
    if review is None and request.user.holds(keys.WRITE_REVIEWS) and request.method == "POST":
        review = open_review(incident, actor=request.user.actor)
    if review is None:
        return render(request, "reviews/none.html", {"incident": incident})
    return render(request, "reviews/review.html", page_context(request, incident, review))


def page_context(request: AccountRequest, incident: Incident, review: Review) -> dict[str, Any]:
    """Everything the sheet and its side show."""
    report = report_of(review)
    editable = review.state == ReviewState.DRAFT and request.user.holds(keys.WRITE_REVIEWS)
    follow_ups = review.follow_ups.select_related("owner")
    return {
        "incident": incident,
        "review": review,
        "report": report,
        "clocks": [_clock(row) for row in report["clocks"]],
        "moments": [_moment(row) for row in report["timeline"]],
        "states": rows_of_states(report),
        "editable": editable,
        "may_sign": request.user.holds(keys.SIGN_REVIEWS),
        "may_follow_up": request.user.holds(keys.WRITE_REVIEWS),
        "may_learn": request.user.holds(keys.MANAGE_FOLLOW_UPS),
        "addenda": [(row, is_true(row)) for row in review.addenda.select_related("review")],
        "findings": list(review.findings.all()),
        "follow_ups": follow_ups,
        "open_follow_ups": sum(row.state == FollowUpState.OPEN for row in follow_ups),
        "late_follow_ups": sum(row.state == FollowUpState.OPEN and row.due < clock.now().date() for row in follow_ups),
        "today": clock.now().date(),
        **_forms(review),
    }


def _forms(review: Review) -> dict[str, Any]:
    shown = {"summary": review.summary, "lessons": review.lessons, "version": review.version}
    return {
        "write_form": WriteForm(initial=shown),
        "finding_forms": [
            (kind, FindingForm(initial={"kind": kind}, auto_id=f"{kind}-%s")) for kind in ("well", "badly")
        ],
        "follow_up_form": FollowUpForm(),
    }


def _clock(row: dict[str, Any]) -> dict[str, Any]:
    """A clock with its verdict in words, from the report's JSON."""
    timed = row["seconds"] is not None and row["target_seconds"] is not None
    over = row["seconds"] - row["target_seconds"] if timed else None
    return {**row, "started": parse_datetime(row["started"]), "over": over if over and over > 0 else None}


def _moment(row: dict[str, Any]) -> dict[str, Any]:
    kinds = {"milestone": "mile", "attacker": "bad", "us": "ok" if row["tone"] == "ok" else ""}
    text = f"{row['text']} \N{EN DASH} {row['detail']}" if row["detail"] else row["text"]
    return {
        "at": parse_datetime(row["at"]),
        "text": text,
        "kind": kinds.get(row["kind"], ""),
        "note": row["mark"],
        "note_kind": row["tone"],
    }
