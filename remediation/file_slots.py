"""What the page of a file shows of this room: the devices that have it or had it, and how it stands there."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Max
from django.http import HttpRequest
from django.urls import reverse

from accounts.models import User
from incidents.models import Device, Evidence, File
from incidents.services.file_places import places_of
from incidents.services.sightings import devices_that_saw
from remediation.catalog import words
from remediation.enums import Facet
from remediation.models import ControlState, QuarantinedItem

MOST = 50
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS = {"quarantined": "ok", "present": "danger", "absent": "line"}


@dataclass(frozen=True, slots=True)
class Place:
    """One device: where the file was seen there, when last, and how it stands as far as the portal knows."""

    name: str
    url: str
    paths: list[str]
    last_seen: datetime | None
    word: str
    kind: str


def file_devices(request: HttpRequest, file: object) -> dict[str, Any] | None:
    """A card beside the facts of a file that any device in scope has or had; nothing for every other entity."""
    user = request.user
    if not isinstance(file, File) or not isinstance(user, User):
        return None
    held = QuarantinedItem.objects.visible_to(user).held().filter(file=file)
    copies = Counter(held.values_list("device_id", flat=True))
    saw = devices_that_saw(file, since=_EVER, user=user).visible_to(user)
    found = Device.objects.filter(pk__in={*saw.values_list("pk", flat=True), *copies})
    if not (total := found.count()):
        return None
    shown = list(found.order_by("-last_seen", "pk")[:MOST])
    return {"places": _places(file, shown, copies, user), "total": total, "more": total - len(shown)}


def _places(file: File, devices: list[Device], copies: Counter[int], user: User) -> list[Place]:
    """No alert that the person may not see adds a word."""
    ids = {one.pk for one in devices}
    paths = places_of(file, ids, since=_EVER, user=user)
    known = Evidence.objects.visible_to(user).filter(file=file, device__in=ids)
    seen = known.values("device_id").annotate(at=Max("alert__last_activity"))
    last = {row["device_id"]: row["at"] for row in seen}
    states = ControlState.objects.filter(
        target_kind="device", target_id__in=ids, facet=Facet.FILES, facet_key=file.key
    ).exclude(observed="")
    observed = dict(states.values_list("target_id", "observed"))
    return [
        Place(str(one), reverse("incidents:device", args=[one.pk]), paths.get(one.pk, [])[:3], last.get(one.pk),
              *_standing(copies[one.pk], observed.get(one.pk, "")))
        for one in devices
    ]  # fmt: skip


def _standing(copies: int, observed: str) -> tuple[str, str]:
    """What the device said last is newer than what the list of quarantine says."""
    if copies and observed in ("", "quarantined"):
        return (f"{copies} copies in quarantine" if copies > 1 else "In quarantine"), "ok"
    return (words.said(observed).capitalize(), _KINDS.get(observed, "")) if observed else ("Seen", "line")
