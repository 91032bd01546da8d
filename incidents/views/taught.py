"""Deciding what was proposed, and lifting what was taught."""

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import keys, step_up
from accounts.guard import AccountRequest, requires
from core.htmx import done
from incidents.forms import ReasonForm
from incidents.models import CorrelationChange
from incidents.services.teach_correlation import TEACH, decide, lift

DIALOG = "incidents/correlation_taught.html"


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.TUNE_DETECTION)
@step_up.needs(TEACH)
def decide_taught(request: AccountRequest, pk: int) -> HttpResponse:
    """Accept or decline a proposal, which tells what it would have changed when it was tried."""
    change = _find(request, pk)
    form = ReasonForm(request.POST or None)
    if form.is_bound and form.is_valid():
        accept = request.POST.get("act") == "accept"
        try:
            decide(change, accept=accept, reason=form.cleaned_data["reason"], actor=request.actor,
                   user=request.user)  # fmt: skip
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, "Accepted" if accept else "Declined", back=_list(), leave=True)
    return _dialog(request, change, form, lifting=False)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.TUNE_DETECTION)
@step_up.needs(TEACH)
def lift_taught(request: AccountRequest, pk: int) -> HttpResponse:
    change = _find(request, pk)
    form = ReasonForm(request.POST or None)
    if form.is_bound and form.is_valid():
        try:
            lift(change, reason=form.cleaned_data["reason"], actor=request.actor, user=request.user)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, "It counts again from now on", back=_list(), leave=True)
    return _dialog(request, change, form, lifting=True)


def _find(request: AccountRequest, pk: int) -> CorrelationChange:
    found: CorrelationChange = get_object_or_404(CorrelationChange.objects.visible_to(request.user), pk=pk)
    return found


def _list() -> str:
    return reverse("incidents:correlation")


def _dialog(request: AccountRequest, change: CorrelationChange, form: forms.Form, *, lifting: bool) -> HttpResponse:
    context = {"change": change, "form": form, "lifting": lifting, "back": _list(), "trial": change.trial}
    return render(request, DIALOG, context, status=422 if form.is_bound else 200)
