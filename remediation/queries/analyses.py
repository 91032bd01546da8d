from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.db import models
from django.db.models import Q

from core import clock

if TYPE_CHECKING:
    from accounts.models import User
    from remediation.models import DeepAnalysis  # noqa: F401 - named in the base class


class DeepAnalysisQuerySet(models.QuerySet["DeepAnalysis"]):
    def visible_to(self, user: "User") -> Self:
        """Those of files that this person may see, when device and incident are in sight too: a report tells of
        both."""
        if not user.holds("security_data.read"):
            return self.none()
        files: Any = apps.get_model("incidents", "File").objects.all()
        devices: Any = apps.get_model("incidents", "Device").objects.all()
        incidents: Any = apps.get_model("incidents", "Incident").objects.all()
        seen = self.filter(file__in=files.visible_to(user).values("pk"))
        if not user.scope.everything:
            seen = seen.filter(Q(device=None) | Q(device__in=devices.visible_to(user).values("pk")))
        in_sight = Q(incident=None) | Q(incident__in=incidents.visible_to(user).values("pk"))
        return seen.filter(in_sight).exclude(incident__in=incidents.hidden_from(user))

    def open(self) -> Self:
        return self.filter(state__in=("not_submitted", "queued", "collecting_sample", "analyzing"))

    def to_analyse(self) -> Self:
        """The oldest first."""
        return self.filter(state="queued").exclude(sample=None).order_by("submitted", "pk")

    def lost(self) -> Self:
        """Those whose analysis host has not come back in time."""
        return self.filter(state="analyzing", lease_until__lt=clock.real_now())
