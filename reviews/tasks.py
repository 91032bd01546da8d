"""Celery tasks of reviews: they take ids and call one service."""

from celery import shared_task

from reviews.models import ReviewDocument
from reviews.services import period_report
from reviews.services.follow_up import remind_of_overdue
from reviews.services.print import print_document as make
from reviews.services.readiness import note_changes
from reviews.services.report_schedule import draft_month as draft_report_of_month


@shared_task
def print_document(document_id: int) -> None:
    document = ReviewDocument.objects.select_related("review__incident").filter(pk=document_id).first()
    if document is not None:
        make(document)


@shared_task
def make_period_report(report_id: int) -> None:
    period_report.make_report(report_id)


@shared_task
def sweep_reviews() -> None:
    """Reports whose message was lost, and follow-ups whose date has passed."""
    period_report.take_up_lost()
    remind_of_overdue()


@shared_task
def draft_month() -> None:
    draft_report_of_month()


@shared_task
def watch_readiness() -> None:
    """Notes what changed since the last look, and tells of what got worse."""
    note_changes()
