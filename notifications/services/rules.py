"""Rules: made, changed, switched, removed, tried. Whoever is added hears only of what is told later."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import DeviceGroup, User
from core import audit, clock, jobs
from core.actors import Actor
from notifications import topics
from notifications.enums import RecipientKind
from notifications.models import Dispatch, Endpoint, Message, Rule, RuleRecipient
from notifications.services.match import recipients_of
from notifications.services.route import SEND

MOST_RULES, MOST_OWN, MOST_RECIPIENTS = 200, 20, 50
TEST = topics.declare("rule.test", "A test of a rule", "Sent when somebody tries a rule.", group="Portal", channels=())


def save_rule(
    rule: Rule | None,
    *,
    kind: str,
    personal: bool,
    author: User,
    values: Mapping[str, Any],
    groups: Collection[DeviceGroup],
    people: Collection[User] = (),
    addresses: Collection[str] = (),
    endpoints: Collection[Endpoint] = (),
    actor: Actor,
) -> Rule:
    """Make a rule (`rule` None) or change it. From then on it reaches as far as `author` may see. Raises
    `ValidationError`, also when the author may not see what the rule would speak of."""
    with transaction.atomic():
        row = rule or Rule(kind=kind, personal=personal)
        if rule is None:
            _room_for_another(author, personal=personal)
        row.author = author
        for name, value in values.items():
            setattr(row, name, value)
        chosen = [] if row.all_groups else list(groups)
        _within_reach(author, row, chosen)
        try:
            with transaction.atomic():
                row.save()
        except IntegrityError:
            raise ValidationError({"name": "There is a rule of this name already."}) from None
        row.device_groups.set(chosen)
        told = _set_recipients(row, people, addresses, endpoints)
        audit.record("rule.saved", subject=f"rule:{row.pk}", actor=actor,
                     data={"name": row.name, "kind": row.kind, "personal": personal, "recipients": told,
                           "device_groups": [group.name for group in chosen] or "all", **dict(values)})  # fmt: skip
    return row


def _room_for_another(author: User, *, personal: bool) -> None:
    most = MOST_OWN if personal else MOST_RULES
    have = Rule.objects.filter(personal=True, author=author) if personal else Rule.objects.filter(personal=False)
    if have.count() >= most:
        raise ValidationError(f"There are {most} rules already, which is the most.")


def _within_reach(author: User, row: Rule, groups: Sequence[DeviceGroup]) -> None:
    """Rights on the whole scope that a rule speaks of; a rule on all groups reaches no further than its author."""
    if not row.personal and row.all_groups and not author.scope.everything:
        raise ValidationError({"device_groups": "You see some device groups only: select those that you see."})
    if any(not author.scope.covers(group.pk) for group in groups):
        raise ValidationError({"device_groups": "You do not see all of these device groups."})


def _set_recipients(
    row: Rule, people: Collection[User], addresses: Collection[str], endpoints: Collection[Endpoint]
) -> list[str]:
    """Those who stay keep the moment they were added; the others begin now."""
    wanted = [
        *(RuleRecipient(rule=row, kind=RecipientKind.PERSON, user=person) for person in people),
        *(RuleRecipient(rule=row, kind=RecipientKind.ADDRESS, address=address) for address in addresses),
        *(RuleRecipient(rule=row, kind=RecipientKind.ENDPOINT, endpoint=endpoint) for endpoint in endpoints),
    ]
    if len(wanted) > MOST_RECIPIENTS:
        raise ValidationError(f"At most {MOST_RECIPIENTS} recipients.")
    there = {(one.kind, one.user_id, one.address, one.endpoint_id): one for one in row.recipients.all()}
    keys = [(one.kind, one.user_id, one.address, one.endpoint_id) for one in wanted]
    row.recipients.filter(pk__in=[one.pk for key, one in there.items() if key not in keys]).delete()
    RuleRecipient.objects.bulk_create([one for key, one in zip(keys, wanted, strict=True) if key not in there])
    return [str(one) for one in wanted]


def switch_rule(rule: Rule, *, on: bool, actor: Actor) -> None:
    """On again, it speaks of what is told from now on."""
    with transaction.atomic():
        changed = Rule.objects.filter(pk=rule.pk).exclude(enabled=on)
        if changed.update(enabled=on, **({"since": clock.real_now()} if on else {})):
            audit.record("rule.switched", subject=f"rule:{rule.pk}", actor=actor, changes={"enabled": (not on, on)},
                         data={"name": rule.name})  # fmt: skip


def remove_rule(rule: Rule, *, actor: Actor) -> None:
    with transaction.atomic():
        audit.record("rule.removed", subject=f"rule:{rule.pk}", actor=actor, data={"name": rule.name})
        rule.delete()


def try_rule(rule: Rule, *, actor: Actor) -> int:
    """Send a test to every recipient, by the ordinary way; answers how many. The log tells what came of each."""
    now = clock.real_now()
    with transaction.atomic():
        message = Message.objects.create(
            topic=TEST, subject=f"rule:{rule.pk}", title=f"A test of the rule {rule.name}", actor=actor.as_json(),
            body=f"{actor.name} tries whether this arrives. Nothing happened.", url="/notices/", routed_at=now,
            people=[],
        )  # fmt: skip
        told = [
            Dispatch(message=message, rule=rule, user=one.user, address=one.address, endpoint=one.endpoint)
            for one in recipients_of(rule, message)
        ]
        Dispatch.objects.bulk_create(told)
        audit.record("rule.tested", subject=f"rule:{rule.pk}", actor=actor, data={"recipients": len(told)})
        jobs.wake(SEND)
    return len(told)
