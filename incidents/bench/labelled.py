"""A file of labelled alerts, JSON lines `{"format", "attack_id"|null, "phase"|null, "alert"}`, read part by part."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from incidents.bench.pairs import Label
from incidents.bench.serving import BENCH
from incidents.ingest import formats
from incidents.ingest.accept import accept_alerts

# Where each format keeps the alert's own id, first choice first.
ID_FIELDS = {"graph": ("id", "providerAlertId"), "sentinel": ("SystemAlertId", "VendorOriginalId")}
_OTHERWISE = ("id",)
MOST_TOLD = 20


class BadFile(ValueError):
    """The file cannot be measured; the message names the line."""


@dataclass(frozen=True, slots=True)
class Line:
    number: int
    format: str
    label: Label
    alert: dict[str, Any]


@dataclass(slots=True)
class Fed:
    """What the portal made of the lines: label and provider's id by the alert's id here, and what it refused."""

    labels: dict[int, Label] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    refusals: int = 0


def read_parts(path: Path, size: int) -> Iterator[list[Line]]:
    """The lines in their order, in parts of at most `size`. Raises `BadFile`."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            part: list[Line] = []
            for number, text in enumerate(file, start=1):
                if text.strip():
                    part.append(_line(number, text))
                if len(part) >= size:
                    yield part
                    part = []
            if part:
                yield part
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise BadFile(f"{path}: is no UTF-8 text.") from None


def _line(number: int, text: str) -> Line:
    try:
        row = json.loads(text)
    except ValueError as error:
        raise BadFile(f"line {number}: not JSON: {error}") from None
    if not isinstance(row, dict):
        raise BadFile(f"line {number}: a line is a JSON object with format, attack_id, phase and alert.")
    format_key, alert = row.get("format"), row.get("alert")
    if not isinstance(format_key, str):
        raise BadFile(f"line {number}: has no format.")
    try:
        formats.get(format_key)
    except formats.UnknownFormat as error:
        raise BadFile(f"line {number}: {error}") from None
    if not isinstance(alert, dict):
        raise BadFile(f"line {number}: has no alert, which is a JSON object.")
    attack, phase = (_word(row, name, number) for name in ("attack_id", "phase"))
    return Line(number, format_key, Label(attack, phase if attack else ""), _named(alert, format_key, number))


def _word(row: Mapping[str, Any], name: str, number: int) -> str:
    value = row.get(name)
    if value is None or value == "":
        return ""
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    raise BadFile(f"line {number}: {name} is a text or null.")


def _named(alert: dict[str, Any], format_key: str, number: int) -> dict[str, Any]:
    """An alert without an id of its own is called `line-N` after its line."""
    fields = ID_FIELDS.get(format_key, _OTHERWISE)
    known = any(alert.get(name) not in (None, "") for name in fields)
    return alert if known else alert | {fields[0]: f"line-{number}"}


def feed(part: list[Line], into: Fed) -> None:
    """Give the lines to the ordinary ingest, in their order as far as one call takes one format."""
    for format_key in dict.fromkeys(line.format for line in part):
        lines = [line for line in part if line.format == format_key]
        receipt = accept_alerts(
            [line.alert for line in lines], format=format_key, source=f"bench-{format_key}", actor=BENCH
        )
        for row in receipt.alerts:
            pk = int(row["id"])
            into.labels[pk], into.names[pk] = lines[row["index"]].label, row["provider_alert_id"]
        into.refusals += len(receipt.rejected)
        for row in receipt.rejected[: max(0, MOST_TOLD - len(into.refused))]:
            into.refused.append(f"line {lines[row['index']].number}: {row['message']}")
