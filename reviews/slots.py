"""What reviews show on earlier pages."""

from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse

from accounts import keys
from accounts.models import User
from incidents.models import Incident
from reviews.due import ready_to_sign
from reviews.enums import LessonState
from reviews.models import Lesson
from reviews.services.lessons import detectors_of

MOST_LESSONS, MOST_FOUND = 2, 22
MOST_SIGNED = 10


def incident_tab(request: HttpRequest, incident: Incident) -> dict[str, Any] | None:
    """The Review tab leads to the sheet; none for a person who sees a part of the incident only."""
    user = request.user
    if not isinstance(user, User):
        return None
    whole = user.scope.everything or Incident.objects.wholly_visible_to(user).filter(pk=incident.pk).exists()
    return {"label": "Review", "url": reverse("reviews:review", args=[incident.pk])} if whole else None


def signatures(request: HttpRequest, user: User) -> dict[str, Any] | None:
    """The reviews that this person can sign now, the oldest close first."""
    if not user.holds(keys.SIGN_REVIEWS):
        return None
    ready = ready_to_sign(user)
    rows = list(ready.order_by("resolved", "pk")[:MOST_SIGNED])
    return {"rows": rows, "more": ready.count() - MOST_SIGNED if len(rows) == MOST_SIGNED else 0} if rows else None


def lessons_of_before(request: HttpRequest, incident: Incident) -> dict[str, Any] | None:
    """What was learned before this incident began and shares techniques or detectors with it, most of them first."""
    user = request.user
    if not isinstance(user, User):
        return None
    known = Lesson.objects.visible_to(user).filter(created__lt=incident.created)
    known = known.exclude(state=LessonState.REJECTED).exclude(incident=incident.pk)
    if not known.exists():
        return None
    signs = {*incident.mitre_techniques, *detectors_of(incident)}
    alike = Q(techniques__overlap=list(signs)) | Q(detectors__overlap=list(signs))
    found = list(known.filter(alike).select_related("incident").order_by("-updated", "-pk")[:MOST_FOUND])
    found.sort(key=lambda one: len(signs.intersection([*one.techniques, *one.detectors])), reverse=True)
    return {"lessons": found[:MOST_LESSONS], "more": found[MOST_LESSONS:]} if found else None
