from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from accounts import keys
from accounts.guard import AccountRequest, requires
from remediation.models import RunArtefact
from remediation.refused import Refused
from remediation.services.open_package import ZIP, Part, may_open, open_package, parts_of
from remediation.views.fetch import run_for


class OpenForm(forms.Form):
    """Which part is wanted, and why."""

    reason = forms.CharField(
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 2, "class": "input"}),
        help_text="Kept in the audit log: the package may hold personal data.",
    )

    def __init__(self, *args: Any, parts: list[Part], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["part"] = forms.ChoiceField(
            label="What",
            choices=[("", "Download the whole package (zip)"), *((one.name, one.name) for one in parts)],
            required=False,
            widget=forms.Select(attrs={"class": "input"}),
        )
        self.order_fields(["part", "reason"])


@requires(keys.READ)
def package(request: AccountRequest, run_id: int, artefact_id: int) -> HttpResponse:
    """What a run of mine to see collected: its contents by name; a part, or the whole, for a reason (POST)."""
    run = run_for(request.user, run_id)
    artefact = get_object_or_404(run.artefacts.select_related("blob", "run"), pk=artefact_id, blob__media_type=ZIP)
    parts = parts_of(artefact)
    form = OpenForm(request.POST or None, parts=parts)
    shown = ""
    if request.method == "POST" and form.is_valid():
        try:
            content = _open(request, artefact, form)
        except (Refused, ValidationError, LookupError) as error:
            form.add_error(None, str(getattr(error, "message", error)))
        else:
            if not form.cleaned_data["part"]:
                return _download(content, run.number)
            shown = content.decode()
    context = {
        "run": run, "artefact": artefact, "parts": parts, "form": form, "shown": shown, "may": may_open(request.user),
        "crumbs": [{"label": run.number, "url": reverse("remediation:run", args=[run.pk])}, {"label": artefact.name}],
    }  # fmt: skip
    return render(request, "remediation/package.html", context, status=422 if form.errors else 200)


def _open(request: AccountRequest, artefact: RunArtefact, form: OpenForm) -> bytes:
    return open_package(
        artefact,
        part=form.cleaned_data["part"],
        reason=form.cleaned_data["reason"],
        actor=request.user.actor,
        user=request.user,
    )


def _download(content: bytes, number: str) -> HttpResponse:
    response = HttpResponse(content, content_type="application/octet-stream")
    response["Content-Disposition"] = f'attachment; filename="{number}-package.zip"'
    response["X-Content-Type-Options"] = "nosniff"
    return response
