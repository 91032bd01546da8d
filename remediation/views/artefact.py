from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect

from accounts import keys
from accounts.guard import AccountRequest, requires
from core.downloads import download
from remediation.services.open_package import hand_out, is_guarded
from remediation.views.fetch import run_for


@requires(keys.READ)
def artefact(request: AccountRequest, run_id: int, artefact_id: int) -> HttpResponseBase:
    """A file that a run of mine to see produced; always a download, never shown in place. What holds personal data is
    handed out on a page of its own, for a reason."""
    run = run_for(request.user, run_id)
    found = get_object_or_404(run.artefacts.select_related("blob", "run"), pk=artefact_id)
    if is_guarded(found):
        return redirect("remediation:package", run.pk, found.pk)
    content = hand_out(found, part="", reason="", actor=request.user.actor, user=request.user)
    return download(content, name=f"{run.number}-{found.pk}")
