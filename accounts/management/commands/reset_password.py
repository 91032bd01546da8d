"""The way back in when nobody can sign in any more: needs a shell on the machine, which is more than any password."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from accounts.services.passwords import reset_password
from core.actors import Actor


class Command(BaseCommand):
    help = "Draw a one-time password for a person and lift a lock-out; the password alone goes to standard output."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username__iexact=options["username"]).first()
        if user is None:
            raise CommandError(f"There is nobody called {options['username']}.")
        try:
            password = reset_password(user, actor=Actor.system("command line"), reason="Reset on the command line")
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        self.stderr.write(f"One-time password of {user.username}, to be changed at sign-in:")
        self.stdout.write(password)
