"""On which devices a file was seen."""

from datetime import datetime

from django.db.models import Count

from incidents.models import Device, Evidence, File
from incidents.queries.entities import DeviceQuerySet


def devices_that_saw(file: File, *, since: datetime) -> DeviceQuerySet:
    """Devices on which an alert since then saw the file.

    Evidence that names file and device counts as it is. Where the file stands alone, its alert's device counts only
    when the alert names exactly one: guessing among several would act on the wrong machine.
    """
    seen = Evidence.objects.filter(file=file, alert__last_activity__gte=since)
    alone = seen.filter(device=None).values("alert_id")
    single = (
        Evidence.objects.filter(alert_id__in=alone)
        .exclude(device=None)
        .values("alert_id")
        .annotate(devices=Count("device_id", distinct=True))
        .filter(devices=1)
        .values("alert_id")
    )
    direct = seen.exclude(device=None).values("device_id")
    through_alert = Evidence.objects.filter(alert_id__in=single).exclude(device=None).values("device_id")
    return Device.objects.filter(pk__in=direct.union(through_alert))
