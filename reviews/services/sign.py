"""Signing freezes the report with its figures; later changes to the incident do not change it."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from core import audit, clock
from core.actors import Actor
from incidents.services.announce import announce_incident
from reviews.enums import ReviewState
from reviews.models import Review
from reviews.report import as_stored, build_report, digest_of, missing_parts, zone_called
from reviews.services.write import AlreadySigned


def _frozen(review: Review, signer: Actor, zone: str) -> dict[str, Any]:
    """The report as it stands, with the one who signs among the people."""
    report = build_report(review)
    people = list(dict.fromkeys([*report["people"], signer.name]))
    return {**report, "people": people, "zone": zone_called(zone).key}


def sign_review(review: Review, *, actor: Actor, zone: str = "") -> Review:
    """Freeze and sign; the document tells its times in the signer's `zone` (empty or unknown: UTC).

    Raises `ValidationError` naming what is missing, `AlreadySigned` when it is signed.
    """
    with transaction.atomic():
        row = Review.objects.select_for_update().select_related("incident").get(pk=review.pk)
        if row.state == ReviewState.SIGNED:
            raise AlreadySigned
        missing = missing_parts(row)
        if missing:
            raise ValidationError(missing)
        row.signed_at, row.signed_by = clock.now(), actor.as_json()
        row.snapshot = as_stored(_frozen(row, actor, zone))
        row.snapshot_sha256 = digest_of(row.snapshot)
        row.state = ReviewState.SIGNED
        row.version += 1
        row.save()
        audit.record(
            "review.signed",
            subject=f"review:{row.pk}",
            thread=row.incident.thread,
            actor=actor,
            changes={"state": (ReviewState.DRAFT, ReviewState.SIGNED)},
            data={"snapshot_sha256": row.snapshot_sha256},
        )
        announce_incident(row.incident, topic="review.changed")
    return row
