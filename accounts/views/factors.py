"""My second factors: what is set up, adding one, recovery codes, taking one away."""

import base64
import json
from typing import Any

import qrcode
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import decrypt, encrypt
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe
from qrcode.image.svg import SvgPathImage

from accounts import acts, step_up
from accounts.audit_log import in_words
from accounts.forms.factors import AppCodeForm, NewPasskeyForm
from accounts.guard import AccountRequest, anyone_signed_in
from accounts.models import SignInProvider, User
from accounts.services import factors, passkeys, sessions
from accounts.services.enforcement import duty_of
from accounts.session_store import row_of_session
from accounts.views.provider import link_proof
from core.htmx import done
from core.models import AuditEvent

SECRET, STATE = "app_secret", "passkey_new_state"
HISTORY = ("user.signed_in", "user.sign_in_failed", "user.locked_out", "user.signed_out")


@require_safe
@anyone_signed_in
def overview(request: AccountRequest) -> HttpResponse:
    """How I sign in, where I am signed in, and when I was."""
    identities = list(request.user.identities.select_related("provider"))
    context = {
        "has": factors.factors_of(request.user),
        "duty": duty_of(request.user),
        "identities": identities,
        "providers": SignInProvider.objects.filter(enabled=True).exclude(identities__in=identities),
        "link_proof": link_proof(request),
        "held": sessions.is_held(request),
        "passkeys_not": passkeys.why_not(),
        "sessions": sessions.sessions_of(request.user),
        "this_session": row_of_session(request.session),
        "events": _history(request.user),
    }
    return render(request, "accounts/factors.html", context)


def _history(user: User) -> list[dict[str, Any]]:
    """The latest sign-ins and tries, with their addresses."""
    events = AuditEvent.objects.filter(thread=f"user:{user.pk}", verb__in=HISTORY).order_by("-at", "-id")[:12]
    return [
        {"words": in_words(event.verb).removeprefix("User: "), "at": event.at, "address": event.data.get("address", "")}
        for event in events
    ]


@sensitive_post_parameters()
@sensitive_variables("secret", "codes")
@require_http_methods(["GET", "POST"])
@anyone_signed_in
@step_up.needs(acts.CHANGE_FACTORS)
def new_app(request: AccountRequest) -> HttpResponse:
    """Show the secret of a new authenticator app, and take the code that proves that the app has it."""
    form = AppCodeForm(request.POST or None)
    if request.method == "GET" or SECRET not in request.session:
        request.session[SECRET] = encrypt(factors.new_secret())
    secret = decrypt(request.session[SECRET])
    if request.method == "POST" and form.is_valid():
        try:
            codes = factors.set_up_app(request.user, secret=secret, code=form.cleaned_data["code"], actor=request.actor)
        except ValidationError as error:
            form.add_error("code", error)
        else:
            del request.session[SECRET]
            return _set_up(request, codes, "Authenticator app set up")
    context = {"form": form, "secret": _in_fours(secret), "qr": _qr(request, secret)}
    return render(request, "accounts/factor_app.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@anyone_signed_in
@step_up.needs(acts.CHANGE_FACTORS)
def new_passkey(request: AccountRequest) -> HttpResponse:
    """Ask the browser for a passkey, and keep what it answers."""
    form, why_not = NewPasskeyForm(request.POST or None), passkeys.why_not()
    if request.method == "POST" and form.is_valid() and not why_not:
        try:
            made = passkeys.finish_making(form.cleaned_data["answer"], state=request.session.pop(STATE, {}))
            codes = factors.add_passkey(request.user, made=made, name=form.cleaned_data["name"], actor=request.actor)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return _set_up(request, codes, "Passkey added")
    options = None
    if not why_not:
        known = factors.factors_of(request.user).passkeys
        options, request.session[STATE] = passkeys.begin_making(request.user, known=known)
    context = {"form": form, "options": json.dumps(options) if options else "", "why_not": why_not}
    return render(request, "accounts/factor_passkey.html", context, status=422 if form.errors else 200)


@sensitive_variables("codes")
def _set_up(request: AccountRequest, codes: list[str], title: str) -> HttpResponse:
    """A factor is there: the recovery codes when they are new, else back to the overview."""
    sessions.look_again(request, request.user)
    if codes:
        return _show_codes(request, codes, title=title)
    messages.success(request, title)
    return redirect("accounts:factors")


@sensitive_variables("codes")
@require_http_methods(["GET", "POST"])
@anyone_signed_in
@step_up.needs(acts.CHANGE_FACTORS)
def new_codes(request: AccountRequest) -> HttpResponse:
    """Draw new recovery codes; the former ones end."""
    error = ""
    if request.method == "POST":
        try:
            return _show_codes(
                request, factors.new_recovery_codes(request.user, actor=request.actor), title="New recovery codes"
            )
        except ValidationError as refused:
            error = " ".join(refused.messages)
    context = {"error": error, "back": reverse("accounts:factors")}
    return render(request, "accounts/recovery_new.html", context, status=422 if error else 200)


@sensitive_variables("codes")
def _show_codes(request: AccountRequest, codes: list[str], *, title: str) -> HttpResponse:
    shown = [f"{code[:5]}-{code[5:]}" for code in codes]
    text = "\n".join([f"SOC portal, recovery codes of {request.user.username}", "", *shown, ""])
    context = {
        "title": title,
        "codes": shown,
        "text": "\n".join(shown),
        "file": _data_url(text.encode(), "text/plain"),
        "back": reverse("accounts:factors"),
    }
    response = render(request, "accounts/recovery_codes.html", context)
    response["Cache-Control"] = "no-store"
    return response


@require_http_methods(["GET", "POST"])
@anyone_signed_in
@step_up.needs(acts.CHANGE_FACTORS)
def remove_factor(request: AccountRequest, pk: int) -> HttpResponse:
    kinds = [factors.APP, factors.PASSKEY]
    factor = get_object_or_404(Authenticator.objects.filter(user=request.user, type__in=kinds), pk=pk)
    if request.method == "POST":
        factors.remove_factor(request.user, factor=factor, actor=request.actor)
        sessions.look_again(request, request.user)
        return done(request, "Removed", back=reverse("accounts:factors"), leave=True)
    context: dict[str, Any] = {"factor": factor, "name": name_of(factor), "back": reverse("accounts:factors")}
    return render(request, "accounts/factor_remove.html", context)


def name_of(factor: Authenticator) -> str:
    return str(factor.data.get("name") or factors.WORDS[factor.type])


def _in_fours(secret: str) -> str:
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))


def _qr(request: AccountRequest, secret: str) -> str:
    url = get_adapter().build_totp_url(request.user, secret)
    return _data_url(qrcode.make(url, image_factory=SvgPathImage, border=2).to_string(), "image/svg+xml")


def _data_url(content: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
