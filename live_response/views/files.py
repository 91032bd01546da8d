"""Files that commands brought, and recordings."""

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from core.downloads import download
from core.exports import MAX_ROWS, csv_response
from live_response.forms import FetchForm
from live_response.models import LiveArtefact
from live_response.services.hand_out import hand_out
from live_response.services.record import asciicast
from live_response.views.fetch import command_for, session_for


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.LIVE_BASIC)
def artefact(request: AccountRequest, pk: int, artefact_id: int) -> HttpResponseBase:
    """A file that a command of the session brought: its facts (GET), or the file itself for a reason (POST)."""
    session = session_for(request.user, pk)
    files = LiveArtefact.objects.select_related("blob", "command__session")
    found = get_object_or_404(files, pk=artefact_id, command__session=session)
    form = FetchForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        content = hand_out(
            found, password=form.cleaned_data["password"], reason=form.cleaned_data["reason"],
            actor=request.user.actor,
        )  # fmt: skip
        return download(content, name=f"{session.number}-{found.name}.zip", media_type="application/zip")
    console_url = reverse("live_response:console", args=[pk])
    crumbs = [{"label": "Live response", "url": reverse("live_response:sessions")},
              {"label": session.number, "url": console_url}, {"label": found.name}]  # fmt: skip
    context = {"form": form, "file": found, "session": session, "crumbs": crumbs}
    return render(request, "live_response/artefact.html", context, status=422 if form.errors else 200)


@require_safe
@requires(keys.LIVE_BASIC)
def recording(request: AccountRequest, pk: int) -> StreamingHttpResponse:
    """The recording as asciicast v2."""
    session = session_for(request.user, pk)
    response = StreamingHttpResponse(asciicast(session), content_type="application/x-asciicast")
    response["Content-Disposition"] = f'attachment; filename="{session.number}.cast"'
    return response


@require_safe
@requires(keys.LIVE_BASIC)
def table(request: AccountRequest, pk: int, number: int) -> StreamingHttpResponse:
    """The table of one command as CSV."""
    session = session_for(request.user, pk)
    found = command_for(request.user, session, number)
    return csv_response(f"{session.number}-{number}-{found.name}", found.columns, found.cells[:MAX_ROWS])
