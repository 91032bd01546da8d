"""`./soc bench NAME`: figures of this machine as JSON. Every room's `bench/<name>.py` is one measurement.

A measurement has `run(options) -> dict`; options are the `--name value` pairs of the command line as text. Beside its
figures it prints the machine's limit, measured in the same run, and `ratio_...` keys.
"""

import importlib
import importlib.util
import json
import pkgutil
import time
from collections.abc import Callable, Mapping
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


class Command(BaseCommand):
    help = "Measure and print JSON. Without a name: list the measurements."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", default="")
        parser.add_argument("options", nargs="*", metavar="KEY=VALUE", help="such as count=500")

    def handle(self, *args: Any, **options: Any) -> None:
        known = measurements()
        name = options["name"]
        if not name:
            self.stdout.write("\n".join(sorted(known)))
            return
        if name not in known:
            raise CommandError(f"There is no measurement {name!r}; there are {', '.join(sorted(known))}.")
        begun = time.monotonic()
        pairs = dict(word.split("=", 1) for word in options["options"] if "=" in word)
        figures = known[name](pairs)
        took = round(time.monotonic() - begun, 1)
        self.stdout.write(json.dumps({"bench": name, **figures, "took_s": took}, indent=2))
