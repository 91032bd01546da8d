"""Tokens while they live: a successor, minutes for dangerous acts, an end of many at once."""

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods

from accounts import acts, keys, step_up
from accounts.forms.people import ReasonForm
from accounts.forms.tokens import ElevateForm, RotateForm
from accounts.guard import AccountRequest, anyone_signed_in, requires
from accounts.models import ApiToken
from accounts.services.token_care import elevate_token, revoke_many, rotate_token
from core.htmx import done

MOST, MOST_DIGITS = 200, 18


def _token(request: AccountRequest, pk: int) -> ApiToken:
    """One's own token, or any for who administers them; a 404 for everybody else."""
    mine = Q() if request.user.holds(keys.MANAGE_AUTHORIZATION) else Q(user=request.user)
    return get_object_or_404(ApiToken.objects.filter(mine, revoked_at=None).select_related("user"), pk=pk)


def _back(request: AccountRequest, token: ApiToken) -> str:
    return reverse("accounts:me" if token.user_id == request.user.pk else "accounts:tokens")


@sensitive_variables("secret")
@require_http_methods(["GET", "POST"])
@anyone_signed_in
@step_up.needs(acts.MAKE_TOKEN)
def rotate(request: AccountRequest, pk: int) -> HttpResponse:
    token = _token(request, pk)
    form = RotateForm(request.POST or None)
    back = _back(request, token)
    if request.method == "POST" and form.is_valid():
        try:
            successor, secret = rotate_token(token, **form.cleaned_data, actor=request.actor)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            shown = {"token": successor, "secret": secret, "back": back}
            response = render(request, "accounts/token_once.html", shown)
            response["Cache-Control"] = "no-store"
            return response
    context = {"form": form, "token": token, "back": back}
    return render(request, "accounts/token_rotate.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@anyone_signed_in
@step_up.needs(acts.MAKE_TOKEN)
def elevate(request: AccountRequest, pk: int) -> HttpResponse:
    token = _token(request, pk)
    form = ElevateForm(request.POST or None)
    back = _back(request, token)
    if request.method == "POST" and form.is_valid():
        try:
            until = elevate_token(token, minutes=form.cleaned_data["minutes"], actor=request.actor)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, f"Token {token.name} elevated until {until:%H:%M} UTC", back=back, leave=True)
    context = {"form": form, "token": token, "back": back, "acts": step_up.acts()}
    return render(request, "accounts/token_elevate.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_AUTHORIZATION)
def revoke_checked(request: AccountRequest) -> HttpResponse:
    """The tokens that were checked in the list, all of them or none."""
    given = [pk for pk in request.GET.getlist("id") + request.POST.getlist("id") if pk.isascii() and pk.isdigit()]
    ids = [int(pk) for pk in given if len(pk) <= MOST_DIGITS][:MOST]
    found = list(ApiToken.objects.filter(pk__in=ids, revoked_at=None).select_related("user"))
    form = ReasonForm(request.POST or None)
    back = reverse("accounts:tokens")
    if request.method == "POST" and form.is_valid() and found:
        try:
            count = revoke_many(found, actor=request.actor, reason=form.cleaned_data["reason"])
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, f"{count} token{'s' if count > 1 else ''} revoked", back=back, leave=True)
    context = {"form": form, "tokens": found, "back": back, "action": reverse("accounts:revoke_tokens")}
    return render(request, "accounts/tokens_revoke.html", context, status=422 if form.errors else 200)
