from typing import TYPE_CHECKING, Self

from django.apps import apps
from django.db import models
from django.db.models import Exists, OuterRef, Q

if TYPE_CHECKING:
    from accounts.models import User
    from incidents.models import Device, File, Identity, Mailbox  # noqa: F401 - named in the base classes


class DeviceQuerySet(models.QuerySet["Device"]):
    def visible_to(self, user: "User") -> Self:
        """Devices in this person's groups."""
        if not user.holds("security_data.read"):
            return self.none()
        return self if user.scope.everything else self.filter(device_group__in=user.scope.group_ids)


class SharedEntityQuerySet[M: models.Model](models.QuerySet[M]):
    """Entities without a device group of their own: visible with any visible alert that names them, or with none."""

    entity_column = ""

    def visible_to(self, user: "User") -> Self:
        if not user.holds("security_data.read"):
            return self.none()
        if user.scope.everything:
            return self
        naming = apps.get_model("incidents", "Evidence").objects.filter(**{self.entity_column: OuterRef("pk")})
        return self.filter(Q(Exists(naming.visible_to(user))) | ~Q(Exists(naming)))


class FileQuerySet(SharedEntityQuerySet["File"]):
    entity_column = "file"


class IdentityQuerySet(SharedEntityQuerySet["Identity"]):
    entity_column = "identity"


class MailboxQuerySet(SharedEntityQuerySet["Mailbox"]):
    entity_column = "mailbox"
