from django.http import HttpResponse
from django.shortcuts import get_object_or_404

from accounts import keys
from accounts.guard import AccountRequest, requires
from core import blobs
from remediation.views.fetch import run_for


@requires(keys.READ)
def artefact(request: AccountRequest, run_id: int, artefact_id: int) -> HttpResponse:
    """A file that a run of mine to see produced; always a download, never shown in place."""
    run = run_for(request.user, run_id)
    found = get_object_or_404(run.artefacts.select_related("blob"), pk=artefact_id)
    response = HttpResponse(blobs.read(found.blob), content_type="application/octet-stream")
    response["Content-Disposition"] = f'attachment; filename="{run.number}-{found.pk}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response
