"""Which devices the work on an incident tells of, for whoever may read all of it or nothing."""

from typing import Any

from django.db.models import QuerySet

from incidents.enums import EntityKind
from incidents.models import Device
from remediation.models import ActionRun, Recovery


def runs_beyond(seen: QuerySet[Device, Any]) -> QuerySet[Any, Any]:
    """Incidents with an action on a device that is not among `seen`. Parts of a whole are not told one by one."""
    told = ActionRun.objects.exclude(incident=None).filter(parent=None, target_kind=EntityKind.DEVICE.value)
    return told.exclude(target_id__in=seen.values("pk")).values("incident")


def recoveries_beyond(seen: QuerySet[Device, Any]) -> QuerySet[Any, Any]:
    """Incidents in which a device that is not among `seen` is brought back to work."""
    return Recovery.objects.exclude(device__in=seen.values("pk")).values("incident")
