from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.db import models
from django.db.models import F, Q

from core import clock

if TYPE_CHECKING:
    from accounts.models import User
    from incidents.models import Device
    from remediation.models import Indicator, IndicatorEnforcement, IndicatorHit  # noqa: F401 - named in the bases


class IndicatorQuerySet(models.QuerySet["Indicator"]):
    def visible_to(self, user: "User") -> Self:
        """Those that hold everywhere, and those for a device group in the person's scope."""
        if not user.holds("security_data.read"):
            return self.none()
        if user.scope.everything:
            return self
        return self.filter(Q(device_group_ids=[]) | Q(device_group_ids__overlap=sorted(user.scope.group_ids)))

    def on_device(self, device: "Device") -> Self:
        """Those that a connection which the device is bound to is told of, and that hold for its group."""
        told = self.model._default_manager.filter(enforcements__connection__in=device.bindings.values("connection"))
        here = Q(device_group_ids=[]) | Q(device_group_ids__contains=[device.device_group_id])
        return self.filter(here, pk__in=told.values("pk"))

    def active(self) -> Self:
        return self.filter(status="active")

    def overdue(self) -> Self:
        return self.active().filter(expires_at__lte=clock.now())

    def named(self, keys: Iterable[str]) -> Self:
        """Those on exactly these values; a key is `type:value`."""
        return self.active().filter(key__in=list(keys))


class HitQuerySet(models.QuerySet["IndicatorHit"]):
    def visible_to(self, user: "User") -> Self:
        """Those of alerts this person may see, and those on devices in scope that no alert tells of."""
        alerts: Any = apps.get_model("incidents", "Alert").objects.all()
        devices: Any = apps.get_model("incidents", "Device").objects.all()
        told = Q(alert__in=alerts.visible_to(user).values("pk"))
        return self.filter(told | Q(alert=None, device__in=devices.visible_to(user).values("pk")))


class EnforcementQuerySet(models.QuerySet["IndicatorEnforcement"]):
    def unequal(self) -> Self:
        """What was last seen there is not what is wanted there."""
        return self.exclude(desired=F("observed"), desired_digest=F("observed_digest"))

    def to_send(self) -> Self:
        """Those whose wish has to be sent, and whose time it is."""
        return self.unequal().filter(delivery_id=None, next_try_at__lte=clock.now())
