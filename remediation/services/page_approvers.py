"""Calling people because a request waits: its approvers after some minutes, the fallback approvers when these have not
decided."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.urls import reverse

from accounts.models import User
from core import audit, clock, options
from core.actors import Actor
from notifications.services.tell import tell
from remediation import alarms
from remediation.catalog import get
from remediation.models import ActionRun, ApprovalPage, ApproverRule
from remediation.policy import approvers, is_destructive, settings
from remediation.services.deciders import who_may_decide

PAGER = Actor.system("pager")
FIRST, SECOND = 1, 2
MOST = 200


def page_waiting() -> int:
    """Call for every request whose time has come; returns how many calls went out."""
    rules, minutes = approvers.approver_rules(), options.get_many("approval.")
    waiting = ActionRun.objects.top_level().pending().filter(expires_at__gt=clock.now())
    runs = waiting.select_related("incident").prefetch_related("pages").order_by("created", "id")[:MOST]
    return sum(_page(run, rules, minutes) for run in runs)


def _page(run: ActionRun, rules: Sequence[ApproverRule], minutes: dict[str, int]) -> int:
    done = {page.step: page for page in run.pages.all()}
    named = approvers.approvers_of(run, rules)
    if FIRST not in done:
        return _call(run, FIRST) if clock.now() >= run.created + _patience(run, minutes) else 0
    if SECOND not in done and clock.now() >= _second_at(named, done[FIRST].at, minutes):
        return _call(run, SECOND)
    return 0


def _patience(run: ActionRun, minutes: dict[str, int]) -> timedelta:
    action = get(run.action)
    urgent = action.contains or is_destructive(action)
    return timedelta(minutes=int(minutes[settings.PAGE_CONTAINMENT_MIN if urgent else settings.PAGE_OTHER_MIN]))


def _second_at(named: Sequence[approvers.Approvers], first: datetime, minutes: dict[str, int]) -> datetime:
    """When the first fallback approver may decide; without any, some minutes after the first call."""
    fallback = min((one.fallback_from for one in named if one.fallbacks), default=None)
    return max(first, fallback) if fallback else first + timedelta(minutes=int(minutes[settings.ESCALATE_MIN]))


def _call(run: ActionRun, step: int) -> int:
    people = who_may_decide(run, besides=[run.requester_id])
    with transaction.atomic():
        names = [str(person) for person in people]
        _, made = ApprovalPage.objects.get_or_create(run=run, step=step, defaults={"people": names, "at": clock.now()})
        if not made:
            return 0
        data = {"step": step, "people": names}
        audit.record("run.paged", subject=f"run:{run.pk}", thread=run.thread, actor=PAGER, data=data)
        _tell(run, people, step)
    return 1


def _tell(run: ActionRun, people: list[User], step: int) -> None:
    label = get(run.action).label
    waited = int((clock.now() - run.created).total_seconds() // 60)
    again = "Still nobody has decided. " if step == SECOND else ""
    nobody = "" if people else "Nobody who may decide is there. "
    tell(
        alarms.WAITS,
        subject=f"run:{run.pk}",
        title=f"{label} on {run.target_name} waits for a decision",
        body=f"{again}{nobody}{run.number} was asked for by {run.requester.name} {waited} minutes ago: {run.comment}",
        url=reverse("remediation:run", args=[run.pk]),
        severity="high",
        device_group_ids=run.device_group_ids,
        people=people or None,
        once=f"{run.pk}:{step}",
        actor=PAGER,
    )
