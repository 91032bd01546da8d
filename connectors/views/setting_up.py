"""Administration: making, editing, switching and deleting connections."""

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse, reverse_lazy
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from accounts import keys
from accounts.guard import AccountRequest, requires
from connectors.enums import FINAL_STATES
from connectors.errors import ConnectorError
from connectors.forms import ConnectionForm, ReasonForm
from connectors.models import Connection
from connectors.registry import Kind, all_kinds, get_kind
from connectors.services.connections import (
    create_connection,
    delete_connection,
    held_by,
    set_enabled,
    update_connection,
)
from connectors.services.health import check_health
from core.htmx import done

BACK = reverse_lazy("connectors:connections")


@sensitive_post_parameters()
@sensitive_variables("form")
@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_SYSTEM)
def new_connection(request: AccountRequest, kind: str) -> HttpResponse:
    """It is asked for its health at once, so that a wrong setting shows before anybody relies on it."""
    declared = _kind_or_404(kind)
    form = ConnectionForm(request.POST if request.method == "POST" else None, kind=declared)
    if form.is_bound and form.is_valid():
        try:
            made = create_connection(
                name=form.cleaned_data["name"], kind=kind, settings=form.settings, actor=request.actor
            )
        except ValidationError as error:
            form.tell(error)
        else:
            return _asked_and_done(request, made, f"Connection {made.name} made")
    context = {"form": form, "kind": declared, "kinds": all_kinds(), "back": BACK}
    return render(request, "connectors/connection_form.html", context, status=422 if form.errors else 200)


@sensitive_post_parameters()
@sensitive_variables("form")
@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_SYSTEM)
def edit_connection(request: AccountRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Connection, pk=pk)
    declared = _kind_or_404(found.kind)
    form = ConnectionForm(request.POST if request.method == "POST" else None, kind=declared, connection=found)
    if form.is_bound and form.is_valid():
        try:
            name = form.cleaned_data["name"]
            changed = update_connection(found, name=name, settings=form.settings, actor=request.actor)
        except ValidationError as error:
            form.tell(error)
        else:
            return _asked_and_done(request, changed, f"Connection {changed.name} changed")
    context = {"form": form, "kind": declared, "connection": found, "back": BACK}
    return render(request, "connectors/connection_form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_SYSTEM)
def switch_connection(request: AccountRequest, pk: int) -> HttpResponse:
    """Off, or on again."""
    found = get_object_or_404(Connection, pk=pk)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        set_enabled(found, enabled=not found.enabled, actor=request.actor, reason=form.cleaned_data["reason"])
        return done(request, f"{found.name} switched {'on' if found.enabled else 'off'}", back=str(BACK), leave=True)
    under_way = found.deliveries.exclude(state__in=FINAL_STATES).count()
    context = {"form": form, "connection": found, "under_way": under_way, "back": BACK}
    return render(request, "connectors/connection_switch.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_SYSTEM)
def remove_connection(request: AccountRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Connection, pk=pk)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            delete_connection(found, actor=request.actor, reason=form.cleaned_data["reason"])
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, f"Connection {found.name} deleted", back=str(BACK), leave=True)
    context = {"form": form, "connection": found, "held": held_by(found), "back": BACK}
    return render(request, "connectors/connection_delete.html", context, status=422 if form.errors else 200)


def _asked_and_done(request: AccountRequest, connection: Connection, title: str) -> HttpResponse:
    health = check_health(connection, actor=request.actor)
    told = f"{title}: {health.label.lower()}"
    return done(request, told, detail=connection.health_detail, back=reverse("connectors:connections"), leave=True)


def _kind_or_404(key: str) -> Kind:
    try:
        return get_kind(key)
    except ConnectorError:
        raise Http404 from None
