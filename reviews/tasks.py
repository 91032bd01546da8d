"""Celery tasks of reviews: they take ids and call one service."""

from celery import shared_task

from reviews.models import ReviewDocument
from reviews.services.print import print_document as make


@shared_task
def print_document(document_id: int) -> None:
    document = ReviewDocument.objects.select_related("review__incident").filter(pk=document_id).first()
    if document is not None:
        make(document)
