"""Exercises: written down, changed, linked to what was learned, removed."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from core import audit, clock
from core.actors import Actor
from core.wording import unix_lines
from reviews.enums import DrillKind
from reviews.models import Drill, Lesson

CHANGEABLE = frozenset({"kind", "held", "scenario", "participants", "findings", "next_due"})
MAX_FINDINGS, MOST = 10_000, 2_000


class StaleDrill(Exception):
    """Somebody else changed the entry since it was read."""


def add_drill(values: dict[str, Any], *, actor: Actor, lessons: Iterable[Lesson] = (), exercise: str = "") -> Drill:
    """Raises `ValidationError`."""
    with transaction.atomic():
        if Drill.objects.count() >= MOST:
            raise ValidationError(f"There are {MOST} entries, which is the most.")
        now = clock.now()
        row = Drill(created=now, updated=now, created_by=actor.as_json(), exercise=exercise, **_clean(values))
        _check(row)
        row.save()
        told = {name: (None, _told(getattr(row, name))) for name in sorted(values)}
        _record("drill.added", row, actor, {**told, **_link(row, lessons)})
    return row


def change_drill(
    drill: Drill,
    *,
    changes: dict[str, Any],
    actor: Actor,
    lessons: Iterable[Lesson] | None = None,
    expected_version: int | None = None,
) -> Drill:
    """`lessons` None leaves the links as they are. Raises `ValidationError`, `StaleDrill`."""
    with transaction.atomic():
        row = Drill.objects.select_for_update().get(pk=drill.pk)
        if expected_version is not None and row.version != expected_version:
            raise StaleDrill
        cleaned = _clean(changes)
        before = {name: getattr(row, name) for name in cleaned}
        for name, value in cleaned.items():
            setattr(row, name, value)
        pairs = {name: (old, getattr(row, name)) for name, old in before.items() if old != getattr(row, name)}
        told: dict[str, Any] = {name: tuple(map(_told, pair)) for name, pair in pairs.items()}
        if lessons is not None:
            told |= _link(row, lessons)
        if not told:
            return row
        _check(row)
        row.updated, row.version = clock.now(), row.version + 1
        row.save()
        _record("drill.changed", row, actor, told)
    return row


def remove_drill(drill: Drill, *, actor: Actor, reason: str) -> None:
    with transaction.atomic():
        data = {name: _told(getattr(drill, name)) for name in sorted(CHANGEABLE)}
        audit.record("drill.removed", subject=f"drill:{drill.pk}", actor=actor, reason=reason[:500], data=data)
        drill.delete()


def _link(row: Drill, lessons: Iterable[Lesson]) -> dict[str, Any]:
    before = sorted(row.lessons.values_list("pk", flat=True))
    row.lessons.set(lessons)
    after = sorted(row.lessons.values_list("pk", flat=True))
    return {"lessons": (before, after)} if before != after else {}


def _clean(values: dict[str, Any]) -> dict[str, Any]:
    if unknown := set(values) - CHANGEABLE:
        raise ValidationError(f"{min(unknown)} cannot be written.")
    cleaned = dict(values)
    for name in ("scenario", "participants"):
        if name in cleaned:
            cleaned[name] = " ".join(cleaned[name].replace("\x00", "").split())
    if "findings" in cleaned:
        cleaned["findings"] = unix_lines(cleaned["findings"].replace("\x00", "")).strip()[:MAX_FINDINGS]
    return cleaned


def _check(row: Drill) -> None:
    if row.kind not in DrillKind.values:
        raise ValidationError({"kind": "This is not one of the kinds."})
    if not row.scenario:
        raise ValidationError({"scenario": "Say what was played."})
    if row.held > clock.now().date():
        raise ValidationError({"held": "Write it down when it was held; until then it is the next due date."})
    if row.next_due is not None and row.next_due <= row.held:
        raise ValidationError({"next_due": "After the day it was held."})
    row.clean_fields()


def _told(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _record(verb: str, row: Drill, actor: Actor, changes: dict[str, Any]) -> None:
    audit.record(verb, subject=f"drill:{row.pk}", actor=actor, changes=changes)
