from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.db import models
from django.db.models import Q

from remediation.enums import Decision

if TYPE_CHECKING:
    from accounts.models import User
    from remediation.models import ActionRun  # noqa: F401 - named in the base class


WITHOUT_GROUP = {"file": "File", "identity": "Identity", "mailbox": "Mailbox"}
TARGETS = {"device": "Device", **WITHOUT_GROUP}


def target_is_visible(user: "User", kinds: Mapping[str, str] = TARGETS) -> Q:
    """Rows whose target of one of these kinds this person may see. Accounts, mailboxes and files are seen with an alert
    that names them; the same holds for what is done to them."""
    found = Q()
    for kind, model in kinds.items():
        seen: Any = apps.get_model("incidents", model).objects.all()
        found |= Q(target_kind=kind, target_id__in=seen.visible_to(user).values("pk"))
    return found


class RunQuerySet(models.QuerySet["ActionRun"]):
    def visible_to(self, user: "User") -> Self:
        """Runs this person may see, outside restricted incidents: those on a device in scope, and those that touch no
        device when both their target and their incident may be seen."""
        if not user.holds("security_data.read"):
            return self.none()
        incidents: Any = apps.get_model("incidents", "Incident").objects.all()
        named = Q(incident__in=incidents.named_to(user))
        allowed = self.filter(Q(incident=None) | Q(incident__restricted=False) | named)
        if user.scope.everything:
            return allowed
        groups = sorted(user.scope.group_ids)
        incident = Q(incident=None) | Q(incident__open_to_all=True) | Q(incident__device_group_ids__overlap=groups)
        without_device = Q(device_group_ids=[]) & incident & target_is_visible(user, WITHOUT_GROUP)
        return allowed.filter(Q(device_group_ids__overlap=groups) | without_device)

    def top_level(self) -> Self:
        """Without the children of fanned-out runs."""
        return self.filter(parent=None)

    def pending(self) -> Self:
        return self.filter(decision=Decision.PENDING)

    def decided(self) -> Self:
        return self.exclude(decision=Decision.PENDING)
