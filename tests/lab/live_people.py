"""Two people who may open raw shells, and what they do there, inside a running portal by `./soc manage shell`."""

import json
from datetime import timedelta

from django.db import transaction

from accounts.enums import ScopeKind, UserKind
from accounts.models import Role, User
from accounts.services.people import create_user
from accounts.services.tokens import issue_token
from core.actors import Actor
from live_response.models import RawShell
from live_response.services.shells import decide_shell, type_into

ACTOR = Actor.system("lab test")


def lay() -> None:
    """Print `{name: token}` of two responders with the right to raw shells."""
    with transaction.atomic():
        role = Role.objects.create(key="lab-raw", name="Raw shells", permissions=["live_response.raw"])
        roles = [role, *Role.objects.filter(key__in=["responder", "admin"])]
        tokens = {name: _token(name, roles) for name in ("typist", "second")}
    print(json.dumps(tokens))  # noqa: T201 - read by the test


def _token(name: str, roles: list[Role]) -> str:
    user = create_user(name, display_name=name, roles=roles, scope_kind=ScopeKind.ALL, kind=UserKind.SERVICE,
                       actor=ACTOR)  # fmt: skip
    return str(issue_token(user, name=name, lifetime=timedelta(hours=6), may_decide=True, actor=ACTOR)[1])


def approve(command: int) -> None:
    """As the second person."""
    user = User.objects.get(username="second")
    decide_shell(RawShell.objects.get(command=command), approve=True, comment="Seen", actor=user.actor, user=user)


def press(command: int, seq: int, data: str) -> None:
    """As who asked for the shell."""
    user = User.objects.get(username="typist")
    type_into(RawShell.objects.get(command=command), seq=seq, data=data, actor=user.actor, user=user)
