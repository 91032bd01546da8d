"""API tokens: one's own under My profile, all of them in the administration."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from accounts import acts, keys, step_up
from accounts.enums import ScopeKind, UserKind
from accounts.forms.people import ReasonForm
from accounts.forms.tokens import OwnTokenForm, ServiceTokenForm
from accounts.guard import AccountRequest, anyone_signed_in, requires
from accounts.models import ApiToken, User
from accounts.services.people import create_user
from accounts.services.token_care import mark_unused
from accounts.services.tokens import issue_token, revoke_token
from core import clock
from core.filters import at_cursor
from core.htmx import done
from core.pages import leaf
from core.pagination import Keyset, counted

NEWEST = Keyset(("created", "id"))


@require_safe
@requires(keys.MANAGE_AUTHORIZATION)
def token_list(request: AccountRequest) -> HttpResponse:
    only_usable = request.GET.get("state", "usable") == "usable"
    found = _usable(ApiToken.objects.all()) if only_usable else ApiToken.objects.all()
    rows = found.select_related("user").prefetch_related("user__roles", "user__device_groups")
    page = leaf(rows, NEWEST, purpose="tokens", cursor=request.GET.get("cursor", ""))
    mark_unused(page.rows)
    context = {
        "rows": page.rows,
        "only_usable": only_usable,
        "total": counted(found),
        "newer_url": at_cursor(request, page.newer),
        "older_url": at_cursor(request, page.older),
    }
    return render(request, "accounts/tokens.html", context)


def _usable(tokens: QuerySet[ApiToken]) -> QuerySet[ApiToken]:
    return tokens.filter(revoked_at=None, expires_at__gt=clock.real_now(), user__is_active=True)


@sensitive_variables("secret")
@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_AUTHORIZATION)
@step_up.needs(acts.MAKE_TOKEN)
def new_service_token(request: AccountRequest) -> HttpResponse:
    form = ServiceTokenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                account = _account(request, form)
                wanted = {key: form.cleaned_data[key] for key in ("name", "lifetime", "may_decide")}
                token, secret = issue_token(account, **wanted, actor=request.actor)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return _show_once(request, token, secret, back=reverse("accounts:tokens"))
    context = {"form": form, "back": reverse("accounts:tokens")}
    return render(request, "accounts/token_service.html", context, status=422 if form.errors else 200)


def _account(request: AccountRequest, form: ServiceTokenForm) -> User:
    wanted = form.cleaned_data
    everything = wanted["scope_kind"] == ScopeKind.ALL
    return create_user(
        wanted["name"],
        display_name=wanted["name"],
        kind=UserKind.SERVICE,
        roles=[wanted["role"]],
        scope_kind=wanted["scope_kind"],
        device_groups=() if everything else wanted["device_groups"],
        actor=request.actor,
    )


@sensitive_variables("secret")
@require_http_methods(["GET", "POST"])
@anyone_signed_in
@step_up.needs(acts.MAKE_TOKEN)
def new_own_token(request: AccountRequest) -> HttpResponse:
    form = OwnTokenForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        wanted = {key: form.cleaned_data[key] for key in ("name", "lifetime", "may_decide")}
        try:
            token, secret = issue_token(request.user, **wanted, permissions=form.permissions, actor=request.actor)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return _show_once(request, token, secret, back=reverse("accounts:me"))
    context = {"form": form, "back": reverse("accounts:me")}
    return render(request, "accounts/token_own.html", context, status=422 if form.errors else 200)


def _show_once(request: AccountRequest, token: ApiToken, secret: str, *, back: str) -> HttpResponse:
    response = render(request, "accounts/token_once.html", {"token": token, "secret": secret, "back": back})
    response["Cache-Control"] = "no-store"
    return response


@require_http_methods(["GET", "POST"])
@anyone_signed_in
def revoke_own_token(request: AccountRequest, pk: int) -> HttpResponse:
    token = get_object_or_404(request.user.tokens, pk=pk, revoked_at=None)
    return _revoke(request, token, back=reverse("accounts:me"))


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_AUTHORIZATION)
def revoke_any_token(request: AccountRequest, pk: int) -> HttpResponse:
    token = get_object_or_404(ApiToken.objects.select_related("user"), pk=pk, revoked_at=None)
    return _revoke(request, token, back=reverse("accounts:tokens"))


def _revoke(request: AccountRequest, token: ApiToken, *, back: str) -> HttpResponse:
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            revoke_token(token, actor=request.actor, reason=form.cleaned_data["reason"])
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, f"Token {token.name} revoked", back=back, leave=True)
    context = {"form": form, "token": token, "back": back}
    return render(request, "accounts/token_revoke.html", context, status=422 if form.errors else 200)
