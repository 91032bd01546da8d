"""`./soc manage name_reader INC-42 USER --reason TEXT`: the way back into an incident whose named people have left."""

from argparse import ArgumentTypeError
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from core.actors import Actor
from incidents.services.restrict import name_reader

ACTOR = Actor.system("command line")


class Command(BaseCommand):
    help = "Name one more person on a restricted incident that nobody it names can open; shows nothing of it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("incident", type=number_of, metavar="INC-42")
        parser.add_argument("user", metavar="USER", help="user name of the person who takes over")
        parser.add_argument("--reason", required=True, help="kept in the audit log")

    def handle(self, *args: Any, **options: Any) -> None:
        person = User.objects.filter(username__iexact=options["user"]).first()
        if person is None:
            raise CommandError(f"There is no user {options['user']}.")
        try:
            name_reader(options["incident"], person=person, actor=ACTOR, reason=options["reason"])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        self.stdout.write(f"INC-{options['incident']} names {person} now.")


def number_of(text: str) -> int:
    digits = text.upper().removeprefix("INC-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
        raise ArgumentTypeError("an incident is named by its number, as in INC-42")
    return int(digits)
