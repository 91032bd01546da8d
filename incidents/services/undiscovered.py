"""An address that no known device has is a device that nobody has discovered yet: it gets a row of its own, so that
what is done about it has a place."""

from django.db import transaction

from core import audit, clock
from core.actors import Actor
from incidents.models import Device
from incidents.services.facts import DeviceFacts
from incidents.services.resolve_entities import resolve_devices

PREFIX = "ip:"
CATEGORY = "undiscovered"


def devices_at(address: str, *, exercise: str) -> list[Device]:
    """The devices that are known to have this address, the one that was heard of last first."""
    found = Device.objects.filter(ip_addresses__contains=[address], exercise=exercise)
    return list(found.order_by("-last_seen", "-pk")[:10])


def discover(address: str, *, exercise: str, actor: Actor) -> Device:
    """The row for what is at this address; asked for twice it is the same one."""
    facts = DeviceFacts(ids=(PREFIX + address,), ip_addresses=(address,), category=CATEGORY)
    with transaction.atomic():
        known = resolve_devices([facts], at=clock.now(), exercise=exercise)[0]
        device = Device.objects.select_for_update().get(pk=known.id or 0)
        if device.display_name == facts.key:
            device.display_name = address
            device.save(update_fields=["display_name"])
            audit.record("device.discovered", subject=f"device:{device.pk}", actor=actor, data={"address": address})
    return device
