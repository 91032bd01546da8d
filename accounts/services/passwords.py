"""Passwords: chosen by their person, or drawn once by the portal."""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from axes.models import AccessAttempt
from axes.utils import reset
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.enums import UserKind
from accounts.models import Role, User
from accounts.services.authority import authority_of
from accounts.services.factors import CHANGED
from accounts.services.sessions import end_all
from accounts.services.tokens import revoke_token
from core import audit, clock, outbox
from core.actors import Actor
from core.due import SKEW

# Without the characters that are read wrongly from a screen or over the phone; 16 of 31 are 79 bits.
ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


def random_password() -> str:
    """Four groups of four: `k7fm-2qpx-9dwt-h3vz`."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(4))


def change_password(user: User, *, new_password: str, actor: Actor) -> None:
    """The person's own choice; every other session ends. Raises `ValidationError` for a weak or unchanged one."""
    if user.check_password(new_password):
        raise ValidationError("Choose a password that is not the present one.")
    validate_password(new_password, user)
    with transaction.atomic():
        user.set_password(new_password)
        user.must_change_password = False
        user.password_changed = clock.real_now()
        user.save(update_fields=["password", "must_change_password", "password_changed"])
        outbox.publish(CHANGED, user=user.pk, what="user.password_changed", kind="", by=actor.name)
        audit.record("user.password_changed", subject=f"user:{user.pk}", thread=f"user:{user.pk}", actor=actor)


def reset_password(user: User, *, actor: Actor, one_time: bool = True, reason: str = "") -> str:
    """Draw a random password and answer it, the only time that it is seen; `one_time` has it changed at sign-in.

    Also lifts a lock-out, and ends all sessions and tokens of that person: whoever had got in must not stay in.
    """
    if user.kind == UserKind.SERVICE:
        raise ValidationError("A service account has no password; it signs in with tokens.")
    authority_of(actor).require_above(user)
    password = random_password()
    with transaction.atomic():
        user.set_password(password)
        user.must_change_password = one_time
        user.password_changed = clock.real_now()
        user.save(update_fields=["password", "must_change_password", "password_changed"])
        outbox.publish(CHANGED, user=user.pk, what="user.password_reset", kind="", by=actor.name)
        audit.record(
            "user.password_reset", subject=f"user:{user.pk}", thread=f"user:{user.pk}", actor=actor, reason=reason
        )
        for token in user.tokens.filter(revoked_at=None):
            revoke_token(token, actor=actor, reason="The password was reset.")
        end_all(user, actor=actor, reason="The password was reset.")
        reset(username=user.username)
    return password


def demand_new_password(user: User, *, actor: Actor, reason: str = "", keep_session: str = "") -> bool:
    """The present password opens nothing any more but the page on which another is chosen. Answers whether that is
    new; the session stored as `keep_session` goes on, as far as that page."""
    if user.kind == UserKind.SERVICE or not user.has_usable_password():
        raise ValidationError("This account has no password that could be changed.")
    authority_of(actor).require_above(user)
    with transaction.atomic():
        if User.objects.filter(pk=user.pk, must_change_password=False).update(must_change_password=True):
            audit.record(
                "user.password_demanded",
                subject=f"user:{user.pk}",
                thread=f"user:{user.pk}",
                actor=actor,
                reason=reason,
            )
            end_all(user, actor=actor, reason=reason, but=keep_session)
            return True
    return False


@dataclass(frozen=True, slots=True)
class Demanded:
    """How many were asked for a new password, how many had been before, and who holds more than the one who asked."""

    count: int
    before: int
    above: tuple[str, ...]


def with_password(role: Role | None) -> list[User]:
    """The people who sign in with a password, all of them or those of a role; switched off or not."""
    people = User.objects.filter(kind=UserKind.PERSON).prefetch_related("roles").order_by("pk")
    found = people if role is None else people.filter(roles=role)
    return [user for user in found if user.has_usable_password()]


def demand_new_passwords(role: Role | None, *, actor: Actor, reason: str, keep_session: str = "") -> Demanded:
    """Ask everybody, or everybody of a role, for a new password at the next sign-in; whoever asks as well."""
    asked = before = 0
    above: list[str] = []
    authority = authority_of(actor)
    with transaction.atomic():
        for user in with_password(role):
            try:
                authority.require_above(user)
            except ValidationError:
                above.append(str(user))
                continue
            new = demand_new_password(user, actor=actor, reason=reason, keep_session=keep_session)
            asked, before = asked + new, before + (not new)
        audit.record(
            "passwords.demanded",
            subject=f"role:{role.pk}" if role else "role:all",
            actor=actor,
            reason=reason,
            data={"role": role.name if role else "everybody", "people": asked, "asked_before": before,
                  "above": len(above)},
        )  # fmt: skip
    return Demanded(asked, before, tuple(above))


def lift_lock_out(user: User, *, actor: Actor) -> None:
    """Let somebody try again before the lock-out ends by itself."""
    authority_of(actor).require_above(user)
    with transaction.atomic():
        if reset(username=user.username):
            audit.record("user.unlocked", subject=f"user:{user.pk}", thread=f"user:{user.pk}", actor=actor)


def put_lock_outs_right() -> int:
    """Wrong passwords that a clock ahead has noted keep nobody out until it comes true; answers how many names."""
    now = clock.real_now()
    found: int = AccessAttempt.objects.filter(attempt_time__gt=now + SKEW).update(attempt_time=now)
    return found


def is_locked_out(user: User) -> bool:
    """Whether too many wrong passwords keep this user name out, from at least one address."""
    found: bool = AccessAttempt.objects.filter(
        username=user.username,
        failures_since_start__gte=settings.AXES_FAILURE_LIMIT,
        attempt_time__gt=clock.real_now() - timedelta(hours=settings.AXES_COOLOFF_TIME),
    ).exists()
    return found
