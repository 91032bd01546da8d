"""Administration: device groups in their order, each with its rule."""

from django.core.exceptions import ValidationError
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import keys, rules
from accounts.forms.device_groups import DeviceGroupForm
from accounts.forms.people import ReasonForm
from accounts.guard import AccountRequest, requires
from accounts.models import DeviceGroup
from accounts.services.device_groups import (
    create_device_group,
    move_device_group,
    retire_device_group,
    update_device_group,
)
from core import slots
from core.htmx import done

PREVIEW = "device_group.preview"


@require_safe
@requires(keys.MANAGE_AUTHORIZATION)
def group_list(request: AccountRequest) -> HttpResponse:
    groups = list(
        DeviceGroup.objects.filter(retired=False)
        .annotate(people=Count("users", distinct=True), machines=Count("devices", distinct=True))
        .order_by("is_default", "rank")
    )
    rows = [{"group": group, "rule": rules.in_words(group.rule)} for group in groups]
    return render(request, "accounts/device_groups.html", {"rows": rows, "last": len(rows) - 1})


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_AUTHORIZATION)
def new_group(request: AccountRequest) -> HttpResponse:
    form = DeviceGroupForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        wanted = {key: form.cleaned_data[key] for key in ("name", "description", "rule")}
        try:
            group = create_device_group(**wanted, actor=request.actor)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, f"Device group {group.name} made", back=reverse("accounts:groups"), leave=True)
    context = {"form": form, "back": reverse("accounts:groups")}
    return render(request, "accounts/device_group_form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_AUTHORIZATION)
def edit_group(request: AccountRequest, pk: int) -> HttpResponse:
    group = get_object_or_404(DeviceGroup, pk=pk, retired=False)
    form = DeviceGroupForm.of(group, request.POST or None)
    if request.method == "POST" and form.is_valid():
        wanted = {key: form.cleaned_data[key] for key in ("name", "description", "rule")}
        try:
            update_device_group(group, changes=wanted, actor=request.actor)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, f"Device group {group.name} changed", back=reverse("accounts:groups"), leave=True)
    context = {"form": form, "group": group, "back": reverse("accounts:groups")}
    return render(request, "accounts/device_group_form.html", context, status=422 if form.errors else 200)


@require_POST
@requires(keys.MANAGE_AUTHORIZATION)
def preview(request: AccountRequest) -> HttpResponse:
    """Up to ten devices that the rule being typed would match; filled by the room that knows devices."""
    form = DeviceGroupForm({**request.POST.dict(), "name": request.POST.get("name") or "-"})
    entries = slots.entries(PREVIEW, request, form.cleaned_data["rule"]) if form.is_valid() else []
    return render(request, "accounts/device_group_preview.html", {"form": form, "entries": entries})


@require_POST
@requires(keys.MANAGE_AUTHORIZATION)
def move_group(request: AccountRequest, pk: int, to: int) -> HttpResponse:
    group = get_object_or_404(DeviceGroup, pk=pk, retired=False, is_default=False)
    move_device_group(group, to=to, actor=request.actor)
    return done(request, f"{group.name} has rank {group.rank}", back=reverse("accounts:groups"), refresh=["#groups"])


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_AUTHORIZATION)
def delete_group(request: AccountRequest, pk: int) -> HttpResponse:
    group = get_object_or_404(DeviceGroup, pk=pk, retired=False, is_default=False)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        name = group.name
        try:
            retire_device_group(group, actor=request.actor, reason=form.cleaned_data["reason"])
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, f"Device group {name} deleted", back=reverse("accounts:groups"), leave=True)
    context = {"form": form, "group": group, "people": group.users.count(), "back": reverse("accounts:groups")}
    return render(request, "accounts/device_group_delete.html", context, status=422 if form.errors else 200)
