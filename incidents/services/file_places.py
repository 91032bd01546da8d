"""Where on each device a file was seen to lie, as alerts told it."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count, Min

from accounts.models import User
from incidents.models import Evidence, File

# Of one device; more places than these are no places but a plague, and processes are found by content anyway.
MOST_PLACES = 200


def places_of(
    file: File, devices: Collection[int], *, since: datetime, user: User | None = None, placed: Collection[int] = ()
) -> dict[int, list[str]]:
    """Device -> full paths, the newest first. Evidence without a device counts for the only device of its alert. What
    `user` is told comes from alerts that this person may see. Where the file was first seen, on whichever device, is a
    guess for one of which no place is known; of `placed` one is known from elsewhere."""
    known = Evidence.objects.all() if user is None else Evidence.objects.visible_to(user)
    seen = known.filter(file=file, alert__last_activity__gte=since).order_by("-alert__last_activity", "-pk")
    single = _single_devices(seen.filter(device=None).values("alert_id"))
    found: dict[int, list[str]] = {}
    for device, alert, data in seen.values_list("device_id", "alert_id", "data").iterator(chunk_size=2_000):
        where = device or single.get(alert)
        if where is None or where not in devices:
            continue
        places = found.setdefault(where, [])
        places += [path for path in paths_in(data) if path not in places and len(places) < MOST_PLACES]
    if _is_place(path := path_of(file)):
        found |= {device: [path] for device in devices if device not in placed and not found.get(device)}
    return found


def paths_in(data: Mapping[str, Any]) -> list[str]:
    """Full paths in what a source told of a file or a process."""
    found = []
    for told in (data, data.get("fileDetails"), data.get("imageFile")):
        if not isinstance(told, Mapping):
            continue
        path, name = str(told.get("path") or told.get("filePath") or ""), str(told.get("fileName") or "")
        found.append(_whole(path, [name] if name else []))
    return [path for path in found if _is_place(path)]


def path_of(file: File) -> str:
    """Where the file was first seen, with its name at the end."""
    return _whole(file.path, [one for one in (file.display_name, *file.names) if one])


def _whole(path: str, names: Sequence[str]) -> str:
    """Some sources tell of the folder, others of the file: the first of its names is put behind a path that ends in
    none of them."""
    between = "\\" if re.match(r"[A-Za-z]:", path) else "/"
    last = path.rpartition(between)[2].lower()
    if not path or not names or between in names[0] or last in {one.lower() for one in names}:
        return path
    return f"{path.rstrip(between)}{between}{names[0]}"


def _is_place(path: str) -> bool:
    return path.startswith("/") and len(path) <= 1_000 and "\x00" not in path


def _single_devices(alerts: Any) -> dict[int, int]:
    named = Evidence.objects.filter(alert_id__in=alerts).exclude(device=None).values("alert_id")
    counted = named.annotate(devices=Count("device_id", distinct=True), one=Min("device_id")).filter(devices=1)
    return dict(counted.values_list("alert_id", "one"))
