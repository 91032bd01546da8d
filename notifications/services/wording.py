"""What somebody may read of a message. Asked when it is routed, and again when it leaves."""

from collections.abc import Collection
from dataclasses import dataclass

from accounts.models import User
from notifications import audiences, topics
from notifications.models import Message, Rule


@dataclass(frozen=True, slots=True)
class Wording:
    """`whole` is false when the words are neutral, because the reader sees only a part of what they name."""

    title: str
    body: str
    severity: str
    whole: bool


def wording_for(message: Message, user: User, *, within: Collection[int] | None = None) -> Wording | None:
    """What this person may read of it; None when that is nothing. `within` narrows it to these device groups."""
    topic = topics.get(message.topic)
    groups = message.device_group_ids or None
    if not user.is_active or not topic.is_for(user):
        return None
    if not audiences.may_read(user, message.subject, groups):
        return None
    seen = groups is None or all(user.scope.covers(group) for group in groups)
    if seen and (groups is None or within is None or set(groups) <= set(within)):
        return Wording(message.title, message.body, message.severity, whole=True)
    # The thing's own words suit this person's scope, which is wider than what the message is narrowed to.
    words = "" if seen else audiences.words_for(user, message.subject)
    return Wording(f"{topic.label}: {words}"[:300] if words else topic.label, "", "", whole=False)


def wording_outside(message: Message, rule: Rule, groups: Collection[int] | None) -> Wording | None:
    """What a recipient without an account may read: what the rule's author may, and nothing that is kept to named
    people. `groups` are the device groups of the rule, None for all."""
    if not audiences.may_leave(message.subject):
        return None
    return wording_for(message, rule.author, within=groups)
