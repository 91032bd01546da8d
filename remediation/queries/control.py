from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.db import models
from django.db.models import QuerySet

from remediation.queries.runs import target_is_visible

if TYPE_CHECKING:
    from accounts.models import User
    from remediation.models import ControlState  # noqa: F401 - named in the base class


class ControlStateQuerySet(models.QuerySet["ControlState"]):
    def visible_to(self, user: "User") -> Self:
        """States of targets that this person may see."""
        return self.filter(target_is_visible(user)) if user.holds("security_data.read") else self.none()

    def drifting(self) -> Self:
        return self.exclude(drift_since=None)

    def of_target(self, target: Any) -> Self:
        return self.filter(target_kind=target.kind, target_id=target.pk)


def holds_visible_to(user: "User") -> "QuerySet[Any]":
    """Holds on targets that this person may see, without those of actions in restricted incidents that do not name
    them: a hold says who took what back, and why."""
    rows: Any = apps.get_model("remediation", "Hold")._default_manager
    runs: Any = apps.get_model("remediation", "ActionRun")._default_manager
    incidents: Any = apps.get_model("incidents", "Incident")._default_manager.all()
    found: QuerySet[Any] = rows.filter(target_is_visible(user)) if user.holds("security_data.read") else rows.none()
    return found.exclude(run_id__in=runs.filter(incident__in=incidents.hidden_from(user)).values("pk"))
