"""The people without whom nobody could sign in. Runs at every start and does nothing once they are there."""

from dataclasses import dataclass
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from accounts.enums import BuiltInRole, ScopeKind
from accounts.models import Role, User
from accounts.services.passwords import reset_password
from accounts.services.people import create_user
from core.actors import Actor

ACTOR = Actor.system("first start")


@dataclass(frozen=True, slots=True)
class FirstUser:
    username: str
    display_name: str
    role: BuiltInRole
    one_time: bool
    what_for: str


ADMINISTRATOR = FirstUser(
    "admin",
    "Administrator",
    BuiltInRole.ADMINISTRATOR,
    one_time=True,
    what_for="people, groups, options; changed at first sign-in",
)
# Their passwords stay: a newcomer signs in as one, then as another, and should not have to invent four passwords.
DEMO_PEOPLE = (
    FirstUser(
        "analyst", "Ines Kovač", BuiltInRole.ANALYST, one_time=False, what_for="works on incidents, asks for actions"
    ),
    FirstUser(
        "responder", "Tomasz Brandt", BuiltInRole.RESPONDER, one_time=False, what_for="approves what others ask for"
    ),
    FirstUser("manager", "Dana Whitfield", BuiltInRole.MANAGER, one_time=False, what_for="reads, signs reviews"),
)


class Command(BaseCommand):
    help = "Make the first administrator and, with --demo, an analyst, a responder and a manager."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--demo", action="store_true", help="also the three people of the demo company")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = [] if User.objects.filter(roles__key=BuiltInRole.ADMINISTRATOR).exists() else [ADMINISTRATOR]
        if options["demo"]:
            wanted += DEMO_PEOPLE
        with transaction.atomic():
            made = [(person, password) for person in wanted if (password := self._make(person)) is not None]
        if made:
            self._tell(made)

    @staticmethod
    def _make(first: FirstUser) -> str | None:
        """The password of somebody new; None when the name is taken already."""
        if User.objects.filter(username__iexact=first.username).exists():
            return None
        user = create_user(
            first.username,
            display_name=first.display_name,
            roles=[Role.objects.get(key=first.role)],
            scope_kind=ScopeKind.ALL,
            actor=ACTOR,
        )
        return reset_password(user, actor=ACTOR, one_time=first.one_time)

    def _tell(self, made: list[tuple[FirstUser, str]]) -> None:
        rule = "-" * 78
        lines = [f"  {first.username:<10} {password}   {first.what_for}" for first, password in made]
        head = "  Sign in with these. They are shown once and stored nowhere:"
        self.stdout.write("\n".join(["", rule, head, "", *lines, "", rule, ""]))
