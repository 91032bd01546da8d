"""Query-sets; each begins with `visible_to(user)`.

An alert is visible when it names no device or one in my groups, an incident when any of its alerts is; a restricted
incident and its alerts only to the named people. What is hidden is counted, not shown.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.db import models
from django.db.models import Count, Exists, F, Min, OuterRef, Prefetch, Q

if TYPE_CHECKING:
    from accounts.models import User
    from incidents.models import Alert  # noqa: F401 - named in the base class


class _Slot(models.Func):
    """The beginning of the interval of `seconds` that a time lies in, as whole seconds since 1970."""

    output_field = models.BigIntegerField()
    template = "(floor(extract(epoch from %(expressions)s) / %(seconds)s) * %(seconds)s)::bigint"


class AlertQuerySet(models.QuerySet["Alert"]):
    def visible_to(self, user: "User") -> Self:
        """Alerts this person may see; nothing for somebody who may not read at all."""
        if not user.holds("security_data.read"):
            return self.none()
        incidents: Any = apps.get_model("incidents", "Incident").objects.all()
        allowed = self.exclude(incident__in=incidents.hidden_from(user))
        if user.scope.everything:
            return allowed
        return allowed.filter(Q(device_group_ids=[]) | Q(device_group_ids__overlap=sorted(user.scope.group_ids)))

    def waiting_for_correlation(self) -> Self:
        return self.filter(correlated=None)

    def with_reasons(self, user: "User") -> Self:
        """With the links to their incident, which say no more than this person may know (`CorrelationLink.said`)."""
        links: Any = apps.get_model("incidents", "CorrelationLink").objects.all()
        if not user.scope.everything:
            others: Any = self.model._default_manager.all()
            seen = Exists(others.visible_to(user).filter(pk=OuterRef("other_alert")))
            links = links.annotate(other_is_seen=Q(other_alert=None) | Q(seen))
        return self.prefetch_related(Prefetch("links", links))

    def with_evidence(self, user: "User") -> Self:
        """With everything that the API says about an alert, in three queries."""
        return self.with_reasons(user).select_related("assigned_to").prefetch_related("evidence")

    def arrived_by_interval(self, since: datetime, *, seconds: int) -> dict[int, int]:
        """How many arrived in each interval, by the second since 1970 at which it begins; empty ones are left out."""
        slots = self.order_by().filter(created__gte=since).annotate(slot=_Slot(F("created"), seconds=seconds))
        return dict(slots.values("slot").annotate(n=Count("pk")).values_list("slot", "n"))

    def lag(self, now: datetime) -> timedelta | None:
        """How long alerts wait for the correlation lane: the oldest that waits, else the last one that went through.

        A changed alert waits since its change. Exercises play long gone days; theirs count only when they are of now.
        """
        recent = Q(exercise="") | Q(updated__gt=now - timedelta(hours=1))
        rows = self.waiting_for_correlation().filter(recent)
        waiting: datetime | None = rows.aggregate(oldest=Min("updated"))["oldest"]
        if waiting is not None:
            return max(now - waiting, timedelta(0))
        done = self.exclude(correlated=None).filter(version=1).order_by("-created")
        last = done.values_list("created", "correlated").first()
        if last is None or last[1] is None:
            return None
        return max(last[1] - last[0], timedelta(0))
