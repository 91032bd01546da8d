"""Lessons: written down, adopted or rejected, verified, and linked to what they are about."""

import re
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import CharField, F, Value
from django.db.models.functions import Coalesce, NullIf

from accounts.models import User
from core import audit, clock
from core.actors import Actor
from core.lifecycle import IllegalMove
from core.wording import unix_lines
from incidents.models import Alert, Incident
from reviews.enums import LessonCategory, LessonState
from reviews.lifecycle import LESSON_STATE
from reviews.models import Lesson

MAX_WHAT, MAX_WHY, MAX_WORDS, MOST_INCIDENTS = 300, 5000, 40, 200
CHANGEABLE = frozenset({"what", "why", "category", "owner", "techniques", "detectors"})
_TECHNIQUE = re.compile(r"^T\d{4}(?:\.\d{3})?$")


class StaleLesson(Exception):
    """Somebody else changed the lesson since it was read."""


def write_lesson(values: dict[str, Any], *, actor: Actor, incident: Incident | None = None) -> Lesson:
    """Write down a lesson. Of one that an incident taught, techniques and detectors are those of the incident unless
    `values` names them. Raises `ValidationError`."""
    if incident is not None:
        values = {"techniques": incident.mitre_techniques[:MAX_WORDS], "detectors": detectors_of(incident), **values}
    cleaned = _clean(values)
    if not cleaned.get("what"):
        raise ValidationError({"what": "Say what is to be done differently."})
    now = clock.now()
    with transaction.atomic():
        row = Lesson.objects.create(incident=incident, created_by=actor.as_json(), created=now, updated=now, **cleaned)
        _record(row, actor, "lesson.written", {"what": (None, row.what)})
    return row


def change_lesson(
    lesson: Lesson, *, changes: dict[str, Any], actor: Actor, expected_version: int | None = None
) -> Lesson:
    """Change words, category, owner, or what it is recognised by. Raises `ValidationError`, `StaleLesson`."""
    cleaned = _clean(changes)
    with transaction.atomic():
        row = _locked(lesson)
        if expected_version is not None and row.version != expected_version:
            raise StaleLesson
        differing = {name: (getattr(row, name), value) for name, value in cleaned.items()}
        differing = {name: pair for name, pair in differing.items() if pair[0] != pair[1]}
        if not differing:
            return row
        for name, (_, value) in differing.items():
            setattr(row, name, value)
        _save(row, list(differing))
        told = {name: tuple(str(value) if isinstance(value, User) else value for value in pair)
                for name, pair in differing.items()}  # fmt: skip
        _record(row, actor, "lesson.changed", told)
    return row


def move_lesson(lesson: Lesson, *, state: str, actor: Actor, reason: str = "") -> Lesson:
    """Adopt, reject, verify, or take one of these back. Raises `ValidationError` when this does not follow."""
    reason = _text(reason, MAX_WHY, "Reason")
    with transaction.atomic():
        row = _locked(lesson)
        try:
            LESSON_STATE.move(row, state, actor=actor, thread=_thread(row), reason=reason, updated=clock.now(),
                              version=row.version + 1)  # fmt: skip
        except IllegalMove:
            said = LessonState(state).label.lower() if state in LessonState.values else state[:20]
            raise ValidationError(f"A lesson that is {row.get_state_display().lower()} cannot be {said}.") from None
    return row


def link_incident(lesson: Lesson, *, incident: Incident, actor: Actor) -> None:
    """Say that the lesson is about this incident too."""
    with transaction.atomic():
        row = _locked(lesson)
        if row.incident_id == incident.pk or row.incidents.filter(pk=incident.pk).exists():
            return
        if row.incidents.count() >= MOST_INCIDENTS:
            raise ValidationError(f"A lesson is linked to at most {MOST_INCIDENTS} incidents.")
        row.incidents.add(incident)
        _save(row, [])
        audit.record("lesson.linked", subject=f"lesson:{row.pk}", thread=incident.thread, actor=actor,
                     data={"incident": incident.pk})  # fmt: skip


def unlink_incident(lesson: Lesson, *, incident: Incident, actor: Actor) -> None:
    with transaction.atomic():
        row = _locked(lesson)
        row.incidents.remove(incident)
        _save(row, [])
        audit.record("lesson.unlinked", subject=f"lesson:{row.pk}", thread=incident.thread, actor=actor,
                     data={"incident": incident.pk})  # fmt: skip


def detectors_of(incident: Incident) -> list[str]:
    """What fired: the detectors' ids, or what the alerts call themselves."""
    named = Coalesce(NullIf("detector_id", Value("")), F("title"), output_field=CharField())
    rows = Alert.objects.filter(incident=incident).annotate(named=named).order_by().values_list("named", flat=True)
    return sorted({name[:200] for name in rows.distinct()[: MAX_WORDS * 2]})[:MAX_WORDS]


def _locked(lesson: Lesson) -> Lesson:
    return Lesson.objects.select_for_update(of=("self",)).select_related("incident", "owner").get(pk=lesson.pk)


def _save(row: Lesson, names: list[str]) -> None:
    row.updated = clock.now()
    row.version += 1
    row.save(update_fields=[*names, "updated", "version"])


def _clean(values: dict[str, Any]) -> dict[str, Any]:
    if unknown := set(values) - CHANGEABLE:
        raise ValidationError(f"{min(unknown)} cannot be written.")
    cleaned = dict(values)
    for name, longest in (("what", MAX_WHAT), ("why", MAX_WHY)):
        if name in cleaned:
            cleaned[name] = _text(cleaned[name], longest, name.capitalize())
    if cleaned.get("what") == "":
        raise ValidationError({"what": "Say what is to be done differently."})
    if "category" in cleaned and cleaned["category"] not in LessonCategory.values:
        raise ValidationError({"category": "This is not one of the categories."})
    if "techniques" in cleaned:
        cleaned["techniques"] = _techniques(cleaned["techniques"])
    if "detectors" in cleaned:
        cleaned["detectors"] = _words(cleaned["detectors"], 200)
    return cleaned


def _techniques(values: Iterable[str]) -> list[str]:
    words = [word.upper() for word in _words(values, 20)]
    if wrong := [word for word in words if not _TECHNIQUE.match(word)]:
        raise ValidationError({"techniques": f"{wrong[0]!r} is not the id of a technique, such as T1059.001."})
    return words


def _words(values: Iterable[str], longest: int) -> list[str]:
    words = list(dict.fromkeys(_text(value, longest, "Words") for value in values))
    if len(words) > MAX_WORDS:
        raise ValidationError(f"At most {MAX_WORDS} of them.")
    return [word for word in words if word]


def _text(value: object, longest: int, label: str) -> str:
    text = unix_lines(str(value or "")).replace("\x00", "").strip()
    if len(text) > longest:
        raise ValidationError(f"{label}: at most {longest:,} characters, this has {len(text):,}.")
    return text


def _thread(row: Lesson) -> str:
    return row.incident.thread if row.incident else f"lesson:{row.pk}"


def _record(row: Lesson, actor: Actor, verb: str, changes: dict[str, Any]) -> None:
    audit.record(verb, subject=f"lesson:{row.pk}", thread=_thread(row), actor=actor, changes=changes)
