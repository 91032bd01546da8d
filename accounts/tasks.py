"""Work of the worker for people and tokens."""

from celery import shared_task

from accounts.services.token_care import warn_of_ends


@shared_task(ignore_result=True)
def warn_of_ending_tokens() -> None:
    """Tell people of tokens that end soon."""
    warn_of_ends()
