"""What became known after the signature is added below it; the signed document stays as it is."""

import hashlib
import json
from datetime import UTC

from django.core.exceptions import ValidationError
from django.db import transaction

from core import audit, clock
from core.actors import Actor
from core.wording import unix_lines
from incidents.services.announce import announce_incident
from reviews.enums import ReviewState
from reviews.models import Addendum, Review

MOST, LONGEST = 50, 10_000


def add_addendum(review: Review, *, text: str, actor: Actor) -> Addendum:
    """Sign an addendum. Raises `ValidationError` when the review is not signed: then it can still be written."""
    cleaned = unix_lines(text).replace("\x00", "").strip()
    if not cleaned or len(cleaned) > LONGEST:
        raise ValidationError(f"1 to {LONGEST:,} characters.")
    with transaction.atomic():
        row = Review.objects.select_for_update().select_related("incident").get(pk=review.pk)
        if row.state != ReviewState.SIGNED:
            raise ValidationError("The review is not signed: change the review itself.")
        if row.addenda.count() >= MOST:
            raise ValidationError(f"A review has at most {MOST} addenda.")
        found = Addendum(review=row, text=cleaned, author=actor.as_json(), at=clock.now())
        found.digest = digest_of(found)
        found.save()
        audit.record("review.addendum", subject=f"review:{row.pk}", thread=row.incident.thread, actor=actor,
                     data={"sha256": found.digest})  # fmt: skip
        announce_incident(row.incident, topic="review.changed")
    return found


def digest_of(addendum: Addendum) -> str:
    """SHA-256 over the signed snapshot's digest, the digest of the addendum before, words, author and time."""
    before = Addendum.objects.filter(review=addendum.review)
    if addendum.pk:
        before = before.filter(pk__lt=addendum.pk)
    last = before.order_by("-pk").values_list("digest", flat=True).first()
    at = addendum.at.astimezone(UTC).isoformat(timespec="microseconds")
    parts = [addendum.review.snapshot_sha256, last or "", addendum.text, addendum.author, at]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def is_true(addendum: Addendum) -> bool:
    """Whether the row still is what was signed."""
    return digest_of(addendum) == addendum.digest
