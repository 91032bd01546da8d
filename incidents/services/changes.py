"""Checking what a person wants to change on an incident or alert, before anything is touched."""

from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import ValidationError

from accounts.models import User
from core.wording import unix_lines
from incidents.enums import (
    DETERMINATIONS,
    AlertStatus,
    Classification,
    Determination,
    IncidentStatus,
    Severity,
)

MAX_TAGS, MAX_TAG, MAX_NAME, MAX_TEXT = 30, 80, 300, 30_000
SETTABLE_STATUS = (IncidentStatus.ACTIVE, IncidentStatus.IN_PROGRESS, IncidentStatus.AWAITING_ACTION,
                   IncidentStatus.RESOLVED)  # fmt: skip
SETTABLE_ALERT_STATUS = (AlertStatus.NEW, AlertStatus.IN_PROGRESS, AlertStatus.RESOLVED)


def plain_text(value: object, *, limit: int, label: str, required: bool = False) -> str:
    """Text of a person without NUL, line ends as LF; raises `ValidationError` when it is too long or missing."""
    text = unix_lines(str(value or "")).replace("\x00", "").strip()
    if required and not text:
        raise ValidationError(f"{label}: not empty.")
    if len(text) > limit:
        raise ValidationError(f"{label}: at most {limit:,} characters, this has {len(text):,}.")
    return text


def clean_tags(value: object) -> list[str]:
    """At most 30 tags of 80 characters; the first spelling of a tag wins."""
    if not isinstance(value, list | tuple | set):
        raise ValidationError("Tags: a list is needed.")
    tags: dict[str, str] = {}
    for raw in value:
        tag = plain_text(raw, limit=MAX_TAG, label="Tag")
        if tag:
            tags.setdefault(tag.casefold(), tag)
    if len(tags) > MAX_TAGS:
        raise ValidationError(f"Tags: at most {MAX_TAGS}.")
    return list(tags.values())


def one_of(value: object, allowed: tuple[Any, ...], label: str) -> str:
    known = [str(item.value) for item in allowed]
    if str(value) not in known:
        raise ValidationError(f"{label}: {str(value)[:40]!r} is not one of {', '.join(known)}.")
    return str(value)


def _owner(value: object) -> User | None:
    if value is None:
        return None
    if not isinstance(value, User) or not value.is_active:
        raise ValidationError("Owner: an active user is needed.")
    return value


CLEANERS: Mapping[str, Callable[[Any], Any]] = {
    "display_name": lambda value: plain_text(value, limit=MAX_NAME, label="Name", required=True),
    "description": lambda value: plain_text(value, limit=MAX_TEXT, label="Description"),
    "resolving_comment": lambda value: plain_text(value, limit=MAX_TEXT, label="Resolution note"),
    # None hands the severity back to the roll-up of the alerts.
    "severity": lambda value: None if value is None else one_of(value, tuple(Severity), "Severity"),
    "custom_tags": clean_tags,
    "assigned_to": _owner,
    "classification": lambda value: one_of(value, tuple(Classification), "Classification"),
    "determination": lambda value: one_of(value, tuple(Determination), "Determination"),
}


def clean_changes(changes: Mapping[str, Any], *, allowed: frozenset[str], statuses: tuple[Any, ...]) -> dict[str, Any]:
    """The changes in their kinds. Raises `ValidationError` naming the first field that does not hold."""
    cleaned = {}
    for name, value in changes.items():
        if name not in allowed:
            raise ValidationError(f"{name} cannot be changed.")
        cleaned[name] = one_of(value, statuses, "Status") if name == "status" else CLEANERS[name](value)
    return cleaned


def fit_determination(current: Any, wanted: dict[str, Any]) -> None:
    """Hold the matrix: a determination belongs to its classification; "not set" goes with each.

    A new classification drops a determination that it does not know; naming a wrong pair is an error.
    """
    if "classification" not in wanted and "determination" not in wanted:
        return
    classification = wanted.get("classification", current.classification)
    determination = wanted.get("determination", current.determination)
    if determination == Determination.UNKNOWN or determination in DETERMINATIONS[classification]:
        return
    if "determination" in wanted:
        raise ValidationError(
            f"{Determination(determination).label} is not a determination of "
            f"{Classification(classification).label.lower()}."
        )
    wanted["determination"] = Determination.UNKNOWN.value
