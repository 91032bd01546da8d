from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from accounts.models import User
    from remediation.models import Custody, QuarantinedItem  # noqa: F401 - named in the base classes


class CustodyQuerySet(models.QuerySet["Custody"]):
    def visible_to(self, user: "User") -> Self:
        """What a run brought is seen by whoever sees the run; everything else with its device and incident."""
        if not user.holds("security_data.read"):
            return self.none()
        incidents: Any = apps.get_model("incidents", "Incident")._default_manager.all()
        devices: Any = apps.get_model("incidents", "Device")._default_manager.all()
        runs: Any = apps.get_model("remediation", "ActionRun")._default_manager.all()
        seen_incident = Q(incident=None) | ~Q(incident__in=incidents.hidden_from(user).values("pk"))
        on_device = Q(run=None, device__in=devices.visible_to(user).values("pk")) & seen_incident
        without = Q(run=None, device=None, incident__in=incidents.visible_to(user).values("pk"))
        found = Q(run__in=runs.visible_to(user).values("pk")) | on_device | without
        if user.scope.everything:
            found |= Q(run=None, device=None, incident=None)
        return self.filter(found)


class QuarantinedQuerySet(models.QuerySet["QuarantinedItem"]):
    def visible_to(self, user: "User") -> Self:
        """On devices in scope, by runs that this person sees, or by the device itself."""
        if not user.holds("security_data.read"):
            return self.none()
        devices: Any = apps.get_model("incidents", "Device")._default_manager.all()
        runs: Any = apps.get_model("remediation", "ActionRun")._default_manager.all()
        by_run = Q(run=None) | Q(run__in=runs.visible_to(user).values("pk"))
        return self.filter(by_run, device__in=devices.visible_to(user).values("pk"))

    def held(self) -> Self:
        return self.filter(released=None)

    def by_itself(self) -> Self:
        """What devices took without an order."""
        return self.filter(run=None)
