"""A review that was begun goes where its incident went."""

from reviews.enums import ReviewState
from reviews.models import Review


def incident_merged(*, source_id: int, target_id: int) -> None:
    """Listener of `incident.merged`. A target that has a review keeps its own; a signed one is never changed."""
    if not Review.objects.filter(incident=target_id).exists():
        Review.objects.filter(incident=source_id, state=ReviewState.DRAFT).update(incident=target_id)
