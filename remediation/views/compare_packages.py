from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from accounts import keys
from accounts.guard import AccountRequest, requires
from remediation.models import RunArtefact
from remediation.refused import Refused
from remediation.services.compare_packages import compare, earlier_packages
from remediation.services.open_package import ZIP, may_open, open_package
from remediation.views.fetch import run_for


class CompareForm(forms.Form):
    """With which earlier package, and why both are opened."""

    earlier = forms.ChoiceField(label="Earlier package", widget=forms.Select(attrs={"class": "input"}))
    reason = forms.CharField(
        max_length=2_000, widget=forms.Textarea(attrs={"rows": 2, "class": "input"}),
        help_text="Kept in the audit log: both packages are opened.",
    )  # fmt: skip

    def offer(self, found: list[RunArtefact]) -> "CompareForm":
        field: forms.ChoiceField = self.fields["earlier"]  # type: ignore[assignment]
        field.choices = [(str(one.pk), f"{one.run.number}, {one.created:%Y-%m-%d %H:%M} UTC") for one in found]
        return self


@requires(keys.READ)
def compare_packages(request: AccountRequest, run_id: int, artefact_id: int) -> HttpResponse:
    """What changed on the device since an earlier package of it (POST, for a reason)."""
    run = run_for(request.user, run_id)
    newer = get_object_or_404(run.artefacts.select_related("blob", "run"), pk=artefact_id, blob__media_type=ZIP)
    found = earlier_packages(run, request.user)
    form = CompareForm(request.POST or None).offer(found)
    sections, older = [], None
    if request.method == "POST" and form.is_valid():
        older = next(one for one in found if str(one.pk) == form.cleaned_data["earlier"])
        try:
            _record(request, (newer, older), form.cleaned_data["reason"])
            sections = compare(newer, older)
        except (Refused, ValidationError, LookupError) as error:
            form.add_error(None, str(getattr(error, "message", error)))
    here = {"label": newer.name, "url": reverse("remediation:package", args=[run.pk, newer.pk])}
    context = {
        "run": run, "artefact": newer, "older": older, "form": form, "found": found, "sections": sections,
        "may": may_open(request.user),
        "crumbs": [{"label": run.number, "url": reverse("remediation:run", args=[run.pk])}, here, {"label": "Compare"}],
    }  # fmt: skip
    return render(request, "remediation/compare_packages.html", context, status=422 if form.errors else 200)


def _record(request: AccountRequest, opened: tuple[RunArtefact, ...], reason: str) -> None:
    """Each of them is opened, with the right and the record that this takes."""
    for one in opened:
        open_package(one, part="manifest.json", reason=f"Compared: {reason}", actor=request.user.actor,
                     user=request.user)  # fmt: skip
