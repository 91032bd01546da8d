"""Fetching and authorising in one line: a review is reached through its incident."""

from django.shortcuts import get_object_or_404

from accounts.models import User
from incidents.models import Incident
from reviews.models import Review


def incident_for(user: User, incident_id: int) -> Incident:
    """The incident, when this person may see the whole of it; else 404."""
    return get_object_or_404(Incident.objects.wholly_visible_to(user).select_related("assigned_to"), pk=incident_id)


def review_for(user: User, incident_id: int) -> Review:
    """The review of an incident this person may see; else 404."""
    return get_object_or_404(Review.objects.visible_to(user).select_related("incident"), incident=incident_id)
