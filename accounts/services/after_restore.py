"""After the database was restored from a backup: who was signed in then, and which tokens worked."""

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session

from accounts.models import ApiToken
from core import audit, clock
from core.actors import Actor


def end_every_session() -> int:
    """A session of then may belong to somebody who has left since. Copies of sessions in the broker are forgotten at
    the next start, see `core.backups`."""
    count, _ = Session.objects.all().delete()
    UserSession.objects.all().delete()
    return count


def usable_tokens() -> int:
    return ApiToken.objects.filter(revoked_at=None, expires_at__gt=clock.real_now()).count()


def end_every_token(*, actor: Actor, reason: str) -> int:
    now = clock.real_now()
    ended = list(ApiToken.objects.filter(revoked_at=None).values_list("pk", "user_id"))
    ApiToken.objects.filter(revoked_at=None).update(revoked_at=now)
    audit.record_many(
        [
            audit.Entry("token.revoked", subject=f"token:{token}", thread=f"user:{user}", reason=reason)
            for token, user in ended
        ],
        actor=actor,
    )
    return len(ended)
