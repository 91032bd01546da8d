"""`./soc ingest FILE`: a file of alerts of any size, through the same door as everything else."""

import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from core.actors import Actor
from incidents.ingest import formats
from incidents.ingest.accept import MAX_SOURCE, accept_alerts
from incidents.ingest.parse import ReadSoFar, Unparsable, read_file

SHOWN_REJECTIONS = 5
COUNTED = ("accepted", "updated", "duplicates", "rejected")


class Command(BaseCommand):
    help = "Store a file of alerts: JSON, JSON lines, each also gzipped. Exit code 1 when an item was rejected."

    def add_arguments(self, parser: CommandParser | ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--format", required=True, choices=sorted(formats.registered()))
        parser.add_argument("--source", default="", help="name of the feed (default: the name of the format)")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        source = options["source"].strip() or options["format"]
        if not path.is_file():
            raise CommandError(f"There is no file {path}.")
        if len(source) > MAX_SOURCE:
            raise CommandError(f"A source has a name of at most {MAX_SOURCE} characters.")
        counts: Counter[str] = Counter()
        try:
            self._store(path, options["format"], source, counts)
        except Unparsable as error:
            raise CommandError(f"{error} So far: {_summary(counts)}.") from None
        self.stdout.write(_summary(counts))
        if counts["rejected"]:
            raise CommandError("Rejected items are kept as dead letters.", returncode=1)

    def _store(self, path: Path, format_key: str, source: str, counts: Counter[str]) -> None:
        progress = ReadSoFar()
        offset = 0
        with tqdm(total=path.stat().st_size, unit="B", unit_scale=True, disable=not sys.stderr.isatty()) as bar:
            for batch in _batches(read_file(path, progress), progress):
                receipt = accept_alerts(batch, format=format_key, source=source, actor=Actor.system("ingest_file"))
                for rejected in receipt.rejected[: max(0, SHOWN_REJECTIONS - counts["rejected"])]:
                    self.stderr.write(f"item {rejected['index'] + offset:,}: {rejected['message']}")
                counts.update(
                    accepted=receipt.accepted,
                    updated=receipt.updated,
                    duplicates=receipt.duplicates,
                    rejected=len(receipt.rejected),
                )
                offset += len(batch)
                bar.update(progress.bytes - bar.n)


def _summary(counts: Counter[str]) -> str:
    return ", ".join(f"{counts[name]:,} {name}" for name in COUNTED)


def _batches(items: Iterator[object], progress: ReadSoFar) -> Iterator[list[object]]:
    """As large as a request may be, in alerts and about as large in bytes, counted as they are without gzip."""
    batch: list[object] = []
    begun = 0
    try:
        for item in items:
            batch.append(item)
            if len(batch) >= settings.INGEST_MAX_ALERTS or progress.items - begun >= settings.INGEST_MAX_BYTES:
                yield batch
                batch, begun = [], progress.items
    except Unparsable:
        if batch:
            yield batch
        raise
    if batch:
        yield batch
