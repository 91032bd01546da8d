"""Where copies of a file lie on devices, and which of them a device took away without an order."""

from datetime import datetime

from accounts.models import User
from incidents.models import Device, File, Identity, Mailbox
from incidents.services.file_places import MOST_PLACES, places_of
from remediation.enums import FindingState
from remediation.models import QuarantinedItem, SweepFinding
from remediation.refused import Refused

# Of one device at once: an agent gives back no more, and refuses the whole.
MOST_GIVEN_BACK, MOST_DIGITS = 200, 18


def places_on(file: File, devices: set[int], *, since: datetime) -> dict[int, list[str]]:
    """Device -> where the file lies: first where a sweep found it or it was taken from, then what alerts told."""
    found = SweepFinding.objects.filter(file=file, device__in=devices, where__startswith="/")
    swept: dict[int, list[str]] = {}
    for device, where in (
        found.exclude(state=FindingState.REMOVED).order_by("-last_seen").values_list("device_id", "where")
    ):
        swept.setdefault(device, []).append(where)
    taken = QuarantinedItem.objects.filter(file=file, device__in=devices, path__startswith="/").order_by("pk")
    for device, path in taken.values_list("device_id", "path"):
        swept.setdefault(device, []).append(path)
    told = places_of(file, devices, since=since, placed=swept)
    return {pk: list(dict.fromkeys([*swept.get(pk, []), *told.get(pk, [])]))[:MOST_PLACES] for pk in {*swept, *told}}


def copy_named(file: File, number: str, user: User | None) -> QuarantinedItem:
    """The one copy in quarantine that is meant; who does not see it hears of none."""
    held = QuarantinedItem.objects.held().filter(file=file).exclude(item="").select_related("run")
    seen = held if user is None else held.visible_to(user)
    is_id = number.isascii() and number.isdigit() and len(number) <= MOST_DIGITS
    found = seen.filter(pk=int(number)).first() if is_id else None
    if found is None:
        raise Refused("nothing_to_do", f"{file} has no copy of this number in quarantine.")
    return found


def is_last_of_its_run(copy: QuarantinedItem) -> bool:
    """Whether nothing else of what its run took there is still held: then giving it back takes the run back."""
    return copy.run_id is not None and not (
        QuarantinedItem.objects.held().filter(run=copy.run_id).exclude(pk=copy.pk).exists()
    )


def taken_by_itself(whole: File | Device | Identity | Mailbox) -> dict[int, list[str]]:
    """Device -> the copies of the file that it took without an order, by its own names for them, as many as it gives
    back at once; of more the rest is asked for after them."""
    if not isinstance(whole, File):
        return {}
    found: dict[int, list[str]] = {}
    held = QuarantinedItem.objects.held().by_itself().filter(file=whole).order_by("pk")
    for device, item in held.values_list("device_id", "item"):
        items = found.setdefault(device, [])
        if len(items) < MOST_GIVEN_BACK:
            items.append(item)
    return found
