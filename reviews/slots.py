"""What reviews show on earlier pages."""

from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse

from accounts.models import User
from incidents.models import Incident
from reviews.enums import LessonState
from reviews.models import Lesson
from reviews.services.lessons import detectors_of

MOST_LESSONS = 3


def incident_tab(request: HttpRequest, incident: Incident) -> dict[str, Any] | None:
    """The Review tab leads to the sheet; none for a person who sees a part of the incident only."""
    user = request.user
    if not isinstance(user, User):
        return None
    whole = user.scope.everything or set(incident.device_group_ids) <= user.scope.group_ids
    return {"label": "Review", "url": reverse("reviews:review", args=[incident.pk])} if whole else None


def lessons_of_before(request: HttpRequest, incident: Incident) -> dict[str, Any] | None:
    """What was learned before this incident began and shares a technique or a detector with it."""
    user = request.user
    if not isinstance(user, User):
        return None
    known = Lesson.objects.visible_to(user).filter(created__lt=incident.created)
    known = known.exclude(state=LessonState.REJECTED).exclude(incident=incident.pk)
    if not known.exists():
        return None
    alike = Q(techniques__overlap=incident.mitre_techniques) | Q(detectors__overlap=detectors_of(incident))
    found = list(known.filter(alike).select_related("incident").order_by("-updated", "-pk")[: MOST_LESSONS + 20])
    if not found:
        return None
    return {"lessons": found[:MOST_LESSONS], "more": max(0, len(found) - MOST_LESSONS)}
