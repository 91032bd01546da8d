"""The PDF of a review. WeasyPrint runs in a child that exits, because it is large and slow to start."""

import subprocess
import sys

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from core import blobs, jobs
from reviews.enums import DocumentState
from reviews.models import Review, ReviewDocument
from reviews.report import digest_of, report_of, rows_of_states, zone_called

TIME_LIMIT_S = 120
KEPT_DAYS = 30


def ask_for_document(review: Review) -> ReviewDocument:
    """The PDF of the report as it stands: made before, being made, or ordered now. A failed one is tried again."""
    digest = digest_of(report_of(review))
    with transaction.atomic():
        document, created = ReviewDocument.objects.get_or_create(review=review, digest=digest)
        if document.state == DocumentState.FAILED or (document.state == DocumentState.READY and not document.blob):
            document.state, document.error, created = DocumentState.WAITING, "", True
            document.save(update_fields=["state", "error"])
        if created:
            jobs.enqueue("reviews.tasks.print_document", document.pk)
    return document


def print_document(document: ReviewDocument) -> ReviewDocument:
    """Make the PDF and keep it; a failure is kept as a sentence for the page."""
    if document.state == DocumentState.READY:
        return document
    review = document.review
    pdf, error = html_to_pdf(as_html(review))
    if pdf is None:
        document.state, document.error = DocumentState.FAILED, error
    else:
        name = f"{review.incident.number}-review.pdf"
        document.blob = blobs.keep(pdf, name=name, media_type="application/pdf", for_days=KEPT_DAYS)
        document.state, document.error = DocumentState.READY, ""
    document.save(update_fields=["blob", "state", "error"])
    return document


def as_html(review: Review) -> str:
    """The printed page, all times in the zone of who signed; a draft tells UTC."""
    report = report_of(review)
    zone = zone_called(report.get("zone", ""))
    moments = [{**row, "at": parse_datetime(row["at"])} for row in report["timeline"]]
    with timezone.override(zone):
        context = {"review": review, "report": report, "moments": moments, "zone": zone.key.replace("_", " "),
                   "states": rows_of_states(report)}  # fmt: skip
        return render_to_string("reviews/document.html", context)


def html_to_pdf(html: str) -> tuple[bytes | None, str]:
    """The PDF, or None and the reason. The document may fetch nothing: the child refuses every URL."""
    try:
        child = subprocess.run(
            [sys.executable, "-m", "reviews.pdf_child", str(settings.BASE_DIR / "static" / "css" / "document.css")],
            cwd=settings.BASE_DIR,
            input=html.encode(),
            capture_output=True,
            timeout=TIME_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, f"Making the PDF took longer than {TIME_LIMIT_S} s."
    if child.returncode == 0 and child.stdout.startswith(b"%PDF"):
        return child.stdout, ""
    if child.returncode == 3:
        return None, "The pango library is missing on the server: install libpango-1.0-0 and libpangoft2-1.0-0."
    return None, "The PDF could not be made; the page itself is complete."
