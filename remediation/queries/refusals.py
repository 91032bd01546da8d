"""Which refusals a person may read."""

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db.models import QuerySet

from remediation.queries.runs import target_is_visible

if TYPE_CHECKING:
    from accounts.models import User


def refusals_visible_to(user: "User") -> "QuerySet[Any]":
    """Those whose target they may see, outside restricted incidents that do not name them."""
    if not user.holds("audit.read"):
        return apps.get_model("remediation", "Refusal").objects.none()
    incidents: Any = apps.get_model("incidents", "Incident").objects.all()
    rows: Any = apps.get_model("remediation", "Refusal").objects.select_related("incident")
    seen = rows if user.scope.everything else rows.filter(target_is_visible(user))
    found: QuerySet[Any] = seen.exclude(incident__in=incidents.hidden_from(user))
    return found
