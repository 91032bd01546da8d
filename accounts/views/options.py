"""Administration: the options that rooms declare, each with its history."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import acts, keys, step_up
from accounts.forms.options import OptionForm
from accounts.guard import AccountRequest, requires
from core import options
from core.htmx import done
from core.models import OptionRevision


@require_safe
@requires(keys.MANAGE_SETTINGS)
def option_list(request: AccountRequest) -> HttpResponse:
    newest = {row.key: row for row in OptionRevision.objects.order_by("key", "-id").distinct("key")}
    groups: dict[str, list[dict[str, Any]]] = {}
    for option in options.declared():
        revision = newest.get(option.key)
        value = option.default if revision is None else revision.value
        row = {"option": option, "value": in_words(value), "default": in_words(option.default), "revision": revision}
        row["changed"] = value != option.default
        group = option.key.partition(".")[0]
        # The heading of the group says it already.
        row["label"] = option.label.removeprefix(f"{group.capitalize()}: ")
        groups.setdefault(group.replace("_", "-"), []).append(row)
    return render(request, "accounts/options.html", {"groups": groups})


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_SETTINGS)
@step_up.needs(acts.CHANGE_OPTION)
def edit_option(request: AccountRequest, key: str) -> HttpResponse:
    option = next((one for one in options.declared() if one.key == key), None)
    if option is None:
        raise Http404
    form = OptionForm(request.POST or None, option=option, value=options.get(key))
    if request.method == "POST" and form.is_valid():
        try:
            options.put(key, form.cleaned_data["value"], actor=request.actor, reason=form.cleaned_data["reason"])
        except ValidationError as error:
            form.add_error("value", error)
        else:
            return done(request, f"{option.label} changed", back=reverse("accounts:options"), leave=True)
    history = [
        {"revision": row, "value": in_words(row.value)}
        for row in OptionRevision.objects.filter(key=key).order_by("-id")[:10]
    ]
    context = {"form": form, "option": option, "history": history, "back": reverse("accounts:options")}
    context["default"] = in_words(option.default)
    return render(request, "accounts/option_edit.html", context, status=422 if form.errors else 200)


def in_words(value: Any) -> str:
    """A value as a person says it."""
    if isinstance(value, bool):
        return "On" if value else "Off"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "None"
    return str(value) if value != "" else "Empty"
