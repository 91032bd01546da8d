"""Follow-ups of all reviews as tasks: who owes what by when, until it is done."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from accounts.models import User
from core import clock, exports
from core.htmx import done
from core.pages import leaf
from core.pagination import Keyset
from reviews.enums import FollowUpState
from reviews.forms import ChangeFollowUpForm, FinishForm, ReopenForm
from reviews.models import FollowUp
from reviews.services.follow_up import change_follow_up, overdue, set_follow_up_state
from reviews.views.room import tabs_for

STATES = {"open": "Open", "overdue": "Overdue", "week": "Due within 7 days", "done": "Done", "all": "All"}
EARLIEST = Keyset(("due", "id"), descending=False)
HEADER = ("what", "owner", "due", "state", "incident", "lesson", "done", "done by", "outcome", "reopened")


@dataclass(frozen=True, slots=True)
class Filter:
    """`owner` is empty, `me`, `nobody` or a key."""

    state: str
    owner: str

    @classmethod
    def read(cls, request: AccountRequest) -> "Filter":
        state, owner = request.GET.get("state", "open"), request.GET.get("owner", "")
        known = owner in {"me", "nobody"} or (owner.isdecimal() and len(owner) < 18)
        return cls(state if state in STATES else "open", owner if known else "")

    def apply(self, rows: QuerySet[FollowUp], user: User) -> QuerySet[FollowUp]:
        week = Q(state=FollowUpState.OPEN, due__lte=clock.now().date() + timedelta(days=7))
        wanted = {"open": Q(state=FollowUpState.OPEN), "overdue": overdue(), "week": week,
                  "done": Q(state=FollowUpState.DONE), "all": Q()}[self.state]  # fmt: skip
        if self.owner == "nobody":
            wanted &= Q(owner=None)
        elif self.owner:
            wanted &= Q(owner=user.pk if self.owner == "me" else int(self.owner))
        return rows.filter(wanted)


def _rows(request: AccountRequest) -> QuerySet[FollowUp]:
    seen = FollowUp.objects.visible_to(request.user).select_related("owner", "lesson", "review__incident")
    return Filter.read(request).apply(seen, request.user)


@require_safe
@requires(keys.READ)
def follow_up_list(request: AccountRequest) -> HttpResponse:
    chosen = Filter.read(request)
    rows = _rows(request)
    page = leaf(rows, EARLIEST, purpose="follow-ups", cursor=request.GET.get("cursor", ""))
    address = f"state={chosen.state}" + (f"&owner={chosen.owner}" if chosen.owner else "")
    owners = User.objects.filter(follow_ups__in=FollowUp.objects.visible_to(request.user)).distinct()
    context = {
        "tabs": tabs_for(request.user, "follow_ups"),
        "states": [{"label": label, "current": key == chosen.state,
                    "url": f"?state={key}" + (f"&owner={chosen.owner}" if chosen.owner else "")}
                   for key, label in STATES.items()],
        "chosen": chosen, "owners": owners, "rows": page.rows, "total": rows.count(), "address": address,
        "today": clock.now().date(),
        "may_change": request.user.holds(keys.MANAGE_FOLLOW_UPS),
        "newer_url": f"?{address}&cursor={page.newer}" if page.newer else "",
        "older_url": f"?{address}&cursor={page.older}" if page.older else "",
    }  # fmt: skip
    return render(request, "reviews/follow_up_list.html", context)


@require_safe
@requires(keys.READ)
def follow_ups_csv(request: AccountRequest) -> StreamingHttpResponse:
    rows = (
        (row.text, str(row.owner or ""), row.due.isoformat(), row.get_state_display(), row.review.incident.number,
         row.lesson.number if row.lesson else "", row.done_at, (row.done_by or {}).get("name", ""), row.outcome,
         row.reopened_count)
        for row in EARLIEST.order(_rows(request))[: exports.MAX_ROWS]
    )  # fmt: skip
    return exports.csv_response("follow-ups", HEADER, rows)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MANAGE_FOLLOW_UPS)
def change(request: AccountRequest, pk: int) -> HttpResponse:
    """Give it to somebody else, or move its date."""
    row = _find(request, pk)
    form = ChangeFollowUpForm(request.POST or None, initial={"owner": row.owner, "due": row.due})
    if form.is_bound and form.is_valid():
        changes = {name: form.cleaned_data[name] for name in ("owner", "due")}
        change_follow_up(row, changes=changes, actor=request.user.actor, reason=form.cleaned_data["reason"])
        return _done(request, "Follow-up changed")
    return _dialog(request, row, form, "Change the follow-up", "Save")


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MANAGE_FOLLOW_UPS)
def finish(request: AccountRequest, pk: int) -> HttpResponse:
    """Done, with what was done; or open again, with the reason."""
    row = _find(request, pk)
    is_open = row.state == FollowUpState.OPEN
    form: Any = FinishForm(request.POST or None) if is_open else ReopenForm(request.POST or None)
    if form.is_bound and form.is_valid():
        said = form.cleaned_data["outcome" if is_open else "reason"]
        state = FollowUpState.DONE if is_open else FollowUpState.OPEN
        try:
            set_follow_up_state(row.review, follow_up_id=row.pk, state=state, actor=request.user.actor, outcome=said)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return _done(request, "Follow-up done" if is_open else "Follow-up open again")
    heading = "Is it done?" if is_open else "Open it again"
    return _dialog(request, row, form, heading, "Mark done" if is_open else "Open again")


def _find(request: AccountRequest, pk: int) -> FollowUp:
    seen = FollowUp.objects.visible_to(request.user).select_related("owner", "review__incident")
    return get_object_or_404(seen, pk=pk)


def _done(request: AccountRequest, title: str) -> HttpResponse:
    return done(request, title, back=reverse("reviews:follow_ups"), refresh=["#rows", "#review", "#lesson"])


def _dialog(request: AccountRequest, row: FollowUp, form: Any, heading: str, verb: str) -> HttpResponse:
    context = {"row": row, "form": form, "heading": heading, "verb": verb, "back": reverse("reviews:follow_ups")}
    return render(request, "reviews/follow_up_dialog.html", context, status=422 if form.is_bound else 200)
