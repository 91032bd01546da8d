"""Whom a provider vouches for: found by its subject, linked or made by its rules, with roles by group."""

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.enums import ScopeKind, UserKind
from accounts.models import LinkedIdentity, Role, SignInProvider, User
from accounts.services import people
from accounts.services.factors import CHANGED
from core import audit, clock, outbox
from core.actors import Actor

MOST_GROUPS = 500
NOT_ALLOWED = "This account may not sign in here."


class NotLetIn(Exception):
    """Nobody is let in for these claims; the message is for whoever tried, `user` for the audit log."""

    def __init__(self, message: str, user: User | None = None) -> None:
        super().__init__(message)
        self.user = user


def person_for(provider: SignInProvider, claims: dict[str, Any]) -> User:
    """The person whom these checked claims are about, with the roles that the provider's groups give now."""
    _require_domain(provider, claims)
    with transaction.atomic():
        identity = _identity(provider, claims)
        user = identity.user if identity else _found_or_made(provider, claims)
        if user is None:
            raise NotLetIn(f"Nobody here is linked to this account of {provider.name}. An administrator can add you.")
        if not user.is_active or user.kind != UserKind.PERSON:
            raise NotLetIn(NOT_ALLOWED, user)
        if identity is None:
            identity = link(user, provider=provider, subject=claims["sub"], actor=actor_of(provider))
        LinkedIdentity.objects.filter(pk=identity.pk).update(last_used=clock.real_now())
    _follow_groups(provider, user, claims)
    return User.objects.get(pk=user.pk)


def link(user: User, *, provider: SignInProvider, subject: str, actor: Actor) -> LinkedIdentity:
    """Let the provider vouch for this person from now on. Raises `ValidationError` when either is linked already."""
    with transaction.atomic():
        taken = LinkedIdentity.objects.filter(provider=provider)
        if taken.filter(subject=subject).exists() or taken.filter(user=user).exists():
            raise ValidationError(f"This account of {provider.name}, or you, is linked already.")
        identity = LinkedIdentity.objects.create(provider=provider, subject=subject, user=user)
        _record("user.provider_linked", user, provider, actor=actor)
        outbox.publish(CHANGED, user=user.pk, what="user.provider_linked", kind=provider.name, by=actor.name)
    return identity


def unlink(identity: LinkedIdentity, *, actor: Actor) -> None:
    """The provider vouches for this person no more."""
    if actor.person_id != identity.user_id:
        raise ValidationError("Links are taken away by their own person.", code="escalation")
    if not identity.user.has_usable_password() and identity.user.identities.count() == 1:
        raise ValidationError("This is your only way in.")
    with transaction.atomic():
        _record("user.provider_unlinked", identity.user, identity.provider, actor=actor)
        identity.delete()


def has_factor(provider: SignInProvider, claims: dict[str, Any]) -> bool:
    """Whether the provider says that it asked for a second factor, in a word that an administrator trusts."""
    amr = claims.get("amr")
    said = {str(value) for value in amr} if isinstance(amr, list) else set()
    return bool((said | {str(claims.get("acr", ""))}) & set(provider.factor_values))


def actor_of(provider: SignInProvider) -> Actor:
    return Actor.system(f"provider {provider.name}")


def _identity(provider: SignInProvider, claims: dict[str, Any]) -> LinkedIdentity | None:
    known = LinkedIdentity.objects.select_related("user").filter(provider=provider)
    return known.filter(subject=claims["sub"]).first()


def _found_or_made(provider: SignInProvider, claims: dict[str, Any]) -> User | None:
    """By a verified address where that is allowed, else newly made where that is."""
    email = _text(claims, provider.email_claim)
    if provider.links_by_email and email and claims.get("email_verified") is True:
        found = list(User.objects.filter(email__iexact=email, kind=UserKind.PERSON)[:2])
        if len(found) == 1 and not found[0].identities.filter(provider=provider).exists():
            return found[0]
    if not provider.creates_people:
        return None
    if provider.group_roles and not _granted(provider, claims):
        raise NotLetIn("None of your groups gives you a role here.")
    return _make(provider, claims, email=email)


def _make(provider: SignInProvider, claims: dict[str, Any], *, email: str) -> User:
    wanted = _text(claims, provider.username_claim) or email or claims["sub"]
    username = re.sub(r"[^a-z0-9._@+-]", "-", wanted.lower())[:80].lstrip("._@+-")
    try:
        return people.create_user(
            username,
            display_name=_text(claims, provider.name_claim)[:120] or username,
            email=email,
            roles=[],
            scope_kind=ScopeKind.ALL if provider.new_people_see_all else ScopeKind.SELECTED,
            actor=actor_of(provider),
        )
    except ValidationError:
        # Never taken over by name: the name proves nothing about who is behind the subject.
        raise NotLetIn(f"The user name {username} is taken here. An administrator can link you.") from None


def _follow_groups(provider: SignInProvider, user: User, claims: dict[str, Any]) -> None:
    """Give the roles of the groups and take those whose group is gone; roles that no group stands for stay."""
    if not provider.group_roles:
        return
    granted, ruled = _granted(provider, claims), set(provider.group_roles.values())
    kept = [role for role in user.roles.all() if role.key not in ruled]
    roles = kept + list(Role.objects.filter(key__in=granted))
    try:
        people.set_roles(user, roles=roles, actor=actor_of(provider), reason="By the groups of the provider")
    except ValidationError as error:
        raise NotLetIn(" ".join(error.messages), user) from None
    if not roles:
        raise NotLetIn("None of your groups gives you a role here.", user)


def _granted(provider: SignInProvider, claims: dict[str, Any]) -> set[str]:
    groups = claims.get(provider.groups_claim)
    names = groups if isinstance(groups, list) else str(groups or "").split()
    return {provider.group_roles[str(name)] for name in names[:MOST_GROUPS] if str(name) in provider.group_roles}


def _require_domain(provider: SignInProvider, claims: dict[str, Any]) -> None:
    domain = _text(claims, provider.email_claim).rpartition("@")[2].lower()
    if not provider.allowed_domains:
        return
    if claims.get("email_verified") is False or domain not in {one.lower() for one in provider.allowed_domains}:
        raise NotLetIn(NOT_ALLOWED)


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    return value.strip()[:254] if isinstance(value, str) else ""


def _record(verb: str, user: User, provider: SignInProvider, *, actor: Actor) -> None:
    data = {"provider": provider.name}
    audit.record(verb, subject=f"user:{user.pk}", thread=f"user:{user.pk}", actor=actor, data=data)
