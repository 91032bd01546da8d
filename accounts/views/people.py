"""Administration: people and service accounts."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import acts, keys, step_up
from accounts.audit_log import in_words
from accounts.enums import UserKind
from accounts.forms.people import NewPersonForm, PeopleFilterForm, PersonForm, ReasonForm
from accounts.guard import AccountRequest, requires
from accounts.models import User
from accounts.services import factors, passwords, people, sessions
from accounts.services.authority import authority_of
from core import clock, exports
from core.filters import at_cursor, chips_of
from core.htmx import done
from core.models import AuditEvent
from core.pages import leaf
from core.pagination import Keyset, counted

BY_NAME = Keyset(("display_name", "id"), descending=False)
CSV_HEADER = ("user name", "name", "kind", "e-mail", "roles", "device groups", "active", "second factor",
              "last sign-in", "created")  # fmt: skip


@require_safe
@requires(keys.MANAGE_AUTHORIZATION)
def people_list(request: AccountRequest) -> HttpResponse:
    form = PeopleFilterForm(request.GET)
    found = _found(form)
    page = leaf(found, BY_NAME, purpose="people", cursor=request.GET.get("cursor", ""))
    context = {
        "rows": with_factors(page.rows),
        "form": form,
        "chips": chips_of(request, form) if form.is_valid() else [],
        "clear_url": request.path,
        "total": counted(found),
        "newer_url": at_cursor(request, page.newer),
        "older_url": at_cursor(request, page.older),
    }
    return render(request, "accounts/people.html", context)


@require_safe
@requires(keys.MANAGE_AUTHORIZATION)
def people_csv(request: AccountRequest) -> StreamingHttpResponse:
    found = _found(PeopleFilterForm(request.GET)).order_by("display_name", "id")[: exports.MAX_ROWS]
    rows = (
        (user.username, user.display_name, user.get_kind_display(), user.email, user.role_names, user.reach_in_words,
         user.is_active, user.factors.in_words, user.last_login, user.created)  # type: ignore[attr-defined]
        for user in with_factors(list(found))
    )  # fmt: skip
    return exports.csv_response("people", CSV_HEADER, rows)


def with_factors(users: list[User]) -> list[User]:
    """The same people with what they have set up, and whether a role of theirs asks for it."""
    has = factors.of_people(users)
    for user in users:
        user.factors = has[user.pk]  # type: ignore[attr-defined]
        user.asks_factor = any(role.needs_second_factor for role in user.roles.all())  # type: ignore[attr-defined]
    return users


def _found(form: PeopleFilterForm) -> QuerySet[User]:
    users = User.objects.prefetch_related("roles", "device_groups")
    wanted = form.cleaned_data if form.is_valid() else {}
    if text := wanted.get("q"):
        users = users.filter(Q(display_name__icontains=text) | Q(username__icontains=text))
    if role := wanted.get("role"):
        users = users.filter(roles__key=role)
    if kind := wanted.get("kind"):
        users = users.filter(kind=kind)
    if state := wanted.get("state"):
        users = users.filter(is_active=state == "on")
    if factor := wanted.get("factor"):
        having = Exists(factors.main_factors().filter(user_id=OuterRef("pk")))
        users = users.filter(having if factor == "some" else ~having, kind=UserKind.PERSON)
    return users


@require_safe
@requires(keys.MANAGE_AUTHORIZATION)
def person(request: AccountRequest, pk: int) -> HttpResponse:
    """The side pane of one account."""
    user = get_object_or_404(User.objects.prefetch_related("roles", "device_groups"), pk=pk)
    context = {
        "person": user,
        "tokens": user.tokens.filter(revoked_at=None, expires_at__gt=clock.real_now()),
        "events": _latest_events(user),
        "locked": passwords.is_locked_out(user),
        "refusal": _why_not(request, user),
        "has": factors.factors_of(user),
        "sessions": len(sessions.sessions_of(user)),
        "may_erase": request.user.holds(keys.ERASE_PEOPLE)
        and user.kind == UserKind.PERSON
        and user.name_key is not None,
    }
    return render(request, "accounts/person.html", context)


def _latest_events(user: User) -> list[dict[str, Any]]:
    events = AuditEvent.objects.filter(thread=f"user:{user.pk}").order_by("-at", "-id")[:8]
    return [{"words": in_words(event.verb), "actor": event.actor_name, "at": event.at} for event in events]


def _why_not(request: AccountRequest, user: User) -> str:
    """Why this administrator may not change that account; empty when they may."""
    try:
        authority_of(request.actor).require_above(user)
    except ValidationError as error:
        return " ".join(error.messages)
    return ""


@sensitive_variables("password")
@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_AUTHORIZATION)
@step_up.needs(acts.CHANGE_RIGHTS)
def new_person(request: AccountRequest) -> HttpResponse:
    form = NewPersonForm(request.POST or None, initial={"scope_kind": "all"})
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                user = people.create_user(**form.cleaned_data, actor=request.actor)
                password = passwords.reset_password(user, actor=request.actor, reason="First password")
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return _show_once(request, user, password, title=f"{user} can sign in")
    context = {"form": form, "back": reverse("accounts:people")}
    return render(request, "accounts/person_new.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_AUTHORIZATION)
@step_up.needs(acts.CHANGE_RIGHTS)
def edit_person(request: AccountRequest, pk: int) -> HttpResponse:
    user = get_object_or_404(User, pk=pk)
    form = PersonForm.of(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            _change(request, user, form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, f"{user} changed", back=reverse("accounts:people"), leave=True)
    context = {"form": form, "person": user, "back": reverse("accounts:people")}
    return render(request, "accounts/person_edit.html", context, status=422 if form.errors else 200)


def _change(request: AccountRequest, user: User, wanted: dict[str, Any]) -> None:
    """Name, roles and reach stand or fall together."""
    actor, reason = request.actor, wanted["reason"]
    with transaction.atomic():
        people.update_user(user, changes={key: wanted[key] for key in people.EDITABLE}, actor=actor)
        people.set_scope(
            user,
            scope_kind=wanted["scope_kind"],
            device_groups=wanted["device_groups"],
            actor=actor,
            reason=reason,
        )
        people.set_roles(user, roles=wanted["roles"], actor=actor, reason=reason)


@sensitive_variables("password")
@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_AUTHORIZATION)
@step_up.needs(acts.RESET_SIGN_IN)
def reset_password(request: AccountRequest, pk: int) -> HttpResponse:
    user = get_object_or_404(User, pk=pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            password = passwords.reset_password(user, actor=request.actor, reason=form.cleaned_data["reason"])
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return _show_once(request, user, password, title="New one-time password")
    context = {"form": form, "person": user, "back": reverse("accounts:people")}
    return render(request, "accounts/person_password.html", context, status=422 if form.errors else 200)


def _show_once(request: AccountRequest, user: User, password: str, *, title: str) -> HttpResponse:
    context = {"title": title, "person": user, "password": password, "back": reverse("accounts:people")}
    response = render(request, "accounts/password_once.html", context)
    response["Cache-Control"] = "no-store"
    return response


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_AUTHORIZATION)
@step_up.needs(acts.CHANGE_RIGHTS)
def switch_person(request: AccountRequest, pk: int) -> HttpResponse:
    """Off, or on again."""
    user = get_object_or_404(User, pk=pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        switch = people.deactivate_user if user.is_active else people.reactivate_user
        try:
            switch(user, actor=request.actor, reason=form.cleaned_data["reason"])
        except ValidationError as error:
            form.add_error(None, error)
        else:
            title = f"{user} switched {'on' if user.is_active else 'off'}"
            return done(request, title, back=reverse("accounts:people"), leave=True)
    context = {"form": form, "person": user, "back": reverse("accounts:people")}
    return render(request, "accounts/person_switch.html", context, status=422 if form.errors else 200)


@require_POST
@requires(keys.MANAGE_AUTHORIZATION)
def unlock_person(request: AccountRequest, pk: int) -> HttpResponse:
    user = get_object_or_404(User, pk=pk)
    passwords.lift_lock_out(user, actor=request.actor)
    return done(request, f"{user} may try again", back=reverse("accounts:people"), leave=True)
