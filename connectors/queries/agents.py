from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import F, Q

from accounts.models import User
from connectors.enums import OPEN_ORDERS, AgentState, OrderState

if TYPE_CHECKING:
    from connectors.models import Agent, AgentOrder, EnrolmentToken  # noqa: F401 - the type of the rows

# What a device tells of itself as a state that can be wanted.
STATE_FACETS = ("network", "contain", "accounts", "execution", "indicators")


class AgentQuerySet(models.QuerySet["Agent"]):
    def visible_to(self, user: User) -> Self:
        """Agents of the device groups in the person's scope."""
        return self if user.scope.everything else self.filter(device_group_id__in=user.scope.group_ids)

    def in_service(self) -> Self:
        return self.filter(state=AgentState.APPROVED)

    def light(self) -> Self:
        """Without what a device tells of its programs and users, which may be long; `system` is what it is."""
        return self.annotate(system=F("inventory__system")).defer("inventory").select_related("device_group")

    def connected(self, since: datetime) -> Self:
        """Those in service that were heard of since then."""
        return self.in_service().filter(seen_at__gte=since)

    def drifting(self) -> Self:
        """Those in service that are not as it is wanted of them, or do not obey the newest wish."""
        missed = Q()
        for facet in STATE_FACETS:
            missed |= Q(**{f"status__observed__{facet}__reached": False})
        return self.in_service().filter(missed | Q(wanted__generation__gt=F("generation")))


class AgentOrderQuerySet(models.QuerySet["AgentOrder"]):
    def visible_to(self, user: User) -> Self:
        """Orders to the agents in the person's scope; those to all agents for who sees everything."""
        return self if user.scope.everything else self.filter(agent__device_group_id__in=user.scope.group_ids)

    def open(self) -> Self:
        return self.filter(state__in=OPEN_ORDERS)

    def to_sign(self) -> Self:
        return self.filter(state=OrderState.UNSIGNED).order_by("pk")


class EnrolmentTokenQuerySet(models.QuerySet["EnrolmentToken"]):
    def visible_to(self, user: User) -> Self:
        """Tokens for the device groups in the person's scope."""
        return self if user.scope.everything else self.filter(device_group_id__in=user.scope.group_ids)

    def usable(self, now: datetime) -> Self:
        return self.filter(used_at=None, withdrawn_at=None, expires__gt=now)
