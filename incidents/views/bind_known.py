"""Administration: putting known devices, accounts and mailboxes into a simulated connection, and setting
them free."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import keys
from accounts.guard import AccountRequest, requires
from accounts.models import User
from connectors.errors import ConnectorError
from connectors.models import Connection
from connectors.registry import get_kind
from core.htmx import done
from core.wording import counted
from incidents.forms import ReasonForm
from incidents.services import bind_known as service

_LABELS = {"device": "Devices", "identity": "Accounts", "mailbox": "Mailboxes"}


class BindKnownForm(forms.Form):
    kinds = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple, label="Bind")

    def __init__(self, data: Any = None, *, user: User, connection: Connection) -> None:
        super().__init__(data, initial={"kinds": list(service.KINDS)})
        free = {kind: service.can_be_bound(kind, connection, user).count() for kind in service.KINDS}
        self.fields["kinds"].choices = [  # type: ignore[attr-defined]
            (kind, f"{_LABELS[kind]} ({count:,} bound to nothing)") for kind, count in free.items()
        ]


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_SYSTEM)
def bind_known(request: AccountRequest, pk: int) -> HttpResponse:
    found = _simulated_or_404(pk)
    back = reverse("connectors:connections")
    form = BindKnownForm(request.POST if request.method == "POST" else None, user=request.user, connection=found)
    if form.is_bound and form.is_valid():
        kinds = form.cleaned_data["kinds"]
        try:
            bound = service.bind_known(found, kinds=kinds, user=request.user, actor=request.actor)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            left = f", {bound.left:,} are left: bind again" if bound.left else ""
            return done(request, f"{counted(bound.made, 'target')} bound to {found}{left}", back=back, leave=True)
    context = {"form": form, "connection": found, "most": service.MOST_AT_ONCE, "back": back}
    return render(request, "incidents/bind_known.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_SYSTEM)
def unbind_known(request: AccountRequest, pk: int) -> HttpResponse:
    found = _simulated_or_404(pk)
    back = reverse("connectors:connections")
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        reason = form.cleaned_data["reason"]
        try:
            freed = service.unbind_known(found, user=request.user, actor=request.actor, reason=reason)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            left = f", {freed.left:,} stay: an action is in force on them" if freed.left else ""
            return done(request, f"{counted(freed.made, 'target')} set free{left}", back=back, leave=True)
    context = {"form": form, "connection": found, "back": back}
    return render(request, "incidents/unbind_known.html", context, status=422 if form.errors else 200)


def _simulated_or_404(pk: int) -> Connection:
    """A real system says by itself what it manages, so for it there is no such page."""
    found = get_object_or_404(Connection, pk=pk)
    try:
        if get_kind(found.kind).adopt is not None:
            return found
    except ConnectorError:
        pass
    raise Http404
