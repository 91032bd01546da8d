"""What later rooms know about evidence of alerts: a few words beside it, asked for a whole list at once."""

from collections.abc import Iterable

from django.http import HttpRequest

from core import slots
from incidents.models import Evidence

SLOT, NOTED = "evidence.marks", "noted"


def with_marks(evidence: Iterable[Evidence], request: HttpRequest) -> list[Evidence]:
    """The same rows, each with `noted`: what `{% pill %}` and a link need, as the fillings of the slot answer it in
    `by_id`."""
    rows = list(evidence)
    found: dict[int, list[dict[str, str]]] = {}
    for entry in slots.entries(SLOT, request, rows):
        for pk, mark in entry["by_id"].items():
            found.setdefault(pk, []).append(mark)
    for row in rows:
        setattr(row, NOTED, found.get(row.pk, []))
    return rows
