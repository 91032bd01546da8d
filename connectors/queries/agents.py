from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import F, Q
from django.db.models.fields.json import KT, KeyTextTransform, KeyTransform

from accounts.models import User
from connectors.enums import OPEN_ORDERS, AgentState, OrderState

if TYPE_CHECKING:
    from connectors.models import Agent, AgentOrder, EnrolmentToken  # noqa: F401 - the type of the rows

# A device that was heard so long after something was signed had the time to fetch it and to become so.
TIME_TO_TAKE = timedelta(minutes=2)
# What a device tells of itself as a state that can be wanted.
LIST = "indicators"
STATE_FACETS = ("network", "contain", "accounts", "execution", LIST)


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
        """Those in service that are not as it is wanted of them, or were heard and still do not obey the newest wish.
        One that has only just been told is on its way."""
        missed = {one: Q(**{f"status__observed__{one}__reached": False}) for one in STATE_FACETS}
        others = Q(*(missed[one] for one in STATE_FACETS if one != LIST), _connector=Q.OR)
        found = self.in_service().annotate(
            told_list=KT(f"status__observed__{LIST}__evidence__digest"),
            wanted_list=KeyTextTransform("digest", KeyTransform(LIST, "wanted__facets")),
        )
        late = Q(seen_at__gt=F("wanted__signed_at") + TIME_TO_TAKE)
        behind = Q(wanted__generation__gt=F("generation"))
        here = Q(told_list=None) | Q(told_list=F("wanted_list"))
        at_once = Q(wanted=None) | Q(wanted__generation__lte=F("generation"))
        return found.filter(late & (behind | others | missed[LIST]) | at_once & (others | missed[LIST] & here))


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
