"""Erasing an account or a mailbox that alerts named."""

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import keys, step_up
from accounts.guard import AccountRequest, requires
from accounts.services.erase_person import ERASE
from core import erasure
from core.htmx import done
from incidents.forms import ReasonForm
from incidents.models import Identity, Mailbox
from incidents.services.erase_account import erase_account, incidents_naming, objections_to
from incidents.views.entity import find_entity

WHOLE_SCOPE = "Erasing touches alerts of every device group: somebody who sees all of them can do it."


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.ERASE_PEOPLE)
@step_up.needs(ERASE)
def erase(request: AccountRequest, kind: str, pk: int) -> HttpResponse:
    found = find_entity(request, kind, pk)
    if not isinstance(found, Identity | Mailbox):
        raise Http404
    if not request.user.scope.everything:
        raise PermissionDenied(WHOLE_SCOPE)
    form = ReasonForm(request.POST or None)
    page = reverse(f"incidents:{kind}", args=[pk])
    if form.is_bound and form.is_valid():
        try:
            erase_account(found, actor=request.user.actor, reason=form.cleaned_data["reason"])
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, "Erased", back=page, leave=True)
    context = {"form": form, "name": found.display_name, "objections": objections_to(found), "back": page,
               "kept": erasure.kept(kind, pk), "incidents": incidents_naming(found).count(), "plain": 0}  # fmt: skip
    return render(request, "incidents/erase.html", context, status=422 if form.is_bound else 200)
