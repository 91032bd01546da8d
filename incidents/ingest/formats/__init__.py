"""The registry of ingest formats: every module of this folder is one. Adding a format is adding a file.

A format module has `KEY` (the word in the address), `LABEL` (what people read) and `read(item) -> AlertDraft`.
`read` gets a JSON object that is already free of NUL, lone surrogates, huge numbers and endless nesting; it raises
`Rejected` when the item cannot become an alert, and leaves everything else to `normalise`.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from incidents.ingest.draft import AlertDraft


class UnknownFormat(LookupError):
    """There is no such format; the message names those there are."""


@dataclass(frozen=True, slots=True)
class Format:
    key: str
    label: str
    read: Callable[[dict[str, Any]], AlertDraft]


@cache
def registered() -> dict[str, Format]:
    """All formats by key; a module that lacks something or takes a key twice is a mistake that raises."""
    found: dict[str, Format] = {}
    for module_info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{module_info.name}")
        entry = Format(module.KEY, module.LABEL, module.read)
        if entry.key in found:
            raise LookupError(f"The ingest format {entry.key!r} exists twice.")
        found[entry.key] = entry
    return found


def get(key: str) -> Format:
    try:
        return registered()[key]
    except KeyError:
        raise UnknownFormat(f"There is no format {key!r}; there are {', '.join(sorted(registered()))}.") from None
