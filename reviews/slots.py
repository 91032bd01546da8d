"""What reviews show on earlier pages."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from incidents.models import Incident


def incident_tab(request: HttpRequest, incident: Incident) -> dict[str, Any]:
    """The Review tab of an incident leads to its sheet."""
    return {"label": "Review", "url": reverse("reviews:review", args=[incident.pk])}
