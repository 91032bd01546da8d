from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core import audit


class Command(BaseCommand):
    help = "verify: recompute the audit chain; exit code 1 when it is broken. seal: seal what is not sealed yet."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["verify", "seal"])

    def handle(self, *args: Any, **options: Any) -> None:
        if options["what"] == "seal":
            while audit.seal():
                pass
        verdict = audit.verify()
        self.stdout.write(f"{verdict.sealed:,} events sealed, {verdict.unsealed:,} not yet sealed, head {verdict.head}")
        if verdict.broken_at is not None:
            raise CommandError(f"The chain is broken at seal {verdict.broken_at}; {verdict.missing} events are missing.")
        self.stdout.write("The chain is whole.")
