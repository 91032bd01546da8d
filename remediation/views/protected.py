"""Administration: what destructive actions must not touch."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from accounts import keys, step_up
from accounts.guard import AccountRequest, requires
from accounts.models import DeviceGroup
from core.htmx import done
from remediation import acts
from remediation.brake_forms import ProtectForm, ProtectThisForm
from remediation.enums import MatchBy, ProtectedKind
from remediation.forms import ReasonForm
from remediation.models import ProtectedAsset
from remediation.policy import settings
from remediation.policy.targets import MODELS
from remediation.services.protect import may_unprotect, protect, unprotect
from remediation.services.suggest_protection import suggestions
from remediation.views.fetch import target_for
from remediation.views.links import target_link


@requires(keys.MANAGE_SETTINGS)
def protected(request: AccountRequest) -> HttpResponse:
    """The list, and what ought to be on it."""
    refuses = {kind.value: settings.is_refused(kind.value) for kind in ProtectedKind}
    assets = ProtectedAsset.objects.order_by("kind", "id")
    found = [
        {"suggestion": one, "target": target_link(one.target.kind, one.target.pk, str(one.target))}
        for one in suggestions(request.user)
    ]
    names = dict(DeviceGroup.objects.values_list("pk", "name"))
    rows = [
        {"asset": asset, "refuses": refuses[asset.kind], "means": _means(request, asset),
         "where": [names.get(pk, "") for pk in asset.device_group_ids if request.user.scope.covers(pk)],
         "may_remove": may_unprotect(asset, request.user)}
        for asset in assets
    ]  # fmt: skip
    return render(request, "remediation/protected.html", {"rows": rows, "suggestions": found})


def _means(request: AccountRequest, asset: ProtectedAsset) -> dict[str, Any] | None:
    """The one asset that is meant, when this person may see it."""
    if asset.match_by != MatchBy.ENTITY:
        return None
    seen: Any = MODELS[asset.target_kind]._default_manager
    target = seen.visible_to(request.user).filter(pk=asset.target_id).first()
    return target_link(asset.target_kind, target.pk, str(target)) if target is not None else {"name": ""}


@requires(keys.MANAGE_SETTINGS)
@step_up.needs(acts.CHANGE_BRAKES)
def protect_rule(request: AccountRequest) -> HttpResponse:
    """Protect whatever a name, network or tag means."""
    form = ProtectForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            asset = protect(**form.cleaned_data, actor=request.actor, user=request.user)
        except ValidationError as error:
            form.add_error(None, error) if not hasattr(error, "error_dict") else _add(form, error)
        else:
            return done(request, f"Protected: {asset}", back=reverse("remediation:protected"), leave=True)
    status = 422 if form.errors else 200
    context = {"form": form, "title": "Protect assets", "verb": "Protect", "back": reverse("remediation:protected")}
    return render(request, "remediation/brake_form.html", context, status=status)


@requires(keys.MANAGE_SETTINGS)
def protect_this(request: AccountRequest, kind: str, target_id: int) -> HttpResponse:
    """Protect exactly this one."""
    target = target_for(request.user, kind, target_id)
    step_up.require(request, acts.CHANGE_BRAKES)
    initial = {"kind": request.GET.get("as", ProtectedKind.OTHER), "note": request.GET.get("why", "")[:500]}
    form = ProtectThisForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        wanted = {**form.cleaned_data, "match_by": MatchBy.ENTITY, "target_kind": kind, "target_id": target.pk}
        try:
            protect(**wanted, actor=request.actor, user=request.user)
        except ValidationError as error:
            form.add_error(None, " ".join(error.messages))
        else:
            return done(request, f"{target} is protected", back=reverse("remediation:protected"), leave=True)
    title, back = f"Protect {target}", reverse("remediation:protected")
    context = {"form": form, "title": title, "verb": "Protect", "back": back}
    return render(request, "remediation/brake_form.html", context, status=422 if form.errors else 200)


@requires(keys.MANAGE_SETTINGS)
@step_up.needs(acts.CHANGE_BRAKES)
def unprotect_asset(request: AccountRequest, pk: int) -> HttpResponse:
    """Take it off the list."""
    asset = get_object_or_404(ProtectedAsset, pk=pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        title = f"No longer protected: {asset}"
        try:
            unprotect(asset, actor=request.actor, reason=form.cleaned_data["reason"], user=request.user)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, title, back=reverse("remediation:protected"), leave=True)
    context = {"form": form, "title": f"No longer protect: {asset}", "verb": "Remove", "danger": True,
               "back": reverse("remediation:protected")}  # fmt: skip
    return render(request, "remediation/brake_form.html", context, status=422 if form.errors else 200)


def _add(form: ProtectForm, error: ValidationError) -> None:
    """Each message at its field."""
    for field, messages in error.message_dict.items():
        for message in messages:
            form.add_error(field if field in form.fields else None, message)
