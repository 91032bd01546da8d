"""Bearer tokens: the secret is shown once, only its SHA-256 is kept."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Q

from accounts.enums import UserKind
from accounts.models import ApiToken, User
from accounts.services.authority import authority_of
from core import audit, clock, options
from core.actors import Actor, ActorKind
from core.options import Option, declare

PREFIX = "soc_"
MAX_DAYS = declare(
    Option(
        "tokens.max_days",
        366,
        "Tokens: longest life in days",
        help="New tokens end after these at the latest; older ones keep their end.",
        minimum=1,
        maximum=366,
    )
).key
# A busy client calls many times a second; its row is not written for each.
USE_NOTED_EVERY = timedelta(minutes=1)
# Every call of the API asks this first, so it is one statement in words of its own: composing the three queries of the
# models took longer than storing an alert. What is not named here is fetched when somebody asks for it.
_OF_TOKEN = (
    "id",
    "name",
    "user_id",
    "permissions",
    "may_decide",
    "issued_by",
    "expires_at",
    "last_used_at",
    "revoked_at",
    "elevated_until",
)
_OF_USER = ("id", "username", "display_name", "kind", "is_active", "must_change_password", "scope_kind", "time_zone",
            "name_key")  # fmt: skip
_FIND = f"""
    SELECT {", ".join(f"token.{name}" for name in _OF_TOKEN)}, {", ".join(f"account.{name}" for name in _OF_USER)},
        ARRAY(
            SELECT unnest(role.permissions) FROM accounts_user_roles held
            JOIN accounts_role role ON role.id = held.role_id WHERE held.user_id = account.id
        )
    FROM accounts_apitoken token JOIN accounts_user account ON account.id = token.user_id
    WHERE token.digest = %s"""


def issue_token(
    user: User,
    *,
    name: str,
    lifetime: timedelta,
    actor: Actor,
    permissions: Collection[str] = (),
    may_decide: bool = False,
) -> tuple[ApiToken, str]:
    """A new token that acts for `user`, and its secret, the only time that it is seen.

    `permissions` narrows what the user's roles grant; empty is all of it. Raises `ValidationError` when it would carry
    more than its user or the issuing actor holds, or live longer than a year.
    """
    if not timedelta(0) < lifetime <= longest_lifetime():
        raise ValidationError(f"A token lives for at most {longest_lifetime().days} days.")
    beyond = set(permissions) - user.permission_keys
    if beyond:
        raise ValidationError(f"{user} does not hold {', '.join(sorted(beyond))}.", code="escalation")
    secret = PREFIX + secrets.token_urlsafe(32)
    now = clock.real_now()
    token = ApiToken(
        name=name.strip(),
        user=user,
        prefix=secret[:12],
        digest=digest_of(secret),
        permissions=sorted(permissions),
        may_decide=may_decide,
        issued_by=actor.person_id,
        created=now,
        expires_at=now + lifetime,
    )
    if actor.person_id != user.pk:
        authority_of(actor).require_above(user)
    authority_of(actor).require_keys(token.keys_within(user.permission_keys))
    with transaction.atomic():
        token.save()
        data = {"name": token.name, "prefix": token.prefix, "permissions": token.permissions, "may_decide": may_decide}
        audit.record(
            "token.issued",
            subject=f"token:{token.pk}",
            thread=f"user:{user.pk}",
            actor=actor,
            data={**data, "expires_at": token.expires_at},
        )
    return token, secret


def longest_lifetime() -> timedelta:
    """How long a new token may live."""
    return timedelta(days=options.get(MAX_DAYS))


def revoke_token(token: ApiToken, *, actor: Actor, reason: str = "") -> None:
    """End a token now; doing it twice changes nothing."""
    if actor.person_id != token.user_id:
        authority_of(actor).require_above(token.user)
    with transaction.atomic():
        now = clock.real_now()
        if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now):
            token.revoked_at = now
            audit.record(
                "token.revoked", subject=f"token:{token.pk}", thread=f"user:{token.user_id}", actor=actor, reason=reason
            )


def find_token(secret: str) -> ApiToken | None:
    """The usable token of a secret with its user and roles, its use noted; None for anything else."""
    if not secret.startswith(PREFIX) or len(secret) > 100:
        return None
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [digest_of(secret)])
        row = cursor.fetchone()
    if row is None:
        return None
    token = ApiToken.from_db(connection.alias, _OF_TOKEN, row[: len(_OF_TOKEN)])
    token.user = User.from_db(connection.alias, _OF_USER, row[len(_OF_TOKEN) : -1])
    if not (token.is_usable and token.user.is_active):
        return None
    token.user.grant(frozenset(row[-1]))
    _note_use(token)
    return token


def people_behind(user: User) -> frozenset[int]:
    """Whose eyes an account counts as: a person's own, a service account's and those of everybody who ever made a token
    for it, because they have seen its secret."""
    if user.kind == UserKind.PERSON:
        return frozenset({user.pk})
    issuers = ApiToken.objects.filter(user=user).values_list("issued_by", flat=True)
    return frozenset({user.pk, *(issuer for issuer in issuers if issuer is not None)})


def makers_of(actor: Actor) -> frozenset[int]:
    """Who made the token that acted: they have seen its secret, whosever account it speaks for. A token that was made
    anew by an administrator is theirs as well."""
    if actor.kind != ActorKind.TOKEN:
        return frozenset()
    makers = ApiToken.objects.filter(pk=int(actor.id)).values_list("issued_by", flat=True)
    return frozenset(maker for maker in makers if maker is not None)


def digest_of(secret: str) -> str:
    # The secret is 256 random bits, so a fast hash is enough: there is nothing to guess.
    return hashlib.sha256(secret.encode()).hexdigest()


def _note_use(token: ApiToken) -> None:
    now = clock.real_now()
    due = now - USE_NOTED_EVERY
    if token.last_used_at is None or token.last_used_at < due:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=due)
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)
