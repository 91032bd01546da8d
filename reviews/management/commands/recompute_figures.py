"""`./soc manage recompute_figures`: figures from the audit log alone, held against those of the tables."""

import sys
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core import clock
from core.wording import duration
from reviews.figures.durations import MEASURES
from reviews.recompute import Outcome, recompute

MOST_ROWS = 200


class Command(BaseCommand):
    help = "Compute times and service levels from the audit log and compare with the tables. Exit code 1: they differ."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", dest="since", default="", help="a day or time (UTC); default: 90 days ago")
        parser.add_argument("--to", dest="until", default="", help="a day (included) or time (UTC); default: now")

    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        since = _moment(options["since"], end=False) or now - timedelta(days=90)
        until = _moment(options["until"], end=True) or now
        if since >= until:
            raise CommandError("--from lies after --to.")
        outcome = recompute(since, until)
        self._tell(outcome, since, until)
        if outcome.differences:
            sys.exit(1)

    def _tell(self, outcome: Outcome, since: datetime, until: datetime) -> None:
        say = self.stdout.write
        say(f"from {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC: {outcome.checked} incidents checked")
        if outcome.untold:
            say(f"{outcome.untold} incidents are older than what the log tells of beginnings, or it does not know them")
        if outcome.unstored:
            say(f"{outcome.unstored} incidents of the log are no longer stored")
        for row in outcome.figures:
            log, table = row["log"], row["table"]
            short = MEASURES[row["measure"]].short
            say(f"{short}: median {duration(log['p50']) or 'none'} of {log['count']} by the log, "
                f"{duration(table['p50']) or 'none'} of {table['count']} by the tables")  # fmt: skip
        for one in outcome.differences[:MOST_ROWS]:
            where = f"INC-{one.incident}" if one.incident else "figure"
            say(f"DIFFERS {where} {one.what}: log {one.told}, table {one.stored}")
        say(f"{len(outcome.differences)} differences" if outcome.differences else "no difference")


def _moment(text: str, *, end: bool) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{text!r} is neither a day nor a time.") from None
    if len(text) == 10 and end:
        moment = datetime.combine(moment.date() + timedelta(days=1), time())
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
