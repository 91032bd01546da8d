"""The clockwork of the demo. Safe to run twice at once and to miss."""

from celery import shared_task

from exercises.services.attack import advance_attacks as advance


@shared_task
def advance_attacks() -> None:
    advance()
