"""My profile: what a person sets for themselves."""

from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts.forms.profile import AppearanceForm, PasswordForm, PreferencesForm
from accounts.guard import AccountRequest, anyone_signed_in
from accounts.services.factors import factors_of
from accounts.services.passwords import change_password
from accounts.services.profile import set_preferences
from accounts.services.token_care import mark_unused
from core import clock


@require_http_methods(["GET", "POST"])
@anyone_signed_in
def profile(request: AccountRequest) -> HttpResponse:
    shown = {name: getattr(request.user, name) for name in PreferencesForm.base_fields}
    form = PreferencesForm(request.POST or None, initial=shown)
    if request.method == "POST" and form.is_valid():
        set_preferences(request.user, changes=form.cleaned_data, actor=request.actor)
        messages.success(request, "Preferences saved")
        return redirect("accounts:me")
    tokens = list(request.user.tokens.filter(revoked_at=None, expires_at__gt=clock.real_now()))
    mark_unused(tokens)
    context = {"form": form, "tokens": tokens, "roles": request.user.roles.all(), "person": request.user}
    context["has"] = factors_of(request.user)
    return render(request, "accounts/me.html", context, status=422 if form.errors else 200)


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
@anyone_signed_in
def password(request: AccountRequest) -> HttpResponse:
    """The form of one's own password; also where somebody with a one-time password lands first."""
    forced = request.user.must_change_password
    form = PasswordForm(request.POST or None, user=request.user)
    if request.method == "POST":
        limited: HttpResponse | None = ratelimit.consume_or_429(request, action="change_password", user=request.user)
        if limited is not None:
            return limited
        if form.is_valid():
            try:
                change_password(request.user, new_password=form.cleaned_data["new"], actor=request.actor)
            except ValidationError as error:
                form.add_error("new", error)
            else:
                update_session_auth_hash(request, request.user)
                messages.success(request, "Password changed")
                return redirect("home" if forced else "accounts:me")
    context = {"form": form}
    return render(request, "account/password_change.html", context, status=422 if form.errors else 200)


@require_POST
@anyone_signed_in
def appearance(request: AccountRequest) -> HttpResponse:
    """Theme and density of the menu; answers nothing, because the page has changed already."""
    form = AppearanceForm(request.POST)
    if not form.is_valid():
        return HttpResponse(status=400)
    set_preferences(request.user, changes=form.chosen(), actor=request.actor)
    return HttpResponse(status=204)
