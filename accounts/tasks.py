"""Work of the worker for people and tokens."""

from celery import shared_task

from accounts.services.passwords import put_lock_outs_right
from accounts.services.token_care import warn_of_ends
from accounts.session_store import SessionStore


@shared_task(ignore_result=True)
def warn_of_ending_tokens() -> None:
    """Tell people of tokens that end soon."""
    warn_of_ends()


@shared_task(ignore_result=True)
def forget_ended_sessions() -> None:
    """Whoever only looked at the sign-in page leaves one behind, too."""
    SessionStore.clear_expired()


@shared_task(ignore_result=True)
def put_times_right() -> None:
    """After a clock that ran ahead."""
    put_lock_outs_right()
