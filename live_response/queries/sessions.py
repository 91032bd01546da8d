from typing import TYPE_CHECKING, Self

from django.apps import apps
from django.db import models
from django.db.models import Q

from live_response.enums import OPEN_COMMANDS, OPEN_SESSIONS

if TYPE_CHECKING:
    from accounts.models import User
    from live_response.models import FleetQuery, LiveCommand, LiveSession  # noqa: F401 - named in the base classes


def _in_reach(user: "User", prefix: str = "") -> Q:
    """On devices in scope, outside restricted incidents that do not name the person."""
    devices = apps.get_model("incidents", "Device").objects.all().visible_to(user)
    incidents = apps.get_model("incidents", "Incident").objects.all()
    open_ones = Q(**{f"{prefix}incident": None}) | Q(**{f"{prefix}incident__restricted": False})
    return Q(device__in=devices) & (open_ones | Q(**{f"{prefix}incident__in": incidents.named_to(user)}))


class SessionQuerySet(models.QuerySet["LiveSession"]):
    def visible_to(self, user: "User") -> Self:
        """Sessions on devices this person may see."""
        if not user.holds("security_data.read"):
            return self.none()
        return self.filter(_in_reach(user))

    def open(self) -> Self:
        return self.filter(state__in=OPEN_SESSIONS)


class CommandQuerySet(models.QuerySet["LiveCommand"]):
    def visible_to(self, user: "User") -> Self:
        """Commands on devices this person may see, of sessions this person may see."""
        if not user.holds("security_data.read"):
            return self.none()
        return self.filter(_in_reach(user, "session__"))

    def open(self) -> Self:
        return self.filter(state__in=OPEN_COMMANDS)


class FleetQuerySet(models.QuerySet["FleetQuery"]):
    def visible_to(self, user: "User") -> Self:
        """Questions that were put to a device this person may see."""
        if not user.holds("security_data.read"):
            return self.none()
        devices = apps.get_model("incidents", "Device").objects.all().visible_to(user)
        asked = apps.get_model("live_response", "LiveCommand").objects.filter(device__in=devices)
        return self.filter(pk__in=asked.exclude(query=None).values("query"))
