from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core import audit


class Command(BaseCommand):
    help = "verify: recompute the audit chain; exit code 1 when it is broken. seal: seal what is not sealed yet."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["verify", "seal"])
        parser.add_argument("--head", default="", help="a head that was noted earlier: is it still in the chain?")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["what"] == "seal":
            while audit.seal():
                pass
        verdict = audit.verify()
        counts = f"{verdict.sealed:,} events sealed, {verdict.unsealed:,} not yet sealed"
        self.stdout.write(f"{counts}, head {verdict.head}")
        if verdict.broken_at is not None:
            where = f"The chain is broken at seal {verdict.broken_at}"
            raise CommandError(f"{where}; {verdict.missing} events are missing.")
        if options["head"] and not audit.holds(options["head"]):
            raise CommandError("The chain does not hold that head: its end was cut off.")
        self.stdout.write("The chain is whole.")
