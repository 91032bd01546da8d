"""The register of lessons."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Count, Q, QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from core import exports
from core.htmx import done
from core.pages import leaf
from core.pagination import Keyset
from incidents.models import Incident
from incidents.techniques import technique_name
from reviews.enums import FollowUpState, LessonCategory, LessonState
from reviews.forms import FollowUpForm, LessonForm, LessonStateForm, LinkForm
from reviews.lifecycle import LESSON_STATE
from reviews.models import Finding, Lesson, Review
from reviews.services.follow_up import add_follow_up
from reviews.services.lessons import (
    StaleLesson,
    change_lesson,
    link_incident,
    move_lesson,
    unlink_incident,
    write_lesson,
)
from reviews.views.fetch import incident_for
from reviews.views.room import tabs_for

NEWEST = Keyset(("updated", "id"))
HEADER = ("number", "what", "why", "category", "state", "owner", "incident", "further incidents", "techniques",
          "detectors", "open follow-ups", "written", "written by", "updated")  # fmt: skip
VERBS = {"adopted": "Adopt", "rejected": "Reject", "verified": "Mark verified", "proposed": "Propose again"}


def _seen(request: AccountRequest) -> QuerySet[Lesson]:
    seen = Lesson.objects.visible_to(request.user).select_related("owner", "incident")
    return seen.annotate(open_follow_ups=Count("follow_ups", Q(follow_ups__state=FollowUpState.OPEN), distinct=True))


def _filtered(request: AccountRequest) -> tuple[QuerySet[Lesson], dict[str, str]]:
    rows = _seen(request)
    asked = {name: request.GET.get(name, "").replace("\x00", "").strip()[:200] for name in ("q", "state", "category")}
    if asked["state"] in LessonState.values:
        rows = rows.filter(state=asked["state"])
    if asked["category"] in LessonCategory.values:
        rows = rows.filter(category=asked["category"])
    if text := asked["q"]:
        rows = rows.filter(Q(what__icontains=text) | Q(why__icontains=text) | Q(techniques__contains=[text.upper()])
                           | Q(detectors__icontains=text))  # fmt: skip
    return rows, asked


@require_safe
@requires(keys.READ)
def lesson_list(request: AccountRequest) -> HttpResponse:
    rows, asked = _filtered(request)
    page = leaf(rows, NEWEST, purpose="lessons", cursor=request.GET.get("cursor", ""))
    query = request.GET.copy()
    query.pop("cursor", None)
    context = {
        "tabs": tabs_for(request.user, "lessons"), "rows": page.rows, "asked": asked, "query": query.urlencode(),
        "total": rows.count(), "states": LessonState.choices, "categories": LessonCategory.choices,
        "may_change": request.user.holds(keys.MANAGE_FOLLOW_UPS),
        "newer_url": f"?{query.urlencode()}&cursor={page.newer}" if page.newer else "",
        "older_url": f"?{query.urlencode()}&cursor={page.older}" if page.older else "",
    }  # fmt: skip
    return render(request, "reviews/lesson_list.html", context)


@require_safe
@requires(keys.READ)
def lessons_csv(request: AccountRequest) -> StreamingHttpResponse:
    rows: list[Any] = list(NEWEST.order(_filtered(request)[0]).prefetch_related("incidents")[: exports.MAX_ROWS])
    seen = set(Incident.objects.visible_to(request.user).filter(linked_lessons__in=rows).values_list("pk", flat=True))
    lines = (
        (row.number, row.what, row.why, row.get_category_display(), row.get_state_display(), str(row.owner or ""),
         row.incident.number if row.incident else "", [one.number for one in row.incidents.all() if one.pk in seen],
         row.techniques, row.detectors, row.open_follow_ups, row.created, row.created_by.get("name", ""), row.updated)
        for row in rows
    )  # fmt: skip
    return exports.csv_response("lessons", HEADER, lines)


@require_safe
@requires(keys.READ)
def lesson(request: AccountRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(_seen(request), pk=pk)
    allowed = LESSON_STATE.moves.get(LessonState(row.state), set())
    review = Review.objects.filter(incident=row.incident).first() if row.incident else None
    context = {
        "lesson": row,
        "crumbs": [{"label": "Lessons", "url": reverse("reviews:lessons")}, {"label": row.number}],
        "techniques": [{"id": key, "name": technique_name(key)} for key in row.techniques],
        "linked": Incident.objects.visible_to(request.user).filter(linked_lessons=row).for_rows().order_by("-pk"),
        "follow_ups": row.follow_ups.select_related("owner", "review__incident"),
        "moves": [{"state": state.value, "verb": VERBS[state.value]} for state in LessonState if state in allowed],
        "review": review,
        "may_change": request.user.holds(keys.MANAGE_FOLLOW_UPS),
    }
    return render(request, "reviews/lesson.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MANAGE_FOLLOW_UPS)
def new_lesson(request: AccountRequest) -> HttpResponse:
    """Written freely, from an incident (`?incident=`), or from a finding of its review (`&finding=`)."""
    incident = _asked_incident(request)
    form = LessonForm(request.POST or None, initial=_begun(request, incident))
    if form.is_bound and form.is_valid():
        try:
            made = write_lesson(_written(form, incident), actor=request.user.actor, incident=incident)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, f"Lesson {made.number} written", back=made.get_absolute_url(), leave=True)
    context = {"form": form, "incident": incident, "verb": "Write lesson", "heading": "Write down a lesson",
               "action": request.get_full_path(), "back": reverse("reviews:lessons")}  # fmt: skip
    return render(request, "reviews/lesson_dialog.html", context, status=422 if form.is_bound else 200)


def _written(form: LessonForm, incident: Incident | None) -> dict[str, Any]:
    """What it is recognised by comes from the incident, where the form says nothing else."""
    values = form.values()
    kept = {name for name in ("techniques", "detectors") if incident is not None and not values[name]}
    return {name: value for name, value in values.items() if name not in kept}


def _asked_incident(request: AccountRequest) -> Incident | None:
    asked = request.GET.get("incident", "")
    return incident_for(request.user, int(asked)) if asked.isdecimal() and len(asked) < 18 else None


def _begun(request: AccountRequest, incident: Incident | None) -> dict[str, Any]:
    finding = request.GET.get("finding", "")
    if incident is None or not finding.isdecimal() or len(finding) > 17:
        return {}
    found = Finding.objects.filter(pk=int(finding), review__incident=incident).first()
    return {"what": found.text[:300]} if found else {}


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MANAGE_FOLLOW_UPS)
def edit_lesson(request: AccountRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Lesson.objects.visible_to(request.user), pk=pk)
    begun = {"what": row.what, "why": row.why, "category": row.category, "owner": row.owner, "version": row.version,
             "techniques": ", ".join(row.techniques), "detectors": "\n".join(row.detectors)}  # fmt: skip
    form = LessonForm(request.POST or None, initial=begun)
    if form.is_bound and form.is_valid():
        version = form.cleaned_data["version"]
        try:
            change_lesson(row, changes=form.values(), actor=request.user.actor, expected_version=version)
        except StaleLesson:
            form.add_error(None, "Somebody else changed this lesson meanwhile. Your words are kept below; compare.")
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, f"{row.number} saved", back=row.get_absolute_url(), refresh=["#lesson"])
    context = {"form": form, "verb": "Save", "heading": f"Change {row.number}", "back": row.get_absolute_url()}
    return render(request, "reviews/lesson_dialog.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MANAGE_FOLLOW_UPS)
def set_lesson_state(request: AccountRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Lesson.objects.visible_to(request.user), pk=pk)
    wanted = request.POST.get("state") or request.GET.get("state", "")
    form = LessonStateForm(request.POST or None, initial={"state": wanted})
    if form.is_bound and form.is_valid():
        data = form.cleaned_data
        try:
            move_lesson(row, state=data["state"], actor=request.user.actor, reason=data["reason"])
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, f"{row.number} changed", back=row.get_absolute_url(), refresh=["#lesson"])
    verb = VERBS.get(wanted, "Change")
    context = {"form": form, "verb": verb, "heading": f"{verb}: {row.what}", "back": row.get_absolute_url()}
    return render(request, "reviews/lesson_dialog.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MANAGE_FOLLOW_UPS)
def link(request: AccountRequest, pk: int) -> HttpResponse:
    """Say that the lesson is about a further incident."""
    row = get_object_or_404(Lesson.objects.visible_to(request.user), pk=pk)
    form = LinkForm(request.POST or None)
    if form.is_bound and form.is_valid():
        incident = Incident.objects.visible_to(request.user).filter(pk=form.cleaned_data["number"]).first()
        if incident is None:
            form.add_error("number", "There is no such incident.")
        else:
            link_incident(row, incident=incident, actor=request.user.actor)
            return done(request, f"Linked to {incident.number}", back=row.get_absolute_url(), refresh=["#lesson"])
    context = {"form": form, "verb": "Link", "heading": "Link an incident", "back": row.get_absolute_url()}
    return render(request, "reviews/lesson_dialog.html", context, status=422 if form.is_bound else 200)


@require_POST
@requires(keys.MANAGE_FOLLOW_UPS)
def unlink(request: AccountRequest, pk: int, incident_id: int) -> HttpResponse:
    row = get_object_or_404(Lesson.objects.visible_to(request.user), pk=pk)
    incident = get_object_or_404(Incident.objects.visible_to(request.user), pk=incident_id, linked_lessons=row)
    unlink_incident(row, incident=incident, actor=request.user.actor)
    return done(request, f"{incident.number} unlinked", back=row.get_absolute_url(), refresh=["#lesson"])


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MANAGE_FOLLOW_UPS)
def agree_follow_up(request: AccountRequest, pk: int) -> HttpResponse:
    """A follow-up that puts the lesson to use; it belongs to the review that taught it."""
    row = get_object_or_404(Lesson.objects.visible_to(request.user).select_related("incident"), pk=pk)
    review = get_object_or_404(
        Review.objects.visible_to(request.user).select_related("incident"), incident=row.incident
    )
    form = FollowUpForm(request.POST or None, initial={"text": row.what})
    if form.is_bound and form.is_valid():
        try:
            add_follow_up(review, actor=request.user.actor, lesson=row, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, "Follow-up agreed", back=row.get_absolute_url(), refresh=["#lesson"])
    context = {"form": form, "verb": "Agree follow-up", "heading": "Put it to use", "back": row.get_absolute_url()}
    return render(request, "reviews/lesson_dialog.html", context, status=422 if form.is_bound else 200)
