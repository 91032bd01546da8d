"""On which devices a file was seen, and in which mailboxes a message."""

from collections.abc import Collection
from datetime import datetime

from django.db.models import Count, Min

from incidents.models import Device, Evidence, File
from incidents.queries.entities import DeviceQuerySet

MESSAGE = "message:"


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


def files_seen_on(devices: Collection[int]) -> dict[int, dict[str, str]]:
    """Device -> key and name of the files seen on it, by the rule of `devices_that_saw`."""
    found: dict[int, dict[str, str]] = {}
    named = Evidence.objects.filter(device__in=devices)
    direct = named.exclude(file=None).values_list("device_id", "file__key", "file__display_name")
    single = (
        Evidence.objects.filter(alert_id__in=named.values("alert_id"))
        .exclude(device=None)
        .values("alert_id")
        .annotate(devices=Count("device_id", distinct=True), one=Min("device_id"))
        .filter(devices=1)
    )
    of_alert = dict(single.values_list("alert_id", "one"))
    alone = Evidence.objects.filter(alert_id__in=of_alert, device=None).exclude(file=None)
    through = alone.values_list("alert_id", "file__key", "file__display_name")
    for device, key, name in [*direct, *((of_alert[alert], key, name) for alert, key, name in through)]:
        found.setdefault(device, {})[key] = name
    return found


def messages_seen_in(mailboxes: Collection[int]) -> dict[int, dict[str, str]]:
    """Mailbox -> id and subject of the messages that alerts named in it."""
    found: dict[int, dict[str, str]] = {}
    rows = Evidence.objects.filter(mailbox__in=mailboxes, key__startswith=MESSAGE)
    for mailbox, key, subject in rows.values_list("mailbox_id", "key", "display"):
        found.setdefault(mailbox, {})[key.removeprefix(MESSAGE)] = subject
    return found
