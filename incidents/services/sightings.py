"""On which devices a file was seen, and in which mailboxes a message."""

from collections.abc import Callable, Collection
from datetime import datetime

from django.db.models import Count, Min, QuerySet

from accounts.models import User
from incidents.models import Device, Evidence, File
from incidents.queries.entities import DeviceQuerySet

MESSAGE = "message:"
# Where else a file may have been seen: answers devices for a file, a time and whoever is told of it.
Finder = Callable[[File, datetime, User | None], QuerySet[Device]]
# A later room puts its own here.
_elsewhere: list[Finder] = []


def also_seen_on(find: Finder) -> None:
    """Let `devices_that_saw` tell of what a later room has seen. Called when the portal starts."""
    _elsewhere.append(find)


def devices_that_saw(file: File, *, since: datetime, user: User | None = None) -> DeviceQuerySet:
    """Devices on which an alert since then saw the file; what `user` is told comes from alerts that this person may see
    alone.

    Evidence that names file and device counts as it is. Where the file stands alone, its alert's device counts only
    when the alert names exactly one: guessing among several would act on the wrong machine.
    """
    known = Evidence.objects.all() if user is None else Evidence.objects.visible_to(user)
    seen = known.filter(file=file, alert__last_activity__gte=since)
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
    elsewhere = [find(file, since, user).order_by().values("pk") for find in _elsewhere]
    return Device.objects.filter(pk__in=direct.union(through_alert, *elsewhere))


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
