"""What reviews show on earlier pages."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from accounts.models import User
from incidents.models import Incident


def incident_tab(request: HttpRequest, incident: Incident) -> dict[str, Any] | None:
    """The Review tab leads to the sheet; none for a person who sees a part of the incident only."""
    user = request.user
    if not isinstance(user, User):
        return None
    whole = user.scope.everything or set(incident.device_group_ids) <= user.scope.group_ids
    return {"label": "Review", "url": reverse("reviews:review", args=[incident.pk])} if whole else None
