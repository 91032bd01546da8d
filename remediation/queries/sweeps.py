from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.db import models

from remediation.enums import FindingState, SweepState

if TYPE_CHECKING:
    from accounts.models import User
    from remediation.models import Sweep, SweepFinding  # noqa: F401 - named in the base classes


def _incidents(user: "User") -> Any:
    incidents: Any = apps.get_model("incidents", "Incident")._default_manager.all()
    return incidents.visible_to(user).values("pk")


def _devices(user: "User") -> Any:
    devices: Any = apps.get_model("incidents", "Device")._default_manager.all()
    return devices.visible_to(user).values("pk")


class SweepQuerySet(models.QuerySet["Sweep"]):
    def visible_to(self, user: "User") -> Self:
        """Of incidents that this person sees; of their devices only those in scope are shown."""
        return self.filter(incident__in=_incidents(user)) if user.holds("security_data.read") else self.none()

    def open(self) -> Self:
        return self.exclude(state=SweepState.FINISHED)


class FindingQuerySet(models.QuerySet["SweepFinding"]):
    def visible_to(self, user: "User") -> Self:
        """On devices in scope, in incidents that this person sees."""
        if not user.holds("security_data.read"):
            return self.none()
        return self.filter(incident__in=_incidents(user), device__in=_devices(user))

    def still_there(self) -> Self:
        return self.exclude(state=FindingState.REMOVED)
