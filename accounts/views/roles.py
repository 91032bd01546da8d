"""Administration: roles, shown as the matrix of who may do what."""

from django.core.exceptions import ValidationError
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import acts, keys, step_up
from accounts.forms.people import ReasonForm
from accounts.forms.roles import RoleForm, grouped_permissions
from accounts.guard import AccountRequest, requires
from accounts.models import Role
from accounts.roles import BUILT_IN
from accounts.services.roles import create_role, delete_role, update_role
from core.htmx import done


@require_safe
@requires(keys.MANAGE_AUTHORIZATION)
def role_list(request: AccountRequest) -> HttpResponse:
    """Rights down, roles across."""
    order = {key.value: place for place, key in enumerate(BUILT_IN)}
    roles = sorted(
        Role.objects.annotate(holders=Count("users")), key=lambda role: (order.get(role.key, len(order)), role.name)
    )
    groups = [
        {
            "name": name,
            "rows": [
                {"key": key, "label": label, "cells": [(role, key in role.permissions) for role in roles]}
                for key, label in permissions
            ],
        }
        for name, permissions in grouped_permissions()
    ]
    context = {"roles": roles, "groups": groups, "custom": [role for role in roles if not role.built_in]}
    return render(request, "accounts/roles.html", context)


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_AUTHORIZATION)
@step_up.needs(acts.CHANGE_ROLE)
def new_role(request: AccountRequest) -> HttpResponse:
    form = RoleForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            role = create_role(**form.cleaned_data, actor=request.actor)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, f"Role {role.name} made", back=reverse("accounts:roles"), leave=True)
    context = {"form": form, "back": reverse("accounts:roles")}
    return render(request, "accounts/role_form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_AUTHORIZATION)
@step_up.needs(acts.CHANGE_ROLE)
def edit_role(request: AccountRequest, pk: int) -> HttpResponse:
    role = get_object_or_404(Role.objects.annotate(holders=Count("users")), pk=pk, built_in=False)
    form = RoleForm.of(role, request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            update_role(role, **form.cleaned_data, actor=request.actor)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, f"Role {role.name} changed", back=reverse("accounts:roles"), leave=True)
    context = {"form": form, "role": role, "back": reverse("accounts:roles")}
    return render(request, "accounts/role_form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_AUTHORIZATION)
@step_up.needs(acts.CHANGE_ROLE)
def remove_role(request: AccountRequest, pk: int) -> HttpResponse:
    role = get_object_or_404(Role.objects.annotate(holders=Count("users")), pk=pk, built_in=False)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            delete_role(role, actor=request.actor, reason=form.cleaned_data["reason"])
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, f"Role {role.name} deleted", back=reverse("accounts:roles"), leave=True)
    context = {"form": form, "role": role, "back": reverse("accounts:roles")}
    return render(request, "accounts/role_delete.html", context, status=422 if form.errors else 200)
