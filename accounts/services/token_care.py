"""What tokens need while they live: a successor in time, minutes for dangerous acts, an end together."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.enums import UserKind
from accounts.models import ApiToken
from accounts.models.token import LONGEST_ELEVATION
from accounts.services.authority import authority_of
from accounts.services.factors import CHANGED
from accounts.services.tokens import issue_token, longest_lifetime, revoke_token
from core import audit, clock, options, outbox
from core.actors import Actor, ActorKind
from core.options import Option, declare

WARN_DAYS = declare(
    Option("tokens.warn_days", 7, "Tokens: days before the end", help="From then on its person is told.", minimum=1,
           maximum=90)
).key  # fmt: skip
UNUSED_DAYS = declare(
    Option("tokens.unused_days", 30, "Tokens: days unused", help="After these a token is marked as unused.", minimum=1,
           maximum=366)
).key  # fmt: skip
LONGEST_OVERLAP = timedelta(days=7)


def rotate_token(token: ApiToken, *, lifetime: timedelta, overlap: timedelta, actor: Actor) -> tuple[ApiToken, str]:
    """A successor with the same rights, and its secret, the only time that it is seen. The former one still works for
    `overlap`, so that nothing stands still while scripts change over."""
    if not token.is_usable:
        raise ValidationError("This token has ended; make a new one.")
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise ValidationError("The former token works for at most a week beside the new one.")
    with transaction.atomic():
        successor, secret = issue_token(
            token.user,
            name=token.name,
            lifetime=lifetime,
            permissions=token.permissions,
            may_decide=token.may_decide,
            actor=actor,
        )
        ApiToken.objects.filter(pk=successor.pk).update(replaces=token)
        ends = min(token.expires_at, clock.real_now() + overlap)
        ApiToken.objects.filter(pk=token.pk).update(expires_at=ends, warned_at=clock.real_now())
        _record("token.rotated", token, actor=actor, data={"successor": successor.prefix, "ends": ends})
        _tell_person("token.rotated", token, actor=actor)
    return successor, secret


def elevate_token(token: ApiToken, *, minutes: int, actor: Actor) -> datetime:
    """Let a token do dangerous acts for some minutes; answers until when. Only a person can: a token that elevated
    itself would make the question pointless."""
    if actor.kind != ActorKind.PERSON:
        raise ValidationError("A person elevates a token, in the browser.", code="escalation")
    span = timedelta(minutes=minutes)
    if not timedelta(0) < span <= LONGEST_ELEVATION:
        raise ValidationError("At most an hour.")
    if actor.person_id != token.user_id:
        authority_of(actor).require_above(token.user)
    until = clock.real_now() + span
    with transaction.atomic():
        if not ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(elevated_until=until):
            raise ValidationError("This token has ended; make a new one.")
        _record("token.elevated", token, actor=actor, data={"until": until})
        _tell_person("token.elevated", token, actor=actor)
    return until


def revoke_many(tokens: Collection[ApiToken], *, actor: Actor, reason: str) -> int:
    """End several tokens, all of them or none."""
    with transaction.atomic():
        for token in tokens:
            revoke_token(token, actor=actor, reason=reason)
    return len(tokens)


def warn_of_ends() -> int:
    """Tell people once of tokens that end soon; answers of how many."""
    now = clock.real_now()
    soon = now + timedelta(days=options.get(WARN_DAYS))
    due = ApiToken.objects.filter(
        warned_at=None, revoked_at=None, expires_at__gt=now, expires_at__lte=soon, user__is_active=True
    )
    with transaction.atomic():
        found = list(due.select_for_update(skip_locked=True, of=("self",))[:500])
        for token in found:
            # What lives shorter than the warning was made for a short errand, and needs none.
            if token.expires_at - token.created > timedelta(days=options.get(WARN_DAYS)):
                holder = token.issued_by or token.user_id
                outbox.publish(CHANGED, user=holder, what="token.ends_soon", kind=token.name, by="", token=token.pk)
        ApiToken.objects.filter(pk__in=[token.pk for token in found]).update(warned_at=now)
    return len(found)


def mark_unused(tokens: Collection[ApiToken]) -> None:
    """Give each token `unused` and `ends_soon`, as the pages show them."""
    now = clock.real_now()
    limit, soon = options.get(UNUSED_DAYS), now + timedelta(days=options.get(WARN_DAYS))
    for token in tokens:
        token.unused = (token.last_used_at or token.created) < now - timedelta(days=limit)  # type: ignore[attr-defined]
        token.ends_soon = token.is_usable and token.expires_at <= soon  # type: ignore[attr-defined]


def lifetimes() -> list[int]:
    """The days that a form may offer."""
    return [days for days in (1, 7, 30, 90, 180, 365) if timedelta(days=days) <= longest_lifetime()]


def _tell_person(what: str, token: ApiToken, *, actor: Actor) -> None:
    """Whoever else makes or raises a token that speaks for somebody could act as them."""
    if actor.person_id != token.user_id and token.user.kind == UserKind.PERSON:
        outbox.publish(CHANGED, user=token.user_id, what=what, kind=token.name, by=actor.name)


def _record(verb: str, token: ApiToken, *, actor: Actor, data: dict[str, object]) -> None:
    audit.record(verb, subject=f"token:{token.pk}", thread=f"user:{token.user_id}", actor=actor, data=data)
