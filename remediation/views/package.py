from collections.abc import Iterator
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from accounts import keys
from accounts.guard import AccountRequest, requires
from core.downloads import download
from remediation.models import RunArtefact
from remediation.package_tables import tables_of
from remediation.refused import Refused
from remediation.services.open_package import (
    MOST_BYTES,
    ZIP,
    Part,
    is_guarded,
    leaves_locked,
    may_open,
    open_package,
    parts_of,
)
from remediation.views.fetch import run_for


class OpenForm(forms.Form):
    """Which part is wanted, and why."""

    reason = forms.CharField(
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 2, "class": "input"}),
        help_text="Kept in the audit log: it may hold personal data.",
    )
    password = forms.CharField(
        label="Password of the zip",
        max_length=200,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"class": "input", "autocomplete": "new-password"}),
        help_text="At least 8 characters, your own choice. Whoever opens the download needs it; it is not kept.",
    )

    def __init__(self, *args: Any, parts: list[Part], locked: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not locked:
            del self.fields["password"]
        self.fields["part"] = forms.ChoiceField(
            label="What",
            choices=[("", "Download the whole (zip)"), *((one.name, one.name) for one in parts)],
            required=False,
            widget=forms.Select(attrs={"class": "input"}),
        )
        self.order_fields(["part", "reason", "password"])


@requires(keys.READ)
def package(request: AccountRequest, run_id: int, artefact_id: int) -> HttpResponseBase:
    """What a run of mine to see collected: its contents by name; a part, or the whole, for a reason (POST)."""
    run = run_for(request.user, run_id)
    artefact = get_object_or_404(run.artefacts.select_related("blob", "run"), pk=artefact_id)
    if not is_guarded(artefact) and artefact.blob.media_type != ZIP:
        raise Http404
    parts, locked = parts_of(artefact), leaves_locked(artefact)
    chosen = request.GET.get("part", "")
    form = OpenForm(request.POST or None, parts=parts, locked=locked, initial={"part": chosen})
    shown = ""
    if request.method == "POST" and form.is_valid():
        try:
            content = _open(request, artefact, form)
        except (Refused, ValidationError, LookupError) as error:
            form.add_error(None, str(getattr(error, "message", error)))
        else:
            if not form.cleaned_data["part"]:
                return download(content, name=f"{run.number}-{'package' if parts else 'file'}.zip")
            shown = b"".join(content).decode()
    context = {
        "run": run, "artefact": artefact, "parts": parts, "form": form, "shown": shown,
        "may": may_open(request.user), "chosen": form.data.get("part", chosen), **_read(form, shown),
        "crumbs": [{"label": run.number, "url": reverse("remediation:run", args=[run.pk])}, {"label": artefact.name}],
    }  # fmt: skip
    return render(request, "remediation/package.html", context, status=422 if form.errors else 200)


def _read(form: OpenForm, shown: str) -> dict[str, Any]:
    """The part as tables, as far as it is a list of things."""
    return {"tables": tables_of(form.cleaned_data["part"], shown), "cut": len(shown) >= MOST_BYTES} if shown else {}


def _open(request: AccountRequest, artefact: RunArtefact, form: OpenForm) -> Iterator[bytes]:
    return open_package(
        artefact,
        part=form.cleaned_data["part"],
        reason=form.cleaned_data["reason"],
        actor=request.user.actor,
        user=request.user,
        password=form.cleaned_data.get("password", ""),
    )
