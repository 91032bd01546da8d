"""Reports of a period: the list, one frozen report, its PDF and CSV, and making one."""

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from core import blobs, exports
from core.htmx import done
from core.pages import leaf
from core.pagination import Keyset
from reviews.enums import DocumentState
from reviews.figures.period import read_period
from reviews.figures.summary import CSV_HEADER, as_rows
from reviews.forms import PeriodReportForm
from reviews.models import PeriodReport
from reviews.report import digest_of
from reviews.services.period_report import editions_of, newest_of_each, order_report, remake_report, try_again
from reviews.views.room import tabs_for

NEWEST = Keyset(("made", "id"))


@require_safe
@requires(keys.READ_REPORTS)
def period_list(request: AccountRequest) -> HttpResponse:
    """Every report that tells no more than the reader may see, each with its latest edition."""
    rows = newest_of_each(PeriodReport.objects.visible_to(request.user)).defer("content")
    page = leaf(rows, NEWEST, purpose="period-reports", cursor=request.GET.get("cursor", ""))
    context = {
        "tabs": tabs_for(request.user, "periods"), "rows": page.rows,
        "may_make": request.user.holds(keys.MAKE_REPORTS),
        "newer_url": f"?cursor={page.newer}" if page.newer else "",
        "older_url": f"?cursor={page.older}" if page.older else "",
    }  # fmt: skip
    return render(request, "reviews/periods.html", context)


@require_safe
@requires(keys.READ_REPORTS)
def period(request: AccountRequest, pk: int) -> HttpResponse:
    """What was frozen, as a page."""
    report = _find(request, pk)
    seen = PeriodReport.objects.visible_to(request.user)
    context = {
        "report": report,
        "found": report.content,
        "is_true": report.content is None or digest_of(report.content) == report.digest,
        "editions": seen.filter(pk__in=editions_of(report).values("pk")).defer("content").order_by("-edition"),
        "crumbs": [{"label": "Period reports", "url": reverse("reviews:periods")}, {"label": report.number}],
        "may_make": request.user.holds(keys.MAKE_REPORTS),
    }
    return render(request, "reviews/period.html", context)


@require_safe
@requires(keys.READ_REPORTS)
def period_pdf(request: AccountRequest, pk: int) -> HttpResponse:
    report = _find(request, pk)
    if report.blob is None or report.state != DocumentState.READY:
        raise Http404
    response = HttpResponse(blobs.read(report.blob), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{report.blob.name}"'
    return response


@require_safe
@requires(keys.READ_REPORTS)
def period_csv(request: AccountRequest, pk: int) -> StreamingHttpResponse:
    """The frozen figures, not those of now."""
    report = _find(request, pk)
    if report.content is None:
        raise Http404
    return exports.csv_response(report.number.replace(" ", "-"), CSV_HEADER, as_rows(report.content))


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MAKE_REPORTS)
def new_period(request: AccountRequest) -> HttpResponse:
    """Freeze the figures of a period; filters do not narrow a report."""
    asked = read_period(request.POST or request.GET, zone=timezone.get_current_timezone())
    form = PeriodReportForm(request.POST or None, initial={"title": f"Report {asked.in_words}", **asked.span})
    if form.is_bound and form.is_valid():
        words = {name: form.cleaned_data[name] for name in ("title", "notes")}
        try:
            made = order_report(request.user, period=asked, actor=request.user.actor, **words)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            page = reverse("reviews:period", args=[made.pk])
            return done(request, f"{made.number} is being made", back=page, leave=True)
    context = {"form": form, "asked": asked, "verb": "Freeze report", "back": reverse("reviews:periods")}
    return render(request, "reviews/period_new.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MAKE_REPORTS)
def remake(request: AccountRequest, pk: int) -> HttpResponse:
    """The same span as a new edition."""
    report = _find(request, pk)
    span = {"since": report.since.isoformat(), "until": report.until.isoformat()}
    asked = read_period(span, zone=timezone.get_current_timezone())
    form = PeriodReportForm(request.POST or None, initial={"title": report.title, "notes": report.notes, **asked.span})
    if form.is_bound and form.is_valid():
        try:
            made = remake_report(report, user=request.user, notes=form.cleaned_data["notes"], actor=request.user.actor)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            page = reverse("reviews:period", args=[made.pk])
            return done(request, f"{made.number} is being made", back=page, leave=True)
    context = {"form": form, "asked": asked, "report": report, "verb": "Make new edition",
               "back": reverse("reviews:period", args=[pk])}  # fmt: skip
    return render(request, "reviews/period_new.html", context, status=422 if form.is_bound else 200)


@require_POST
@requires(keys.MAKE_REPORTS)
def print_again(request: AccountRequest, pk: int) -> HttpResponse:
    try_again(_find(request, pk))
    return redirect("reviews:period", pk)


def _find(request: AccountRequest, pk: int) -> PeriodReport:
    return get_object_or_404(PeriodReport.objects.visible_to(request.user).select_related("blob"), pk=pk)
