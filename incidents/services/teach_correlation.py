"""Teaching the correlation: what a person learned from a mistake of the rules, proposed, decided, lifted.

It holds for alerts that are put together from then on. What is in an incident already stays there, unless a person
moves it.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import keys, step_up
from accounts.models import DeviceGroup, User
from core import audit, clock, options
from core.actors import Actor
from incidents.correlation.rules import PREFIX, RULES
from incidents.correlation.taught import Exclusion, exclusion_of
from incidents.enums import TaughtKind, TaughtState
from incidents.models import Alert, CorrelationChange
from incidents.services.changes import plain_text

TEACH = step_up.register("correlation_change", "Changing what correlation joins")
MAX_REASON, MAX_SHOWN, MAX_THING, MAX_PLACE = 1_000, 600, 1_000, 200


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is to be taught, before anybody decides; `shown` says it in a sentence."""

    kind: TaughtKind
    shown: str
    rule: str = ""
    thing: str = ""
    detectors: tuple[str, ...] = ()
    exercise: str = ""
    option: str = ""
    value: Any = None
    groups: tuple[int, ...] = ()

    def checked(self) -> "Lesson":
        """The same; raises `ValidationError` when it teaches nothing or something that cannot be."""
        if self.rule and self.rule not in RULES:
            raise ValidationError("There is no such rule.")
        if self.kind == TaughtKind.OPTION:
            _check_option(self.option, self.value)
        elif not self.thing and len(self.detectors) != 2:
            raise ValidationError("Name a thing, or two detections.")
        elif self.kind == TaughtKind.HUB and (self.rule or self.detectors or not self.thing):
            raise ValidationError("What proves no relation is one thing, for all rules and detections.")
        if len(self.thing) > MAX_THING or "\x00" in self.thing + "".join(self.detectors):
            raise ValidationError("The thing is named too long, or with signs that cannot be.")
        return self

    @property
    def exclusion(self) -> Exclusion | None:
        if self.kind == TaughtKind.OPTION:
            return None
        return Exclusion(self.rule, self.exercise, self.thing, frozenset(self.detectors), frozenset(self.groups))

    @property
    def options(self) -> dict[str, Any]:
        return {self.option: self.value} if self.kind == TaughtKind.OPTION else {}


def _check_option(key: str, value: Any) -> None:
    known = {option.key: option for option in options.declared() if option.key.startswith(PREFIX)}
    if key not in known:
        raise ValidationError("There is no such option of correlation.")
    known[key].clean(value)


def lesson_of(change: CorrelationChange) -> Lesson:
    return Lesson(
        TaughtKind(change.kind), change.shown, change.rule, change.thing, tuple(change.detectors), change.exercise,
        change.option, change.value, tuple(change.device_group_ids),
    )  # fmt: skip


def within_scope(lesson: Lesson, user: User) -> Lesson:
    """The lesson as this person may teach it: who sees some device groups only excludes there only, and nowhere else.
    Its words say where it holds. Raises `ValidationError`."""
    if lesson.kind == TaughtKind.OPTION:
        return replace(lesson, groups=())
    wanted = set(lesson.groups)
    if not user.scope.everything:
        wanted = wanted or set(user.scope.group_ids)
        if not wanted or not user.scope.group_ids.issuperset(wanted):
            raise ValidationError("You may teach this for your own device groups only.")
    known = dict(DeviceGroup.objects.filter(pk__in=wanted, retired=False).order_by("rank").values_list("pk", "name"))
    if (wanted and not known) or (lesson.groups and len(known) != len(wanted)):
        raise ValidationError("There is no such device group.")
    where = f", on devices of {', '.join(known.values())}"[:MAX_PLACE] if known else ""
    shown = lesson.shown.removesuffix(where)[: MAX_SHOWN - len(where)] + where
    return replace(lesson, groups=tuple(sorted(known)), shown=shown)


