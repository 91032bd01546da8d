"""Signing in through a provider: there, and back again."""

from typing import Any

from allauth.core import ratelimit
from django.contrib import messages
from django.core import signing
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import acts, step_up
from accounts.guard import AccountRequest, anyone_signed_in, for_everybody
from accounts.models import SignInProvider, User
from accounts.services import gate, oidc, sessions, vouching
from accounts.services.oidc import Errand, ProviderFailed
from accounts.services.sign_in_history import record_refused_by_provider
from accounts.services.vouching import NotLetIn
from accounts.session_store import row_of_session

ERRAND = "provider_errand"
PURPOSES = ("sign_in", "link", "confirm")
PROOF_HOLDS_S = 3600
_SALT = "linking a provider"
FRESH_S = 300  # a sign-in over there that is this new counts as a confirmation here


@for_everybody
@never_cache
@require_safe
def begin(request: HttpRequest, key: str) -> HttpResponse:
    """Send the browser to the provider."""
    limited: HttpResponse | None = ratelimit.consume_or_429(request, action="login")
    if limited is not None:
        return limited
    provider = get_object_or_404(SignInProvider, key=key, enabled=True)
    purpose = request.GET.get("purpose", "sign_in")
    if purpose not in PURPOSES or (purpose != "sign_in") != _is_in(request):
        return redirect("account_login" if purpose != "sign_in" else "home")
    if purpose == "link":
        step_up.require(request, acts.CHANGE_FACTORS)
        if not _began_here(request):
            return redirect("accounts:factors")
    try:
        url, errand = oidc.begin(provider, purpose=purpose, to=_own(request.GET.get("next", "")))
    except ProviderFailed as error:
        return _failed(request, provider, str(error))
    request.session[ERRAND] = errand.as_json()
    return redirect(url)


@for_everybody
@never_cache
@require_safe
def callback(request: HttpRequest, key: str) -> HttpResponse:
    """The browser comes back with a code."""
    provider = get_object_or_404(SignInProvider, key=key, enabled=True)
    kept = request.session.pop(ERRAND, None)
    if not kept:
        return _failed(request, provider, "This browser was not underway. Begin again.")
    errand = Errand(**kept)
    try:
        claims = oidc.finish(provider, errand=errand, answer={name: request.GET[name] for name in request.GET})
        return _arrive(request, provider, errand, claims)
    except ProviderFailed as error:
        return _failed(request, provider, str(error))
    except NotLetIn as error:
        record_refused_by_provider(request, error.user, provider=provider.name)
        return _failed(request, provider, str(error))


def link_proof(request: HttpRequest) -> str:
    """What the button of one's own page carries. A page of somebody else's that leads here could have their account
    over there linked to whoever looks at it."""
    return signing.dumps(row_of_session(request.session), salt=_SALT)


def _began_here(request: HttpRequest) -> bool:
    try:
        proven = signing.loads(request.GET.get("proof", "")[:300], salt=_SALT, max_age=PROOF_HOLDS_S)
    except signing.BadSignature:
        return False
    return bool(proven == row_of_session(request.session))


def _arrive(request: HttpRequest, provider: SignInProvider, errand: Errand, claims: dict[str, Any]) -> HttpResponse:
    if errand.purpose == "sign_in":
        return _sign_in(request, provider, errand, claims)
    user = request.user
    if not isinstance(user, User) or not _is_in(request):
        return redirect("account_login")
    if errand.purpose == "link":
        try:
            vouching.link(user, provider=provider, subject=claims["sub"], actor=user.actor)
        except ValidationError as error:
            return _failed(request, provider, " ".join(error.messages))
        messages.success(request, f"{provider.name} may vouch for you now")
        return redirect("accounts:factors")
    if not user.identities.filter(provider=provider, subject=claims["sub"]).exists() or not _is_fresh(errand, claims):
        return _failed(request, provider, f"{provider.name} did not ask you to sign in again.")
    step_up.confirm(request)
    return redirect(errand.to)


def _sign_in(request: HttpRequest, provider: SignInProvider, errand: Errand, claims: dict[str, Any]) -> HttpResponse:
    user = vouching.person_for(provider, claims)
    if gate.is_locked(request, user):
        raise NotLetIn("Too many tries. Wait a quarter of an hour.", user)
    request.vouched_for = not _is_fresh(errand, claims)  # type: ignore[attr-defined]
    request.session[sessions.FACTOR_ELSEWHERE] = user.pk if vouching.has_factor(provider, claims) else None
    return gate.let_in(request, user, method="provider", to=errand.to, provider=provider.key)


def _is_fresh(errand: Errand, claims: dict[str, Any]) -> bool:
    """Whether the person signed in over there just now, and not some session of theirs a week ago."""
    at = claims.get("auth_time")
    return isinstance(at, int | float) and at > errand.since - (0 if errand.purpose == "confirm" else FRESH_S) - 1


def _is_in(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_active and not sessions.is_over(request)


def _own(url: str) -> str:
    return url if url_has_allowed_host_and_scheme(url, allowed_hosts=None) else reverse("home")


def _failed(request: HttpRequest, provider: SignInProvider, message: str) -> HttpResponse:
    context = {"provider": provider, "message": message, "signed_in": _is_in(request)}
    return render(request, "account/provider_failed.html", context, status=403)


@require_POST
@anyone_signed_in
@step_up.needs(acts.CHANGE_FACTORS)
def unlink(request: AccountRequest, pk: int) -> HttpResponse:
    identity = get_object_or_404(request.user.identities.select_related("provider", "user"), pk=pk)
    try:
        with transaction.atomic():
            vouching.unlink(identity, actor=request.actor)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("accounts:factors")
