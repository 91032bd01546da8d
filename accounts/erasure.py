"""What signing in leaves of somebody: attempts under their name, factors, and answers or events that name them."""

from allauth.mfa.models import Authenticator
from axes.models import AccessAttempt, AccessFailureLog, AccessLog

from core import erasure
from core.models import IdempotencyRecord, OutboxEvent


def declare_parts() -> None:
    erasure.part("user", "sign-in attempts and factors", _sign_in)
    erasure.part("user", "answers and events on their way", _on_the_way)


def _sign_in(person: erasure.Person) -> int:
    gone: int = Authenticator.objects.filter(user_id=person.id).delete()[0]
    for word in person.words:
        if word:
            for model in (AccessAttempt, AccessFailureLog, AccessLog):
                gone += model.objects.filter(username__iexact=word).delete()[0]
    return gone


def _on_the_way(person: erasure.Person) -> int:
    """Kept for hours or days, but long enough to be told."""
    answers = erasure.scrub_naming(IdempotencyRecord, ("response",), person)
    return answers + erasure.scrub_naming(OutboxEvent, ("payload",), person)
