"""Administration: one webhook or chat, and what may be done with it."""

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from core.htmx import done
from notifications.forms import EndpointChangeForm, EndpointForm
from notifications.models import Endpoint
from notifications.services.endpoints import (
    add_endpoint,
    change_endpoint,
    remove_endpoint,
    resume_endpoint,
    rotate_secret,
    switch_endpoint,
    try_endpoint,
)

PAGE = "notifications:sending"


@require_safe
@requires(keys.MANAGE_SYSTEM)
def endpoint(request: AccountRequest, pk: int) -> HttpResponse:
    """The side pane: state, what it was told last."""
    found = get_object_or_404(Endpoint, pk=pk)
    sent = found.dispatches.select_related("rule")[:15]
    return render(request, "notifications/endpoint.html", {"endpoint": found, "sent": sent, "back": reverse(PAGE)})


@sensitive_variables("secret")
@sensitive_post_parameters("url")
@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_SYSTEM)
def new_endpoint(request: AccountRequest) -> HttpResponse:
    form = EndpointForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            made, secret = add_endpoint(data["name"], kind=data["kind"], url=data["url"], actor=request.actor)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            if secret:
                return _show_once(request, made, secret)
            return done(request, f"{made.name} added", back=reverse(PAGE), leave=True)
    context = {"form": form, "back": reverse(PAGE), "verb": "Add"}
    return render(request, "notifications/endpoint_form.html", context, status=422 if form.errors else 200)


@sensitive_post_parameters("url")
@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_SYSTEM)
def edit_endpoint(request: AccountRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Endpoint, pk=pk)
    form = EndpointChangeForm(request.POST or None, initial={"name": found.name})
    if request.method == "POST" and form.is_valid():
        try:
            change_endpoint(found, name=form.cleaned_data["name"], url=form.cleaned_data["url"], actor=request.actor)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, "Saved", back=reverse(PAGE), leave=True)
    context = {"form": form, "endpoint": found, "back": reverse(PAGE), "verb": "Save"}
    return render(request, "notifications/endpoint_form.html", context, status=422 if form.errors else 200)


@sensitive_variables("secret")
@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_SYSTEM)
def rotate(request: AccountRequest, pk: int) -> HttpResponse:
    """A new secret; the old one signs as well for a day."""
    found = get_object_or_404(Endpoint, pk=pk)
    if request.method == "POST":
        try:
            secret = rotate_secret(found, actor=request.actor)
        except ValidationError as error:
            context = {"endpoint": found, "back": reverse(PAGE), "error": error.message}
            return render(request, "notifications/endpoint_rotate.html", context, status=422)
        return _show_once(request, found, secret)
    return render(request, "notifications/endpoint_rotate.html", {"endpoint": found, "back": reverse(PAGE)})


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_SYSTEM)
def delete_endpoint(request: AccountRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Endpoint, pk=pk)
    if request.method == "POST":
        remove_endpoint(found, actor=request.actor)
        return done(request, f"{found.name} removed", back=reverse(PAGE), leave=True)
    return render(request, "notifications/endpoint_delete.html", {"endpoint": found, "back": reverse(PAGE)})


@require_POST
@requires(keys.MANAGE_SYSTEM)
def resume(request: AccountRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Endpoint, pk=pk)
    resume_endpoint(found, actor=request.actor)
    return done(request, f"{found.name} resumed", back=reverse(PAGE), leave=True)


@require_POST
@requires(keys.MANAGE_SYSTEM)
def switch(request: AccountRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Endpoint, pk=pk)
    switch_endpoint(found, on=not found.enabled, actor=request.actor)
    return done(request, f"{found.name} switched {'off' if found.enabled else 'on'}", back=reverse(PAGE), leave=True)


@require_POST
@requires(keys.MANAGE_SYSTEM)
def test(request: AccountRequest, pk: int) -> HttpResponse:
    """Call it now and tell what was answered."""
    found = get_object_or_404(Endpoint, pk=pk)
    outcome = try_endpoint(found, actor=request.actor)
    title = "The test arrived" if outcome.ok else "The test did not arrive"
    return done(request, title, detail=outcome.said, back=reverse(PAGE))


def _show_once(request: AccountRequest, endpoint: Endpoint, secret: str) -> HttpResponse:
    context = {"endpoint": endpoint, "secret": secret, "back": reverse(PAGE)}
    return render(request, "notifications/endpoint_once.html", context)
