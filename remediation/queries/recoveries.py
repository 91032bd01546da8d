from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.db import models

from remediation.enums import RecoveryState

if TYPE_CHECKING:
    from accounts.models import User
    from remediation.models import Recovery  # noqa: F401 - named in the base class


class RecoveryQuerySet(models.QuerySet["Recovery"]):
    def visible_to(self, user: "User") -> Self:
        """Of devices in scope, in incidents that this person sees."""
        if not user.holds("security_data.read"):
            return self.none()
        incidents: Any = apps.get_model("incidents", "Incident")._default_manager.all()
        devices: Any = apps.get_model("incidents", "Device")._default_manager.all()
        return self.filter(
            incident__in=incidents.visible_to(user).values("pk"), device__in=devices.visible_to(user).values("pk")
        )

    def watched(self) -> Self:
        return self.filter(state=RecoveryState.WATCHED)
