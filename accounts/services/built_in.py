"""The built-in roles and the default device group; they can be neither edited nor deleted."""

from typing import Any

from accounts.models import DeviceGroup, Role
from accounts.roles import BUILT_IN

DEFAULT_GROUP_NAME = "Ungrouped devices (default)"
LAST_RANK = 1_000_000


def lay_down_built_ins(**_signal: Any) -> None:
    """Make what is missing and set the built-in roles to what the code says."""
    for key, permissions in BUILT_IN.items():
        Role.objects.update_or_create(
            key=key.value, defaults={"name": key.label, "permissions": list(permissions), "built_in": True}
        )
    DeviceGroup.objects.get_or_create(is_default=True, defaults={"name": DEFAULT_GROUP_NAME, "rank": LAST_RANK})
