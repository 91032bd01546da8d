"""Who decides, and how they are reached."""

from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from core import clock, exports, options
from core.htmx import done
from reviews.models import Contact
from reviews.preparation_forms import ContactForm, RemoveForm
from reviews.queries import ContactQuerySet
from reviews.readiness import REQUIRED, REVIEWED
from reviews.services.contacts import (
    CHANGEABLE,
    StaleContact,
    add_contact,
    change_contact,
    remove_contact,
    review_contact,
)
from reviews.views.room import preparation_tabs

HEADER = ("decision", "in words", "decides", "telephone", "mail", "deputy", "telephone of the deputy",
          "mail of the deputy", "note", "last reviewed", "not as it should be")  # fmt: skip
BACK = "reviews:contacts"


def _seen(request: AccountRequest) -> ContactQuerySet:
    found: ContactQuerySet = Contact.objects.visible_to(request.user)
    return found.with_people()


@require_safe
@requires(keys.READ)
def contact_list(request: AccountRequest) -> HttpResponse:
    today, days = clock.now().date(), options.get(REVIEWED)
    rows: list[dict[str, Any]] = [{"contact": row, "gaps": row.gaps(today, days=days)} for row in _seen(request)]
    named = {row["contact"].decision for row in rows}
    context = {
        "tabs": preparation_tabs(request.user, "contacts"), "rows": rows, "days": days,
        "unnamed": [kind.label for kind in REQUIRED if kind not in named],
        "may_change": request.user.holds(keys.MANAGE_PREPARATION),
    }  # fmt: skip
    return render(request, "reviews/contact_list.html", context)


@require_safe
@requires(keys.READ)
def contacts_csv(request: AccountRequest) -> StreamingHttpResponse:
    """For the night when the portal is down."""
    today, days = clock.now().date(), options.get(REVIEWED)
    lines = (
        (row.get_decision_display(), row.words, row.decider, row.phone, row.mail or _mail_of(row.person), row.stand_in,
         row.deputy_phone, row.deputy_mail or _mail_of(row.deputy), row.note, row.reviewed.isoformat(),
         row.gaps(today, days=days))
        for row in _seen(request)
    )  # fmt: skip
    return exports.csv_response("contacts", HEADER, lines)


def _mail_of(person: Any) -> str:
    return str(person.email) if person else ""


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MANAGE_PREPARATION)
def new_contact(request: AccountRequest) -> HttpResponse:
    asked = request.GET.get("decision", "")
    form = ContactForm(request.POST or None, initial={"reviewed": _today(), "decision": asked})
    if form.is_bound and form.is_valid():
        try:
            add_contact(form.values(), actor=request.actor)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, "Entry added", back=reverse(BACK), refresh=["#contacts"])
    return _dialog(request, form, "Who decides", "Add")


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MANAGE_PREPARATION)
def edit_contact(request: AccountRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(_seen(request), pk=pk)
    begun = {name: getattr(row, name) for name in (*CHANGEABLE, "version")}
    form = ContactForm(request.POST or None, initial=begun)
    if form.is_bound and form.is_valid():
        version = form.cleaned_data["version"]
        try:
            change_contact(row, changes=form.values(), actor=request.actor, expected_version=version)
        except StaleContact:
            form.add_error(None, "Somebody else changed this entry meanwhile. Your words are kept below; compare.")
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, "Entry saved", back=reverse(BACK), refresh=["#contacts"])
    return _dialog(request, form, f"Change: {row}", "Save")


@require_POST
@requires(keys.MANAGE_PREPARATION)
def confirm_contact(request: AccountRequest, pk: int) -> HttpResponse:
    """Somebody made sure today that it is still so."""
    row = review_contact(get_object_or_404(_seen(request), pk=pk), actor=request.actor)
    return done(request, f"Reviewed: {row}", back=reverse(BACK), refresh=["#contacts"])


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MANAGE_PREPARATION)
def delete_contact(request: AccountRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(_seen(request), pk=pk)
    form = RemoveForm(request.POST or None)
    if form.is_bound and form.is_valid():
        remove_contact(row, actor=request.actor, reason=form.cleaned_data["reason"])
        return done(request, "Entry removed", back=reverse(BACK), refresh=["#contacts"])
    return _dialog(request, form, f"Remove: {row}", "Remove")


def _dialog(request: AccountRequest, form: Any, heading: str, verb: str) -> HttpResponse:
    context = {"form": form, "heading": heading, "verb": verb, "back": reverse(BACK),
               "action": request.get_full_path()}  # fmt: skip
    return render(request, "reviews/preparation_dialog.html", context, status=422 if form.is_bound else 200)


def _today() -> date:
    return clock.now().date()
