"""The question before a dangerous act: is it still you?"""

import json
from typing import Any, cast
from urllib.parse import urlsplit

from axes.helpers import get_lockout_response
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import step_up
from accounts.forms.confirm import ConfirmForm
from accounts.guard import AccountRequest, anyone_signed_in
from accounts.models import User
from accounts.services import factors, gate, passkeys
from accounts.step_up import StepUpRequired
from core.htmx import wants_part

STATE = "passkey_confirm_state"


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
@anyone_signed_in
def confirm(request: AccountRequest) -> HttpResponse:
    """Ask for a factor or the password; afterwards on to where the act is done."""
    state = request.session.pop(STATE, {}) if request.method == "POST" else {}
    if request.method == "POST" and gate.is_locked(request, request.user):
        locked: HttpResponse = get_lockout_response(request)
        return locked
    form = ConfirmForm(request.POST or None, user=request.user, state=state)
    if request.method == "POST" and form.is_valid():
        step_up.confirm(request)
        return _onward(request)
    if request.method == "POST":
        gate.count_failure(request, request.user)
    return _ask(request, form=form, to=_next(request))


def _onward(request: HttpRequest) -> HttpResponse:
    """Back to the dialog that was asked for, which htmx fetches into its place, or to the whole page."""
    if wants_part(request) and request.POST.get("leave"):
        response = HttpResponse(status=204)
        response["HX-Redirect"] = _next(request)
        return response
    return redirect(_next(request))


def answer(request: HttpRequest, error: StepUpRequired) -> HttpResponse:
    """What a page answers instead of doing the act: the question, and where it leads back to."""
    leave = request.method != "GET"
    to = _page_of(request) if leave else request.get_full_path()
    if wants_part(request):
        form = ConfirmForm(user=cast(User, request.user))
        response = _ask(request, form=form, to=to, act=error.act.label, leave=leave)
        response["HX-Retarget"], response["HX-Reswap"] = "#dialog", "innerHTML"
        return response
    query = QueryDict(mutable=True)
    query.update({"next": to, "act": error.act.key})
    return redirect(f"{reverse('accounts:confirm')}?{query.urlencode()}")


def _ask(request: HttpRequest, *, form: Any, to: str, act: str = "", leave: bool = False) -> HttpResponse:
    named = {one.key: one.label for one in step_up.acts()}
    context = {
        "form": form,
        "next": to,
        "act": act or named.get(request.GET.get("act", ""), ""),
        "action": reverse("accounts:confirm"),
        "back": to if leave else reverse("home"),
        "leave": leave or bool(request.POST.get("leave")),
        "options": _passkey_options(request),
        "identities": cast(User, request.user).identities.filter(provider__enabled=True).select_related("provider"),
    }
    return render(request, "accounts/confirm.html", context, status=422 if form.errors else 200)


def _passkey_options(request: HttpRequest) -> str:
    """What the browser is asked when one of this person's passkeys may confirm."""
    known = [] if passkeys.why_not() else factors.factors_of(cast(User, request.user)).passkeys
    if not known:
        return ""
    options, request.session[STATE] = passkeys.begin_use(known)
    return json.dumps(options)


def _next(request: HttpRequest) -> str:
    return _own(request.POST.get("next") or request.GET.get("next") or "")


def _page_of(request: HttpRequest) -> str:
    """Where a form was sent from: it is filled in again there."""
    parts = urlsplit(request.headers.get("HX-Current-URL") or request.headers.get("Referer") or "")
    return _own(f"{parts.path}?{parts.query}" if parts.query else parts.path)


def _own(url: str) -> str:
    return url if url_has_allowed_host_and_scheme(url, allowed_hosts=None) else reverse("home")
