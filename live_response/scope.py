"""Which devices the sessions of an incident tell of, for whoever may read all of it or nothing."""

from typing import Any

from django.db.models import QuerySet

from incidents.models import Device
from live_response.models import LiveSession


def sessions_beyond(seen: QuerySet[Device, Any]) -> QuerySet[Any, Any]:
    """Incidents with a session on a device that is not among `seen`."""
    return LiveSession.objects.exclude(incident=None).exclude(device__in=seen.values("pk")).values("incident")
