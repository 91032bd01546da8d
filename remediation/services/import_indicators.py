"""Many indicators from one CSV file. Everything is read and judged before anything is written: a person sees row by row
what would happen. Rows that are wrong are left out and told; the others are taken."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import DeviceGroup, User
from core.actors import Actor
from remediation.enums import IndicatorAction, IndicatorSource, IndicatorType
from remediation.indicator_values import key_of
from remediation.models import Indicator
from remediation.refused import Refused
from remediation.services.set_indicator import (
    as_json,
    change_indicator,
    check_may_manage,
    clean_fields,
    create_indicator,
    fields_of,
    scope_key_of,
)

MOST_ROWS = 500
MOST_BYTES = 1_000_000
MOST_COLUMNS = 100
MOST_GROUPS = 200
COLUMNS = (
    "indicatorType", "indicatorValue", "action", "title", "description", "expirationTime", "severity",
    "recommendedActions", "rbacGroups", "category", "mitretechniques", "GenerateAlert",
)  # fmt: skip
_NAMES = {name.lower(): name for name in COLUMNS}  # other tools write them with other capitals
_NEEDED = ("indicatorType", "indicatorValue", "action", "title", "description")
_TYPES = {"certificate": IndicatorType.CERTIFICATE.value} | {word.lower(): word for word in IndicatorType.values}
_ACTIONS = {
    "allow": IndicatorAction.ALLOWED.value,
    "alert": IndicatorAction.AUDIT.value,
    "alertandblock": IndicatorAction.BLOCK_AND_REMEDIATE.value,
} | {word.lower(): word for word in IndicatorAction.values}
_FLAGS = {"": False, "false": False, "true": True}


@dataclass(slots=True)
class Row:
    """One line of the file, as it was judged. `verdict` is `new`, `change`, `same` or `wrong`."""

    number: int
    value: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    verdict: str = "new"
    error: str = ""
    held: Indicator | None = None
    changes: list[str] = field(default_factory=list)

    @property
    def deed(self) -> str:
        """What the indicator does, in the word of the pages."""
        return str(IndicatorAction(self.fields["action"]).label)


@dataclass(frozen=True, slots=True)
class Report:
    """What would happen, or happened."""

    rows: list[Row]

    def count(self, verdict: str) -> int:
        return sum(row.verdict == verdict for row in self.rows)

    @property
    def good(self) -> int:
        return self.count("new") + self.count("change")


def read_csv(content: bytes, *, user: User) -> Report:
    """Judge a file without writing anything. Raises `ValidationError` when it is no such file at all."""
    if len(content) > MOST_BYTES:
        raise ValidationError(f"The file is larger than {MOST_BYTES:,} bytes.")
    try:
        head, cells = _cells(content.decode("utf-8-sig"))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValidationError(f"It is not a CSV file in UTF-8: {error}") from None
    missing = [name for name in _NEEDED if name not in head]
    if missing:
        raise ValidationError(f"The first line must name the columns; missing: {', '.join(missing)}.")
    if not cells:
        raise ValidationError("There is no row under the names of the columns.")
    if len(cells) > MOST_ROWS:
        raise ValidationError(f"More than {MOST_ROWS} rows; at most {MOST_ROWS} at once.")
    lines = [dict(zip_longest(head, row[: len(head)], fillvalue="")) for row in cells]
    too_long = [len(row) > len(head) for row in cells]
    return judge([_from_csv(line, more) for line, more in zip(lines, too_long, strict=True)], user=user)


def _cells(text: str) -> tuple[list[str], list[list[str]]]:
    """The first line and the rows, no more of either than is taken: each row costs as much as there are columns."""
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    head = next(rows, [])
    if len(head) > MOST_COLUMNS:
        raise ValidationError(f"{len(head):,} columns; at most {MOST_COLUMNS}.")
    names = [_NAMES.get(name.strip().lower(), name) for name in head]
    return names, list(islice((row for row in rows if row), MOST_ROWS + 1))


def judge(wanted: Sequence[Mapping[str, Any]], *, user: User) -> Report:
    """Say of each row what would become of it. A row that holds `error` already is wrong."""
    rows, seen = [], dict[tuple[str, str], int]()
    for number, given in enumerate(wanted, start=1):
        row = Row(number, value=str(given.get("value", ""))[:200])
        rows.append(row)
        try:
            _judge_one(row, given, user=user, seen=seen)
        except (ValidationError, Refused) as error:
            row.verdict, row.error = "wrong", _words(error)
    return Report(rows)


def take(report: Report, *, source: str, reason: str, actor: Actor, user: User) -> Report:
    """Write the rows that are right; a row that went wrong since it was judged is told as well."""
    for row in report.rows:
        if row.verdict not in {"new", "change"}:
            continue
        try:
            with transaction.atomic():
                _take_one(row, source=source, reason=reason, actor=actor, user=user)
        except (ValidationError, Refused) as error:
            row.verdict, row.error = "wrong", _words(error)
    return report


def _judge_one(row: Row, given: Mapping[str, Any], *, user: User, seen: dict[tuple[str, str], int]) -> None:
    if given.get("error"):
        raise ValidationError(str(given["error"]))
    row.fields = clean_fields(given)
    row.value = row.fields["value"]
    check_may_manage(user, row.fields["device_group_ids"])
    place = (key_of(row.fields["type"], row.value), scope_key_of(row.fields["device_group_ids"]))
    if place in seen:
        raise ValidationError(f"Row {seen[place]} names the same value for the same devices.")
    seen[place] = row.number
    row.held = Indicator.objects.active().filter(key=place[0], scope_key=place[1]).first()
    if row.held is not None:
        before, after = fields_of(row.held), as_json(row.fields)
        row.changes = [name for name in after if before[name] != after[name]]
        row.verdict = "change" if row.changes else "same"


def _take_one(row: Row, *, source: str, reason: str, actor: Actor, user: User) -> None:
    if row.held is not None:
        changes = {name: row.fields[name] for name in row.changes}
        change_indicator(row.held, changes=changes, reason=reason, actor=actor, user=user)
    else:
        row.held = create_indicator(
            fields=row.fields, reason=reason, actor=actor, user=user, source=IndicatorSource(source)
        )


def _from_csv(line: Mapping[str, Any], too_long: bool) -> dict[str, Any]:
    """The columns of the file as fields; a word that nobody knows is kept, so that it is told as wrong."""
    told = {name: str(line.get(name) or "").strip() for name in COLUMNS}
    if too_long:
        return {"value": told["indicatorValue"], "error": "The row has more cells than there are columns."}
    groups, unknown = _groups(told["rbacGroups"])
    flag = _FLAGS.get(told["GenerateAlert"].lower())
    error = f"There is no device group {unknown[:80]!r}." if unknown else ""
    error = error or ("" if flag is not None else "GenerateAlert is True or False.")
    error = error or ("" if told["description"] else "A description is needed.")
    return {
        "type": _TYPES.get(told["indicatorType"].lower(), told["indicatorType"]),
        "value": told["indicatorValue"],
        "action": _ACTIONS.get(told["action"].lower(), told["action"]),
        "title": told["title"],
        "description": told["description"],
        "expires_at": _expiry(told["expirationTime"]),
        "severity": told["severity"].lower(),
        "recommended_actions": told["recommendedActions"],
        "device_group_ids": groups,
        "category": told["category"],
        "techniques": [word for word in told["mitretechniques"].split(",") if word.strip()],
        "generate_alert": bool(flag),
        "error": error,
    }


def _expiry(text: str) -> str:
    """`2026-12-31T00:00:00.0Z`: the fraction of one digit is no ISO time, so it goes."""
    return text.replace(".0Z", "Z")


def _groups(text: str) -> tuple[list[int], str]:
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    found = []
    for name in names[: MOST_GROUPS + 1]:  # one more, so that too many are told as such
        group = DeviceGroup.objects.filter(name__iexact=name, retired=False).first()
        if group is None:
            return [], name
        found.append(group.pk)
    return found, ""


def _words(error: ValidationError | Refused) -> str:
    if isinstance(error, Refused):
        return error.message
    return " ".join(error.messages)
