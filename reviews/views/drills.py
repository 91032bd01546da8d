"""Exercises that were held, and when the next ones are due."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Prefetch
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from core import clock, exports, options
from core.htmx import done
from reviews.models import Drill, Lesson
from reviews.preparation_forms import DrillForm, RemoveForm
from reviews.queries import DrillQuerySet
from reviews.readiness import DRILL, due_of
from reviews.services.drills import CHANGEABLE, StaleDrill, add_drill, change_drill, remove_drill
from reviews.views.room import preparation_tabs

HEADER = ("held", "kind", "scenario", "participants", "findings", "next due", "overdue", "lessons")
BACK = "reviews:drills"


def _seen(request: AccountRequest) -> DrillQuerySet:
    """With the lessons that this person may see."""
    found: DrillQuerySet = Drill.objects.visible_to(request.user)
    return found.prefetch_related(
        Prefetch("lessons", Lesson.objects.visible_to(request.user).order_by("pk"), to_attr="seen_lessons")
    )


def _rows(request: AccountRequest) -> list[dict[str, Any]]:
    """The latest of each kind says when the next one is due."""
    today, days, latest = clock.now().date(), options.get(DRILL), set()
    rows = []
    for drill in _seen(request)[: exports.MAX_ROWS]:
        last = drill.kind not in latest
        latest.add(drill.kind)
        due = due_of(drill, days=days) if last else drill.next_due
        rows.append({"drill": drill, "due": due, "late": last and due is not None and due < today})
    return rows


@require_safe
@requires(keys.READ)
def drill_list(request: AccountRequest) -> HttpResponse:
    context = {
        "tabs": preparation_tabs(request.user, "drills"),
        "rows": _rows(request),
        "may_change": request.user.holds(keys.MANAGE_PREPARATION),
    }
    return render(request, "reviews/drill_list.html", context)


@require_safe
@requires(keys.READ)
def drills_csv(request: AccountRequest) -> StreamingHttpResponse:
    lines = (
        (row["drill"].held.isoformat(), row["drill"].get_kind_display(), row["drill"].scenario,
         row["drill"].participants, row["drill"].findings, row["due"].isoformat() if row["due"] else "",
         "yes" if row["late"] else "", [lesson.number for lesson in row["drill"].seen_lessons])
        for row in _rows(request)
    )  # fmt: skip
    return exports.csv_response("exercises", HEADER, lines)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MANAGE_PREPARATION)
def new_drill(request: AccountRequest) -> HttpResponse:
    seen = Lesson.objects.visible_to(request.user)
    form = DrillForm(request.POST or None, initial={"held": clock.now().date()}, seen=seen)
    if form.is_bound and form.is_valid():
        try:
            add_drill(form.values(), lessons=form.cleaned_data["lessons"], actor=request.actor)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, "Exercise written down", back=reverse(BACK), refresh=["#drills"])
    return _dialog(request, form, "An exercise was held", "Write down")


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MANAGE_PREPARATION)
def edit_drill(request: AccountRequest, pk: int) -> HttpResponse:
    row: Any = get_object_or_404(_seen(request), pk=pk)
    seen = Lesson.objects.visible_to(request.user)
    begun = {**{name: getattr(row, name) for name in (*CHANGEABLE, "version")}, "lessons": row.seen_lessons}
    form = DrillForm(request.POST or None, initial=begun, seen=seen)
    if form.is_bound and form.is_valid() and _save(request, row, form):
        return done(request, "Exercise saved", back=reverse(BACK), refresh=["#drills"])
    return _dialog(request, form, f"Change: {row}", "Save")


def _save(request: AccountRequest, row: Drill, form: DrillForm) -> bool:
    """Lessons that this person does not see stay linked."""
    hidden = row.lessons.exclude(pk__in=[lesson.pk for lesson in row.seen_lessons])  # type: ignore[attr-defined]
    data = form.cleaned_data
    try:
        change_drill(row, changes=form.values(), lessons=[*data["lessons"], *hidden], actor=request.actor,
                     expected_version=data["version"])  # fmt: skip
    except StaleDrill:
        form.add_error(None, "Somebody else changed this entry meanwhile. Your words are kept below; compare.")
    except ValidationError as error:
        form.add_error(None, error)
    else:
        return True
    return False


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MANAGE_PREPARATION)
def delete_drill(request: AccountRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(_seen(request), pk=pk)
    form = RemoveForm(request.POST or None)
    if form.is_bound and form.is_valid():
        remove_drill(row, actor=request.actor, reason=form.cleaned_data["reason"])
        return done(request, "Entry removed", back=reverse(BACK), refresh=["#drills"])
    return _dialog(request, form, f"Remove: {row}", "Remove")


def _dialog(request: AccountRequest, form: Any, heading: str, verb: str) -> HttpResponse:
    context = {"form": form, "heading": heading, "verb": verb, "back": reverse(BACK),
               "action": request.get_full_path()}  # fmt: skip
    return render(request, "reviews/preparation_dialog.html", context, status=422 if form.is_bound else 200)
