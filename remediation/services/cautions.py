"""What somebody should know before they confirm: about this target, as it is now."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from core import options
from core.options import Option
from core.wording import counted
from incidents.models import Device
from remediation.catalog import Action
from remediation.catalog.containment import KEY as CONTAIN
from remediation.models import ControlState
from remediation.policy import Target

MOST_CONTAINED = 100
WIDE = options.declare(
    Option(
        "response.wide_file_devices",
        50,
        "Response: a file action on so many devices or more warns that the file is widely used",
        minimum=2,
        maximum=1_000,
    )
)
NO_EXCLUSION = "No isolation exclusion concerns it: a selective isolation cuts as much as a full one."
_NETWORK_GEAR = ("router", "gateway", "switch", "firewall", "network")


@dataclass(frozen=True, slots=True)
class Intended:
    """What would be done, or was asked for: `arguments` with what was written down beside them, `touched` counts the
    devices of an action on many."""

    action: Action
    target: Target
    arguments: Mapping[str, Any]
    simulated: bool
    touched: int


def cautions(deed: Intended) -> list[str]:
    tell = _CAUTIONS.get(deed.action.key)
    return [*_wide(deed), *(tell(deed) if tell else [])]


def _wide(deed: Intended) -> list[str]:
    if deed.action.key != "file.quarantine" or deed.touched < options.get(WIDE.key):
        return []
    return [f"Widely used: {deed.touched:,} devices have this file. Make sure that it is what you take it for."]


def _isolation(deed: Intended) -> list[str]:
    device = deed.target
    if not isinstance(device, Device) or deed.simulated:
        return []
    told = []
    if deed.arguments.get("isolation_type") == "selective":
        rules = "; ".join(f"{one['name']} ({one['in_words']})" for one in deed.arguments.get("exclusions", ()))
        told.append(f"It leaves open: {rules}." if rules else NO_EXCLUSION)
    told.append(
        "Whether it reaches the portal through a VPN or a proxy is not known here: the agent tries the portal through "
        "the rules and takes them back by itself when it is cut off from it."
    )
    return told


def _restriction(deed: Intended) -> list[str]:
    device = deed.target
    if not isinstance(device, Device) or deed.simulated:
        return []
    kept = deed.arguments
    folders = ", ".join(kept.get("folders", ()))
    signers = counted(len(kept["signers"]), "key") if kept.get("signers") else ""
    told = [f"Trusted besides the packages: {folders or 'no folder'}; {signers or 'no key'} of signers."]
    watched = ControlState.objects.filter(
        target_kind="device", target_id=device.pk, facet=deed.action.facet, observed="audited"
    )
    if deed.arguments.get("mode") == "restricted" and not watched.exists():
        told.append("It was not watched yet: what enforcing would refuse here is not known. Watch first to see it.")
    return told


def _containment(deed: Intended) -> list[str]:
    device = deed.target
    if not isinstance(device, Device):
        return []
    told = []
    shared = Device.objects.filter(ip_addresses__overlap=device.ip_addresses).exclude(pk=device.pk)
    if names := [str(one) for one in shared[:3]]:
        told.append(f"Its address is also that of {', '.join(names)}: traffic with them is cut as well.")
    words = " ".join([device.category, device.display_name, *device.tags]).lower()
    if device.is_hub or any(word in words for word in _NETWORK_GEAR):
        told.append("It looks like network gear: many devices may lose their connections.")
    facets = ControlState.objects.filter(Q(desired="contained") | Q(observed="contained"), facet=deed.action.facet)
    number = facets.values("facet_key").distinct().count()
    if number >= MOST_CONTAINED:
        told.append(f"{number:,} devices are contained already; agents hold {MOST_CONTAINED} at most.")
    return told


def _offboarding(deed: Intended) -> list[str]:
    return ["It cannot be undone. What is isolated or contained through it ends now."]


_CAUTIONS: dict[str, Callable[[Intended], list[str]]] = {
    "device.isolate": _isolation,
    "device.restrict_execution": _restriction,
    "device.offboard": _offboarding,
    CONTAIN: _containment,
}
