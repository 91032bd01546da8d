"""`./soc manage make_labelled_set --seed 7 --out FILE`: a set for `./soc bench correlation FILE`."""

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exercises.labelled.make import Plan, labelled_set


class Command(BaseCommand):
    help = "Write alerts of known attacks in a company's noise as JSON lines, the same for the same seed."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--out", default="-", metavar="FILE", help="default: standard output")
        parser.add_argument("--attacks", type=int, default=Plan.attacks)
        parser.add_argument("--days", type=int, default=Plan.days)
        parser.add_argument("--hosts", type=int, default=Plan.hosts)
        parser.add_argument("--noise", type=int, default=Plan.noise, help="harmless alerts for each of an attack")
        parser.add_argument("--look-alikes", type=int, default=Plan.look_alikes, help="on the machines of each attack")
        parser.add_argument("--shuffle", type=int, metavar="SEED", help="the same alerts in another order of arrival")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["hosts"] < 20 or options["attacks"] < 0 or options["days"] < 1 or options["noise"] < 0:
            raise CommandError("At least 20 hosts, one day, and nothing below zero.")
        plan = Plan(
            options["seed"], options["attacks"], options["days"], options["hosts"], options["noise"],
            options["look_alikes"], shuffled=options["shuffle"],
        )  # fmt: skip
        lines = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in labelled_set(plan))
        if options["out"] == "-":
            sys.stdout.write(lines)
            return
        try:
            Path(options["out"]).write_text(lines, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{options['out']}: {error.strerror or error}") from None
        self.stdout.write(f"{lines.count(chr(10)):,} alerts in {options['out']}")
