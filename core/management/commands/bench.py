"""`./soc bench NAME`: figures of this machine as JSON. Every room's `bench/<name>.py` is one measurement.

A measurement has `run(options) -> dict`; options are the `name=value` words of the command line as text, `file` is a
word without a name. Beside its figures it prints the machine's limit, measured in the same run, and `ratio_...` keys.
"""

import importlib
import importlib.util
import json
import pkgutil
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser

Measurement = Callable[[Mapping[str, Any]], dict[str, Any]]


def measurements() -> dict[str, Measurement]:
    """All measurements by name; a name taken twice is a mistake that raises."""
    found: dict[str, Measurement] = {}
    for room in apps.get_app_configs():
        if importlib.util.find_spec(f"{room.name}.bench") is None:
            continue
        package = importlib.import_module(f"{room.name}.bench")
        for module_info in pkgutil.iter_modules(package.__path__):
            run = getattr(importlib.import_module(f"{package.__name__}.{module_info.name}"), "run", None)
            if run is None:
                continue
            if module_info.name in found:
                raise LookupError(f"The measurement {module_info.name!r} exists twice.")
            found[module_info.name] = run
    return found


def pairs_of(words: Iterable[str]) -> dict[str, str]:
    """`count=500` is an option, any other word the file to measure."""
    pairs = {}
    for word in words:
        name, found, value = word.partition("=")
        pairs.update({name: value} if found and name.isidentifier() else {"file": word})
    return pairs


class Command(BaseCommand):
    help = "Measure and print JSON. Without a name: list the measurements."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", default="")
        parser.add_argument("options", nargs="*", metavar="KEY=VALUE", help="such as count=500; a file to measure")
        parser.add_argument("--assignments", metavar="OUT", help="correlation: write which alert is in which incident")

    def handle(self, *args: Any, **options: Any) -> None:
        known = measurements()
        name = options["name"]
        if not name:
            self.stdout.write("\n".join(sorted(known)))
            return
        if name not in known:
            raise CommandError(f"There is no measurement {name!r}; there are {', '.join(sorted(known))}.")
        begun = time.monotonic()
        pairs = pairs_of(options["options"])
        if options["assignments"]:
            pairs["assignments"] = options["assignments"]
        figures = known[name](pairs)
        took = round(time.monotonic() - begun, 1)
        self.stdout.write(json.dumps({"bench": name, **figures, "took_s": took}, indent=2))
