"""Who decides on a request: computed here from the approver rules, and nowhere else."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import User
from remediation.catalog import Action, get
from remediation.models import ActionRun, ApproverRule


@dataclass(frozen=True, slots=True)
class Approvers:
    """Those whom one rule names. `fallback_from` is when the fallback approvers may decide too."""

    rule: ApproverRule
    first: tuple[User, ...]
    fallbacks: tuple[User, ...]
    fallback_from: datetime

    def may(self, user: User, at: datetime) -> bool:
        return user in self.first or (user in self.fallbacks and at >= self.fallback_from)

    def why_not(self, user: User, at: datetime) -> str:
        """Why this person may not decide at that time; empty when they may."""
        if self.may(user, at):
            return ""
        if user in self.fallbacks:
            return f"{user} may decide from {self.fallback_from:%H:%M} UTC, when {self.names} have not."
        return f"It waits for {self.in_words}."

    @property
    def names(self) -> str:
        return _list(self.first)

    @property
    def in_words(self) -> str:
        """`Rita Moreno; from 10:15 UTC also Omar Aziz`."""
        more = f"; from {self.fallback_from:%H:%M} UTC also {_list(self.fallbacks)}" if self.fallbacks else ""
        return f"{self.names}{more}"


def approver_rules() -> list[ApproverRule]:
    """Every rule with its people, with three queries."""
    return list(ApproverRule.objects.prefetch_related("approvers", "fallbacks"))


def approvers_of(run: ActionRun, rules: Sequence[ApproverRule] | None = None) -> list[Approvers]:
    """Those who must say yes: somebody whom every one of these names. Empty when no rule means the run, which whoever
    holds the rights then decides."""
    known = approver_rules() if rules is None else rules
    action = get(run.action)
    groups: list[int | None] = list(run.device_group_ids) or [None]
    chosen = {rule.pk: rule for group in groups if (rule := _narrowest(known, action, group))}
    return [_of(rule, run) for rule in chosen.values()]


def why_not(run: ActionRun, user: User, *, at: datetime, rules: Sequence[ApproverRule] | None = None) -> str:
    """The first rule's reason why this person may not decide at that time; empty when they may."""
    return next((why for one in approvers_of(run, rules) if (why := one.why_not(user, at))), "")


def waits_for(run: ActionRun, rules: Sequence[ApproverRule] | None = None) -> str:
    """Whom the pending page names; empty when no rule names anybody."""
    return "; and ".join(one.in_words for one in approvers_of(run, rules))


def _narrowest(rules: Iterable[ApproverRule], action: Action, group: int | None) -> ApproverRule | None:
    """Group before all groups, action before risk before everything."""
    fitting = [rule for rule in rules if _fits(rule, action, group)]
    return max(
        fitting, key=lambda rule: (rule.device_group_id is not None, bool(rule.action), bool(rule.risk)), default=None
    )


def _fits(rule: ApproverRule, action: Action, group: int | None) -> bool:
    return (
        rule.device_group_id in {None, group}
        and rule.action in {"", action.key}
        and rule.risk in {"", action.risk.value}
    )


def _of(rule: ApproverRule, run: ActionRun) -> Approvers:
    return Approvers(
        rule=rule,
        first=tuple(rule.approvers.all()),
        fallbacks=tuple(rule.fallbacks.all()),
        fallback_from=run.created + timedelta(minutes=rule.fallback_after_min),
    )


def _list(people: Sequence[User]) -> str:
    return " or ".join(person.name_and_state for person in people) or "nobody (the rule names no one)"
