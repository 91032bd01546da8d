"""Administration: how people sign in. Their factors, their sessions, a new password, and what roles ask for."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import acts, keys, step_up
from accounts.forms.people import ForcePasswordsForm, ReasonForm
from accounts.forms.second_factor import DemandForm
from accounts.guard import AccountRequest, requires
from accounts.models import Role, User
from accounts.services import factors, passwords, roles, sessions
from accounts.session_store import row_of_session
from core.actors import Actor
from core.htmx import done
from core.wording import counted

PEOPLE, ROLES = "accounts:people", "accounts:roles"


def _by_reason(
    request: AccountRequest, user: User, act: Callable[..., Any], *, template: str, title: str, **context: Any
) -> HttpResponse:
    """A dialog about one person that asks for nothing but the reason, and the act behind it."""
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            act(user, actor=request.actor, reason=form.cleaned_data["reason"])
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, title, back=reverse(PEOPLE), leave=True)
    shown = {"form": form, "person": user, "back": reverse(PEOPLE), **context}
    return render(request, template, shown, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_AUTHORIZATION)
def person_sessions(request: AccountRequest, pk: int) -> HttpResponse:
    """Where somebody else is signed in, and ending it."""
    user = get_object_or_404(User, pk=pk)
    return _by_reason(
        request,
        user,
        sessions.end_all,
        template="accounts/person_sessions.html",
        title=f"Sessions of {user} ended",
        sessions=sessions.sessions_of(user),
    )


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_AUTHORIZATION)
@step_up.needs(acts.RESET_SIGN_IN)
def reset_factors(request: AccountRequest, pk: int) -> HttpResponse:
    """Take away the factors of somebody who lost them."""
    user = get_object_or_404(User, pk=pk)
    return _by_reason(
        request,
        user,
        _reset_factors,
        template="accounts/person_factors.html",
        title=f"Factors of {user} reset",
        has=factors.factors_of(user),
    )


def _reset_factors(user: User, *, actor: Actor, reason: str) -> None:
    """Factors and sessions go together: whoever had one of them must not stay in."""
    with transaction.atomic():
        factors.reset_factors(user, actor=actor, reason=reason)
        sessions.end_all(user, actor=actor, reason="The factors were reset.")


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_AUTHORIZATION)
def demand_password(request: AccountRequest, pk: int) -> HttpResponse:
    """Let the present password be the last time that it opens anything."""
    user = get_object_or_404(User, pk=pk)
    return _by_reason(
        request,
        user,
        passwords.demand_new_password,
        template="accounts/person_new_password.html",
        title=f"{user} chooses a new password next",
    )


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_AUTHORIZATION)
@step_up.needs(acts.FORCE_PASSWORDS)
def force_passwords(request: AccountRequest) -> HttpResponse:
    """Let everybody, or everybody of a role, choose a new password at the next sign-in."""
    form = ForcePasswordsForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        told = passwords.demand_new_passwords(
            form.cleaned_data["role"],
            actor=request.actor,
            reason=form.cleaned_data["reason"],
            keep_session=row_of_session(request.session),
        )
        title = f"New passwords asked of {counted(told.count, 'person', 'people')}"
        if told.above:
            title += f"; not of {counted(len(told.above), 'person', 'people')} with rights that you do not hold"
        return done(request, title, back=reverse(PEOPLE), leave=True)
    context = {"form": form, "count": len(passwords.with_password(None)), "back": reverse(PEOPLE)}
    return render(request, "accounts/passwords_force.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_AUTHORIZATION)
@step_up.needs(acts.CHANGE_ROLE)
def demand_factor(request: AccountRequest, pk: int) -> HttpResponse:
    """Whether a role, built in or not, asks for a second factor."""
    role = get_object_or_404(Role, pk=pk)
    initial = {"needed": role.needs_second_factor, "grace_days": role.grace_days}
    form = DemandForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            roles.demand_second_factor(role, **form.cleaned_data, actor=request.actor)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, f"Role {role.name} changed", back=reverse(ROLES), leave=True)
    without = [user for user in role.users.filter(is_active=True) if not factors.has_factor(user)]
    context = {"form": form, "role": role, "without": without, "back": reverse(ROLES)}
    return render(request, "accounts/role_factor.html", context, status=422 if form.errors else 200)
