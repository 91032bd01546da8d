"""Signing in with more than a password: the page after it, and the passkey instead of it."""

import json
from typing import Any

from allauth.account.internal.decorators import login_stage_required
from allauth.core import ratelimit
from allauth.mfa.models import Authenticator
from allauth.mfa.stages import AuthenticateStage
from axes.helpers import get_lockout_response
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.forms.factors import CodeForm, PasskeyForm
from accounts.guard import for_everybody
from accounts.models import User
from accounts.services import factors, gate, passkeys

STATE, STATE_ALONE = "passkey_state", "passkey_alone_state"


@for_everybody
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
@login_stage_required(stage=AuthenticateStage.key, redirect_urlname="account_login")  # type: ignore[untyped-decorator]
def second_factor(request: HttpRequest) -> HttpResponse:
    """After the password: a code or a passkey."""
    stage: Any = request._login_stage  # type: ignore[attr-defined]
    user: User = stage.login.user
    form = CodeForm(request.POST if "code" in request.POST else None)
    if "cancel" in request.POST:
        away: HttpResponse = stage.abort()
        return away
    if request.method == "POST":
        if gate.is_locked(request, user):
            locked: HttpResponse = get_lockout_response(request)
            return locked
        factor = _proved(request, user, form)
        if factor is not None:
            gate.note_factor(request, user, factor)
            done: HttpResponse = stage.exit()
            return done
        gate.count_failure(request, user)
    return render(request, "account/second_factor.html", _context(request, user, form))


def _proved(request: HttpRequest, user: User, form: CodeForm) -> Authenticator | None:
    """The factor that this request proves; the form says what is wrong otherwise."""
    if "code" in request.POST:
        if form.is_valid():
            if factor := factors.check_code(user, form.cleaned_data["code"]):
                return factor
            form.add_error("code", "This code does not fit, or was used before. Wait for the next one.")
        return None
    answer = PasskeyForm(request.POST)
    try:
        if answer.is_valid():
            return factors.use_passkey(user, answer.cleaned_data["answer"], state=request.session.pop(STATE, {}))
    except ValidationError as error:
        request.passkey_error = " ".join(error.messages)  # type: ignore[attr-defined]
    return None


def _context(request: HttpRequest, user: User, form: CodeForm) -> dict[str, Any]:
    has = factors.factors_of(user)
    options: dict[str, Any] | None = None
    if has.passkeys and not passkeys.why_not():
        options, request.session[STATE] = passkeys.begin_use(has.passkeys)
    return {
        "form": form,
        "has": has,
        "person": user,
        "options": json.dumps(options) if options else "",
        "passkey_error": getattr(request, "passkey_error", ""),
    }


@for_everybody
@never_cache
@require_http_methods(["GET", "POST"])
def passkey(request: HttpRequest) -> HttpResponse:
    """Signing in with a passkey alone: it names its person, and has asked them for a finger, a face or a PIN."""
    limited: HttpResponse | None = ratelimit.consume_or_429(request, action="login")
    if limited is not None:
        return limited
    if request.method == "GET":
        options, request.session[STATE_ALONE] = passkeys.begin_use()
        return JsonResponse(options)
    user = _person_of(request)
    if user is None:
        request.session["sign_in_error"] = passkeys.WRONG
        return redirect("account_login")
    return gate.let_in(
        request, user, method="mfa", to=_next(request), type="webauthn", passwordless=True, reauthenticated=False
    )


def _person_of(request: HttpRequest) -> User | None:
    """Who signed this answer; None for nobody, somebody switched off, or a locked account."""
    state, form = request.session.pop(STATE_ALONE, None), PasskeyForm(request.POST)
    if not state or not form.is_valid():
        return None
    answer = form.cleaned_data["answer"]
    user = passkeys.person_named_in(answer)
    if user is None or not user.is_active:
        return None
    try:
        factors.use_passkey(user, answer, state=state)
    except ValidationError:
        return None
    return user


def _next(request: HttpRequest) -> str:
    url = request.POST.get("next", "")
    return url if url_has_allowed_host_and_scheme(url, allowed_hosts=None) else reverse("home")
