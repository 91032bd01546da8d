"""Administration: trying which alerts would be repeats of each other."""

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import keys
from accounts.guard import AccountRequest, requires
from incidents.forms.repeats import RepeatsForm
from incidents.repeats import Outcome, pasted_items, stored_items, try_repeats


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.TUNE_DETECTION)
def try_what_repeats(request: AccountRequest) -> HttpResponse:
    """The form and, once it is sent, what would be one. Nothing is kept."""
    form = RepeatsForm(request.POST or None)
    outcome = None
    if form.is_bound and form.is_valid():
        try:
            outcome = _try(form, request)
        except ValidationError as error:
            form.add_error(None, error)
    context = {"form": form, "outcome": outcome, "back": reverse("incidents:correlation")}
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "incidents/repeats.html", context, status=status)


def _try(form: RepeatsForm, request: AccountRequest) -> Outcome:
    data = form.cleaned_data
    rejected: list[str] = []
    if data["pasted"] is not None:
        items, rejected = pasted_items(data["pasted"], format_key=data["format"], source=data["source"] or "pasted")
    else:
        items = stored_items(
            request.user, source=data["source"], format_key=data["format"], hours=data["hours"] or 0
        )  # fmt: skip
    outcome = try_repeats(items, fields=data["fields_of_repeat"], minutes=data["minutes"] or 0)
    outcome.rejected = rejected[:20]
    return outcome
