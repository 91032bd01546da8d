"""What each rule of correlation did in the last days: its joins, and how many of them people took apart again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Q, QuerySet

from accounts.models import User
from core import clock
from incidents.correlation.rules import RULES, RuleInForce, rules_in_force
from incidents.models import Alert, CorrelationChange, CorrelationLink
from incidents.services.move_alerts import RULE as MOVED
from incidents.services.try_correlation import looked_at

DAYS = 30
MOST_EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class RuleFigures:
    """One row of the page of rules. `joins` were made in the last days, `undone` of them by people since."""

    in_force: RuleInForce
    joins: int
    undone: int
    last: datetime | None
    taught: int

    @property
    def share(self) -> float | None:
        """Of the joins that people took apart; None when there were none."""
        return self.undone / self.joins if self.joins else None

    @property
    def percent(self) -> int:
        return round(100 * (self.share or 0))


def joins_of(user: User, *, days: int = DAYS) -> QuerySet[CorrelationLink]:
    """The joins of alerts that this person sees: real ones, or of an exercise as long as there are none."""
    alerts = Alert.objects.visible_to(user).filter(exercise=looked_at(user))
    since = clock.now() - timedelta(days=days)
    return CorrelationLink.objects.filter(created__gte=since, alert__in=alerts.values("pk"))


def figures_of_rules(user: User) -> list[RuleFigures]:
    """Every rule, the weightiest first."""
    rows = joins_of(user).filter(rule__in=RULES).values("rule").annotate(
        joins=Count("pk"), gone=Count("pk", filter=~Q(undone=None)), last=Max("created")
    )  # fmt: skip
    counts: dict[str, Any] = {row["rule"]: row for row in rows}
    changes = CorrelationChange.objects.visible_to(user).in_force().values_list("rule").annotate(n=Count("pk"))
    taught = dict(changes.order_by())
    found = []
    for row in rules_in_force():
        key = row.rule.key
        of_rule: dict[str, Any] = counts.get(key, {"joins": 0, "gone": 0, "last": None})
        found.append(RuleFigures(row, of_rule["joins"], of_rule["gone"], of_rule["last"], taught.get(key, 0)))
    return found


def moves_by_hand(user: User) -> int:
    return joins_of(user).filter(rule=MOVED).count()


def examples_of(rule: str, user: User, *, undone: bool = False) -> Sequence[CorrelationLink]:
    """The newest joins, or the newest that people took apart, with words for this person only."""
    seen = Alert.objects.visible_to(user).with_reasons(user).select_related("incident")
    rows = joins_of(user).filter(rule=rule)
    rows = rows.exclude(undone=None).order_by("-undone", "-pk") if undone else rows.order_by("-pk")
    ids = list(rows.values_list("pk", "alert")[:MOST_EXAMPLES])
    alerts = seen.in_bulk({alert for _, alert in ids})
    found = []
    for pk, alert in ids:
        for link in alerts[alert].links.all() if alert in alerts else ():
            if link.pk == pk:
                link.alert = alerts[alert]
                found.append(link)
    return found
