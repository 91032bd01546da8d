from django.http import Http404, HttpResponse
from django.shortcuts import render

from accounts import keys
from accounts.guard import AccountRequest, requires
from core import blobs
from reviews.enums import DocumentState
from reviews.report import digest_of, report_of
from reviews.services.print import ask_for_document
from reviews.views.fetch import review_for


@requires(keys.READ)
def document(request: AccountRequest, incident_id: int) -> HttpResponse:
    """The state of the PDF: being made, ready to download, or why it failed. Asking orders it."""
    review = review_for(request.user, incident_id)
    return render(request, "reviews/document_state.html", {"review": review, "document": ask_for_document(review)})


@requires(keys.READ)
def download(request: AccountRequest, incident_id: int) -> HttpResponse:
    """The PDF of the report as it stands."""
    review = review_for(request.user, incident_id)
    ready = review.documents.filter(state=DocumentState.READY, digest=digest_of(report_of(review))).first()
    if ready is None or ready.blob is None:
        raise Http404
    response = HttpResponse(blobs.read(ready.blob), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{ready.blob.name}"'
    return response
