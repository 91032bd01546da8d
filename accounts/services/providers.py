"""Which providers may vouch for people, and by which rules: for those alone who hold every right themselves."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.enums import BuiltInRole, ScopeKind
from accounts.models import Role, SignInProvider
from accounts.roles import BUILT_IN
from accounts.services.authority import authority_of
from core import audit
from core.actors import Actor

EDITABLE = (
    "name", "enabled", "issuer", "client_id", "scopes", "username_claim", "name_claim", "email_claim", "groups_claim",
    "group_roles", "allowed_domains", "creates_people", "new_people_see_all", "links_by_email", "factor_values",
)  # fmt: skip
FROM_SETTINGS = "sso"


def save_provider(
    provider: SignInProvider, *, changes: Mapping[str, Any], secret: str = "", actor: Actor, reason: str = ""
) -> SignInProvider:
    """Make or change a provider; an empty `secret` keeps the former one. Raises `ValidationError`."""
    _require_every_right(actor)
    unknown = set(changes["group_roles"].values()) - set(Role.objects.values_list("key", flat=True))
    if unknown:
        raise ValidationError({"group_roles": f"There is no role {min(unknown)}."})
    made = provider.pk is None
    before = {name: getattr(provider, name) for name in EDITABLE}
    for name in EDITABLE:
        setattr(provider, name, changes.get(name, before[name]))
    if secret:
        provider.client_secret = secret
    provider.full_clean()
    changed = {
        name: (before[name], getattr(provider, name)) for name in EDITABLE if before[name] != getattr(provider, name)
    }
    if secret:
        changed["secret"] = ("hidden", "changed")
    if made or changed:
        with transaction.atomic():
            provider.save()
            verb = "provider.created" if made else "provider.changed"
            audit.record(verb, subject=f"provider:{provider.pk}", actor=actor, changes=changed, reason=reason)
    return provider


def delete_provider(provider: SignInProvider, *, actor: Actor, reason: str = "") -> None:
    """Let it vouch for nobody any more; the links go with it, the people stay."""
    _require_every_right(actor)
    with transaction.atomic():
        data = {"name": provider.name, "issuer": provider.issuer, "people": provider.identities.count()}
        audit.record("provider.deleted", subject=f"provider:{provider.pk}", actor=actor, data=data, reason=reason)
        provider.delete()


def lay_down_provider(**_signal: Any) -> None:
    """The provider that the settings name, kept as they say at every start."""
    wanted = settings.OIDC_PROVIDER
    if not wanted["issuer"]:
        return
    provider = SignInProvider.objects.filter(key=FROM_SETTINGS).first() or SignInProvider(key=FROM_SETTINGS)
    secret = "" if provider.client_secret == wanted["secret"] else wanted["secret"]
    changes = {name: value for name, value in wanted.items() if name != "secret"}
    save_provider(provider, changes=changes, secret=secret, actor=Actor.system("settings"))


def _require_every_right(actor: Actor) -> None:
    """A provider can bring in anybody in any role: whoever sets one up could come in as everybody."""
    authority = authority_of(actor)
    authority.require_keys(BUILT_IN[BuiltInRole.ADMINISTRATOR])
    authority.require_reach(ScopeKind.ALL, [])
