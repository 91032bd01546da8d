"""Which rules speak of a message, and to whom."""

from collections.abc import Mapping

from django.db.models import Q

from notifications.enums import ActionOutcome, ActionSource, RecipientKind, RuleKind
from notifications.models import Message, Rule, RuleHit, RuleRecipient

CREATED, ROSE, REOPENED = "incident.created", "incident.high", "incident.reopened"
OF_INCIDENTS = frozenset({CREATED, ROSE, REOPENED})
OF_ACTIONS: Mapping[str, str] = {
    "action.waiting": ActionOutcome.WAITING,
    "action.completed": ActionOutcome.COMPLETED,
    "action.failed": ActionOutcome.FAILED,
}
EVERY = "*"


def matching_rules(message: Message) -> list[Rule]:
    """Rules in force when the message was told that ask for it; the once-per-incident mark is set for those that have
    it, so this is called in the transaction that routes the message."""
    kind = _kind_of(message)
    if kind is None:
        return []
    rules = Rule.objects.with_all().filter(
        Q(author__is_active=True), kind=kind, enabled=True, since__lte=message.created
    )
    return [rule for rule in rules if _asks_for(rule, message) and _first_time(rule, message)]


def _kind_of(message: Message) -> RuleKind | None:
    if message.topic in OF_INCIDENTS:
        # That a new incident is High is told by its creation already.
        return None if message.topic == ROSE and message.facts.get("new") else RuleKind.INCIDENT
    return RuleKind.ACTION if message.topic in OF_ACTIONS else None


def _asks_for(rule: Rule, message: Message) -> bool:
    if not _in_groups(rule, message):
        return False
    if rule.kind == RuleKind.INCIDENT:
        return _severe_enough(rule, message) and _tagged(rule, message)
    source = message.facts.get("automated", False)
    wanted = ActionSource.AUTOMATED if source else ActionSource.MANUAL
    return (
        rule.action_source in {ActionSource.BOTH, wanted}
        and OF_ACTIONS[message.topic] in rule.outcomes
        and (not rule.actions or message.facts.get("action") in rule.actions)
    )


def _in_groups(rule: Rule, message: Message) -> bool:
    if rule.all_groups:
        return True
    return any(group.pk in message.device_group_ids for group in rule.device_groups.all())


def _severe_enough(rule: Rule, message: Message) -> bool:
    """Of several sources one is enough; a source with a list of its own is measured by that."""
    sources = message.facts.get("sources") or [message.source]
    lists = [rule.severities.get(source, rule.severities.get(EVERY, [])) for source in sources]
    return any(message.severity in wanted for wanted in lists)


def _tagged(rule: Rule, message: Message) -> bool:
    tags = {str(tag).casefold() for tag in message.facts.get("tags", [])}
    return not rule.tags or any(tag.casefold() in tags for tag in rule.tags)


def _first_time(rule: Rule, message: Message) -> bool:
    if rule.kind != RuleKind.INCIDENT or not rule.once:
        return True
    _, fresh = RuleHit.objects.get_or_create(rule=rule, subject=message.subject)
    return fresh


def recipients_of(rule: Rule, message: Message) -> list[RuleRecipient]:
    """Who was a recipient already when the message was told."""
    if rule.personal:
        return [RuleRecipient(rule=rule, kind=RecipientKind.PERSON, user=rule.author, since=rule.since)]
    return [one for one in rule.recipients.all() if one.since <= message.created]


def groups_of(rule: Rule) -> list[int] | None:
    """The device groups a rule speaks of; None for all."""
    return None if rule.all_groups else [group.pk for group in rule.device_groups.all()]
