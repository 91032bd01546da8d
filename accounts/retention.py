"""What signing in leaves behind and is deleted by age: wrong passwords with names and addresses, rows of sessions."""

from allauth.usersessions.models import UserSession
from axes.models import AccessAttempt

from core import retention


def declare_kinds() -> None:
    retention.declare(
        retention.Kind(
            "sign_in_attempts", "Wrong passwords", "User name, network address and browser of who tried. The audit log "
            "keeps that somebody did.", lambda edge: AccessAttempt.objects.filter(attempt_time__lt=edge),
            "attempt_time", lambda keys: AccessAttempt.objects.filter(pk__in=keys).delete()[0], days=30, least=1,
        )
    )  # fmt: skip
    retention.declare(
        retention.Kind(
            "sessions", "Rows of sessions", "Where somebody was signed in, by network address and browser. A session "
            "ends long before.", lambda edge: UserSession.objects.filter(last_seen_at__lt=edge), "last_seen_at",
            lambda keys: UserSession.objects.filter(pk__in=keys).delete()[0], days=30, least=14,
        )
    )  # fmt: skip
