"""Writing a review. A signed one is never changed; its follow-ups go on."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from core import audit, clock
from core.actors import Actor
from core.wording import unix_lines
from incidents.models import Incident
from incidents.services.announce import announce_incident
from reviews.enums import FindingKind, ReviewState
from reviews.models import Finding, Review

WRITABLE = frozenset({"summary", "lessons"})
LONGEST = 20_000
MOST_FINDINGS = 50


class AlreadySigned(Exception):
    """The review is frozen."""


class StaleReview(Exception):
    """Somebody else saved the review since it was read."""


def open_review(incident: Incident, *, actor: Actor) -> Review:
    """The review of an incident, begun when there is none yet."""
    with transaction.atomic():
        review, created = Review.objects.get_or_create(incident=incident, defaults={"written_by": actor.as_json()})
        if created:
            audit.record("review.begun", subject=f"review:{review.pk}", thread=incident.thread, actor=actor)
    return review


def write_review(
    review: Review, *, changes: dict[str, Any], actor: Actor, expected_version: int | None = None
) -> Review:
    """Change summary or lessons. Raises `StaleReview` when `expected_version` is not the stored one."""
    unknown = set(changes) - WRITABLE
    if unknown:
        raise ValidationError(dict.fromkeys(unknown, "This cannot be written."))
    with transaction.atomic():
        row = _unsigned(review)
        if expected_version is not None and row.version != expected_version:
            raise StaleReview
        changed = {name: (getattr(row, name), _clean(name, text)) for name, text in changes.items()}
        changed = {name: pair for name, pair in changed.items() if pair[0] != pair[1]}
        for name, (_, new) in changed.items():
            setattr(row, name, new)
        if changed:
            _save(row, actor, "review.written", changed)
    return row


def add_finding(review: Review, *, kind: FindingKind, text: str, actor: Actor) -> Finding:
    """Note one thing that went well or badly."""
    with transaction.atomic():
        row = _unsigned(review)
        if row.findings.count() >= MOST_FINDINGS:
            raise ValidationError(f"A review holds at most {MOST_FINDINGS} findings.")
        finding = Finding.objects.create(review=row, kind=kind, text=_clean("text", text, 500, required=True))
        _save(row, actor, "review.finding_added", {"finding": (None, f"{kind.label}: {finding.text}")})
    return finding


def remove_finding(review: Review, *, finding_id: int, actor: Actor) -> None:
    """Take a finding back; one of another review is not found."""
    with transaction.atomic():
        row = _unsigned(review)
        finding = row.findings.get(pk=finding_id)
        finding.delete()
        _save(row, actor, "review.finding_removed", {"finding": (finding.text, None)})


def _unsigned(review: Review) -> Review:
    row = Review.objects.select_for_update().select_related("incident").get(pk=review.pk)
    if row.state == ReviewState.SIGNED:
        raise AlreadySigned
    return row


def _save(row: Review, actor: Actor, verb: str, changes: dict[str, Any]) -> None:
    row.updated = clock.now()
    row.version += 1
    row.written_by = actor.as_json()
    row.save()
    audit.record(verb, subject=f"review:{row.pk}", thread=row.incident.thread, actor=actor, changes=changes)
    announce_incident(row.incident, topic="review.changed")


def _clean(name: str, text: Any, longest: int = LONGEST, *, required: bool = False) -> str:
    cleaned = unix_lines(str(text)).replace("\x00", "").strip()
    if len(cleaned) > longest:
        raise ValidationError({name: f"At most {longest:,} characters; this has {len(cleaned):,}."})
    if required and not cleaned:
        raise ValidationError({name: "Write something."})
    return cleaned