def teach(
    lesson: Lesson,
    *,
    reason: str,
    user: User,
    actor: Actor,
    expires: datetime | None = None,
    alert: Alert | None = None,
    trial: dict[str, Any] | None = None,
) -> CorrelationChange:
    """Put the lesson in force, or propose it when `user` may not tune detection. The caller has fetched `alert`
    through `visible_to(user)`."""
    lesson = within_scope(lesson.checked(), user)
    reason = _said(reason)
    if expires is not None and (lesson.kind == TaughtKind.OPTION or expires <= clock.now()):
        raise ValidationError("An end is in the future, and an option has none: it holds until it is changed again.")
    with transaction.atomic():
        may = user.holds(keys.TUNE_DETECTION)
        _refuse_twice(lesson)
        change = CorrelationChange.objects.create(
            kind=lesson.kind, state=TaughtState.PROPOSED, rule=lesson.rule, thing=lesson.thing,
            detectors=sorted(lesson.detectors), device_group_ids=list(lesson.groups), exercise=lesson.exercise,
            option=lesson.option, value=lesson.value, before=options.get(lesson.option) if lesson.option else None,
            shown=lesson.shown[:MAX_SHOWN], reason=reason, expires=expires, alert=alert, trial=trial,
            author=actor.as_json(),
        )  # fmt: skip
        _record("correlation.proposed", change, actor=actor, reason=reason)
        if may:
            _put_in_force(change, actor=actor, reason=reason)
    return change


def _refuse_twice(lesson: Lesson) -> None:
    """The same is not taught again while it is in force or waits."""
    if lesson.exclusion is None:
        return
    rows = CorrelationChange.objects.exclude(kind=TaughtKind.OPTION).filter(thing=lesson.thing, rule=lesson.rule)
    waiting = rows.filter(state=TaughtState.PROPOSED)
    if any(exclusion_of(row) == lesson.exclusion for row in [*rows.in_force(), *waiting]):
        raise ValidationError("That is in force already, or waits to be decided.")


def decide(change: CorrelationChange, *, accept: bool, reason: str, actor: Actor, user: User) -> CorrelationChange:
    """Accept or decline what was proposed, by somebody who sees wherever it would hold."""
    _refuse_beyond(change, user)
    reason = _said(reason)
    with transaction.atomic():
        row = _locked(change)
        if row.state != TaughtState.PROPOSED:
            raise ValidationError("It was decided already.")
        if accept:
            if row.is_over:
                raise ValidationError("Its end has passed; propose it anew.")
            _put_in_force(row, actor=actor, reason=reason)
        else:
            row.state, row.decider, row.decided = TaughtState.DECLINED, actor.as_json(), clock.now()
            row.save(update_fields=["state", "decider", "decided"])
            _record("correlation.declined", row, actor=actor, reason=reason)
    return row


def lift(change: CorrelationChange, *, reason: str, actor: Actor, user: User) -> CorrelationChange:
    """The thing or pair counts again from now on."""
    _refuse_beyond(change, user)
    reason = _said(reason)
    with transaction.atomic():
        row = _locked(change)
        if row.kind == TaughtKind.OPTION:
            raise ValidationError("An option is changed on the page of its rule.")
        if row.state != TaughtState.IN_FORCE:
            raise ValidationError("It is not in force.")
        row.state, row.lifter, row.lifted, row.lift_reason = (
            TaughtState.LIFTED, actor.as_json(), clock.now(), reason,
        )  # fmt: skip
        row.save(update_fields=["state", "lifter", "lifted", "lift_reason"])
        _record("correlation.lifted", row, actor=actor, reason=reason)
    return row


def _refuse_beyond(change: CorrelationChange, user: User) -> None:
    """What holds beyond the device groups of a person is not theirs to decide."""
    groups = set(change.device_group_ids)
    if (
        change.kind != TaughtKind.OPTION
        and not user.scope.everything
        and not (groups and user.scope.group_ids.issuperset(groups))
    ):
        raise ValidationError("It holds beyond your device groups: somebody who sees them all decides on it.")


def _locked(change: CorrelationChange) -> CorrelationChange:
    return CorrelationChange.objects.select_for_update().get(pk=change.pk)


def _put_in_force(row: CorrelationChange, *, actor: Actor, reason: str) -> None:
    row.state, row.decider, row.decided = TaughtState.IN_FORCE, actor.as_json(), clock.now()
    row.save(update_fields=["state", "decider", "decided"])
    if row.option:
        options.put(row.option, row.value, actor=actor, reason=reason)
    _record("correlation.taught", row, actor=actor, reason=reason)


def _record(verb: str, row: CorrelationChange, *, actor: Actor, reason: str) -> None:
    data = {"kind": row.kind, "rule": row.rule, "option": row.option, "value": row.value, "alert": row.alert_id}
    audit.record(verb, subject=row.thread, thread=row.thread, actor=actor, reason=reason, data=data)


def _said(reason: str) -> str:
    return plain_text(reason, limit=MAX_REASON, label="Reason", required=True)
