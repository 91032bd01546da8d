"""Deep analyses: all that I see, those of one file, one report, and the dialogs that submit."""

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import F
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from accounts.models import User
from core.htmx import done
from core.pages import leaf
from core.pagination import Keyset, counted
from incidents.models import File
from remediation.analysis_forms import SubmitForm, UploadForm
from remediation.models import ActionRun, DeepAnalysis
from remediation.refused import Refused
from remediation.services.analysis import Sample, record_download, request_analysis
from remediation.views.analysis_rows import report_context, standing
from remediation.views.fetch import incident_for

ORDER = Keyset(("created", "id"))
MOST_OF_FILE = 20


@require_safe
@requires(keys.READ)
def analysis_list(request: AccountRequest) -> HttpResponse:
    """The newest first."""
    seen = DeepAnalysis.objects.visible_to(request.user).select_related("file", "device").defer("report")
    rows = seen.annotate(worst=F("report__behaviours__0__severity"))
    page = leaf(rows, ORDER, purpose="analyses", cursor=request.GET.get("cursor", ""))
    context = {
        "rows": page.rows,
        "total": counted(rows),
        "newer_url": f"?cursor={page.newer}" if page.newer else "",
        "older_url": f"?cursor={page.older}" if page.older else "",
        "may_upload": request.user.holds(keys.UPLOAD_SAMPLES) and request.user.holds(keys.REQUEST_ANALYSIS),
        "standing": standing(request.user),
        "pending_total": counted(ActionRun.objects.visible_to(request.user).top_level().pending()),
    }
    return render(request, "remediation/analyses.html", context)


@require_safe
@requires(keys.READ)
def analyses_of_file(request: AccountRequest, file_id: int) -> HttpResponse:
    """The tab on the page of a file: the newest report in short, the others by date."""
    file = get_object_or_404(File.objects.visible_to(request.user), pk=file_id)
    seen = DeepAnalysis.objects.visible_to(request.user).filter(file=file)
    rows = list(seen.order_by("-created", "-pk")[:MOST_OF_FILE])
    finished = next((one for one in rows if one.report), None)
    context = {
        "file": file, "rows": rows, "newest": finished, "waiting": rows[0] if rows and rows[0].is_open else None,
        "standing": standing(request.user), "tab_url": request.path,
        "upload_url": reverse("remediation:upload_sample") if request.user.holds(keys.UPLOAD_SAMPLES) else "",
    }  # fmt: skip
    return render(request, "remediation/analyses_of_file.html", context)


@require_safe
@requires(keys.READ)
def analysis(request: AccountRequest, pk: int) -> HttpResponse:
    """One report, or how far it is."""
    found = analysis_for(request.user, pk)
    return render(request, "remediation/analysis.html", report_context(found, request.user))


@require_safe
@requires(keys.READ)
def download(request: AccountRequest, pk: int) -> HttpResponse:
    """The report as JSON, as a file to keep."""
    found = analysis_for(request.user, pk)
    record_download(found, actor=request.user.actor)
    told = {"analysis": found.number, "file": found.name, "sha256": found.file.sha256, "matches": found.matches,
            "report": found.report}  # fmt: skip
    response = HttpResponse(json.dumps(told, indent=2), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{found.number}.json"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.REQUEST_ANALYSIS)
def submit(request: AccountRequest, file_id: int) -> HttpResponse:
    """The dialog that submits a file."""
    file = get_object_or_404(File.objects.visible_to(request.user), pk=file_id)
    incident = incident_for(request.user, request.GET.get("incident"))
    form = SubmitForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = _ask(form, request.user, file, form.cleaned_data["reason"], incident=incident)
        if made is not None:
            page = reverse("remediation:analysis", args=[made.pk])
            return done(request, f"{made.number}: {file} is submitted", back=page, leave=True)
    context = {"form": form, "file": file, "action": request.get_full_path(), "standing": standing(request.user),
               "back": reverse("incidents:file", args=[file.pk]), "verb": "Submit"}  # fmt: skip
    return render(request, "remediation/analysis_submit.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.UPLOAD_SAMPLES)
def upload(request: AccountRequest) -> HttpResponse:
    """A copy that the portal does not hold."""
    form = UploadForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        made = _ask(form, request.user, Sample(given["content"], given["name"]), given["reason"])
        if made is not None:
            page = reverse("remediation:analysis", args=[made.pk])
            return done(request, f"{made.number}: {made.name} is submitted", back=page, leave=True)
    context = {"form": form, "back": reverse("remediation:analyses"), "standing": standing(request.user)}
    return render(request, "remediation/analysis_upload.html", context, status=422 if form.errors else 200)


def analysis_for(user: User, pk: int) -> DeepAnalysis:
    rows = DeepAnalysis.objects.visible_to(user).select_related("file", "device", "incident", "run", "alert")
    return get_object_or_404(rows, pk=pk)


def _ask(form: Any, user: User, subject: File | Sample, reason: str, **more: Any) -> DeepAnalysis | None:
    """None when the form now says what is wrong."""
    try:
        return request_analysis(subject, reason=reason, actor=user.actor, user=user, **more)
    except ValidationError as error:
        form.add_error(None, error.messages)
    except Refused as refused:
        form.add_error(None, refused.message)
    return None
