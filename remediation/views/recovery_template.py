"""Administration: the steps of a recovery."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from accounts import keys
from accounts.guard import AccountRequest, requires
from core import options
from core.htmx import done
from remediation.cleaning_forms import TemplateStepForm
from remediation.models import RecoveryTemplateStep
from remediation.services.recovery_template import save_step, template_steps


@requires(keys.MANAGE_SETTINGS)
def template(request: AccountRequest) -> HttpResponse:
    """The steps in their order."""
    context = {"steps": template_steps(), "hours": options.get("recovery.watch_hours")}
    return render(request, "remediation/recovery_template.html", context)


@requires(keys.MANAGE_SETTINGS)
def edit_step(request: AccountRequest, pk: int | None = None) -> HttpResponse:
    """Make or change one step."""
    step = get_object_or_404(RecoveryTemplateStep, pk=pk) if pk else RecoveryTemplateStep()
    initial = {name: getattr(step, name) for name in TemplateStepForm.base_fields} if pk else {}
    form = TemplateStepForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            save_step(step, values=form.cleaned_data, actor=request.actor)
        except ValidationError as error:
            form.add_error(None, " ".join(error.messages))
        else:
            back = reverse("remediation:recovery_template")
            return done(request, "Step saved", back=back, refresh=["#recovery-template"])
    context: dict[str, Any] = {"form": form, "title": step.label or "New step"}
    return render(request, "remediation/recovery_step.html", context, status=422 if form.errors else 200)
