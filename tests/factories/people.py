"""People, device groups and signing in, for tests of every room."""

from functools import cache
from typing import Any

import factory
from django.contrib.auth.hashers import PBKDF2PasswordHasher, make_password
from django.test import Client

from accounts.enums import ScopeKind
from accounts.models import DeviceGroup, Role, User

PASSWORD = "correct horse battery staple"
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


class QuickHasher(PBKDF2PasswordHasher):
    """The portal's own scheme, so that a running server understands it, without its deliberate slowness."""

    iterations = 1


@cache
def hashed_password() -> str:
    return make_password(PASSWORD, hasher=QuickHasher())


class DeviceGroupFactory(factory.django.DjangoModelFactory[DeviceGroup]):
    """A ranked group whose rule matches host names that begin with its own name."""

    class Meta:
        model = DeviceGroup

    name = factory.Sequence(lambda n: f"Group {n}")
    rank = factory.Sequence(lambda n: n + 1)
    rule = factory.LazyAttribute(lambda group: {"name": {"operator": "startswith", "values": [group.name.lower()]}})


def person(username: str, role: str, *, name: str = "", groups: list[DeviceGroup] | None = None, **fields: Any) -> User:
    """Somebody who holds one built-in role; sees everything unless `groups` says what. Signs in with `PASSWORD`."""
    user = User.objects.create(
        username=username,
        display_name=name or username.capitalize(),
        password=hashed_password(),
        scope_kind=ScopeKind.ALL if groups is None else ScopeKind.SELECTED,
        **fields,
    )
    user.roles.set([Role.objects.get(key=role)])
    user.device_groups.set(groups or [])
    return user


def sign_in(client: Client, user: User) -> Client:
    """The same client, signed in as `user`."""
    client.force_login(user, backend=BACKEND)
    return client
