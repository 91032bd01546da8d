"""The audit log as a person may read it: whole or not at all, because its rows know no device group."""

from datetime import datetime

from django.db.models import Q, QuerySet

from accounts import keys
from accounts.models import User
from core.models import AuditEvent


def visible_to(user: User) -> QuerySet[AuditEvent]:
    """Everything for somebody who may read the log and sees all device groups; nothing for anybody else."""
    allowed = user.holds(keys.READ_AUDIT) and user.scope.everything
    return AuditEvent.objects.all() if allowed else AuditEvent.objects.none()


def matching(
    events: QuerySet[AuditEvent],
    *,
    actor: str = "",
    verb: str = "",
    subject: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[AuditEvent]:
    """Narrowed by part of a name, the beginning of a verb, a subject or thread, and times."""
    if actor:
        events = events.filter(Q(actor_name__icontains=actor) | Q(actor_id=actor))
    if verb:
        events = events.filter(verb__startswith=verb)
    if subject:
        events = events.filter(Q(subject=subject) | Q(thread=subject))
    if since:
        events = events.filter(at__gte=since)
    return events.filter(at__lte=until) if until else events


def in_words(verb: str) -> str:
    """`user.sign_in_failed` is `User: sign in failed`."""
    subject, _, deed = verb.replace("_", " ").partition(".")
    return f"{subject.capitalize()}: {deed}" if deed else subject.capitalize()
