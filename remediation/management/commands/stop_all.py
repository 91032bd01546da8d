"""`./soc manage stop_all --reason TEXT`: nothing leaves the portal any more. `--resume` is the way back."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.actors import Actor
from remediation.services.stop import go_on, stop_everything

ACTOR = Actor.system("command line")


class Command(BaseCommand):
    help = "Stop every action that has not left yet, and let nothing leave; with --resume let orders leave again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reason", required=True, help="kept in the audit log and shown on every page")
        parser.add_argument("--resume", action="store_true", help="end the stop; everything is asked anew")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["resume"]:
                go_on(actor=ACTOR, reason=options["reason"])
                self.stdout.write("Orders leave again; each is checked anew.")
                return
            halt = stop_everything(actor=ACTOR, reason=options["reason"])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        self.stdout.write(
            f"Stopped. {halt.held_back} orders are held back; {halt.on_the_way} had left already and are followed to "
            "their end."
        )
