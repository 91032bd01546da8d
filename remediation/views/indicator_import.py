from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import keys
from accounts.guard import AccountRequest, requires
from core.htmx import done
from remediation.enums import IndicatorSource
from remediation.indicator_forms import ImportForm
from remediation.services.import_indicators import COLUMNS, Report, read_csv, take


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.DECIDE_RESPONSE)
def import_indicators(request: AccountRequest) -> HttpResponse:
    """First what each row would do, then doing it: rows that are wrong are told and left out."""
    form = ImportForm(request.POST or None)
    report: Report | None = None
    if request.method == "POST" and form.is_valid():
        try:
            report = read_csv(form.cleaned_data["text"].encode(), user=request.user)
        except ValidationError as error:
            form.add_error("text", error)
        else:
            if "take" in request.POST:
                return _take(request, report, form.cleaned_data["reason"])
    context = {"form": form, "report": report, "columns": COLUMNS, "back": reverse("remediation:indicators")}
    return render(request, "remediation/indicator_import.html", context, status=422 if form.errors else 200)


def _take(request: AccountRequest, report: Report, reason: str) -> HttpResponse:
    taken = take(report, source=IndicatorSource.CSV, reason=reason, actor=request.user.actor, user=request.user)
    new, changed, wrong = (taken.count(word) for word in ("new", "change", "wrong"))
    title = f"{new} indicators made, {changed} changed, {wrong} rows left out"
    return done(request, title, back=reverse("remediation:indicators"), leave=True)
