"""Taking indicators out of force, by hand or because their time is over, and taking the last deed back."""

from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import User
from core import clock
from core.actors import Actor
from remediation.enums import IndicatorDeed, IndicatorStatus
from remediation.lifecycle import INDICATOR_STATUS
from remediation.models import Indicator, IndicatorChange
from remediation.refused import Refused
from remediation.services.set_indicator import (
    MOST_ACTIVE,
    check_may_manage,
    clean_fields,
    fields_of,
    keep_change,
    last_change,
    locked,
    write_fields,
)
from remediation.services.want_indicators import want_everywhere

CLOCK = Actor.system("expiry of indicators")
AT_ONCE = 500


def remove_indicator(indicator: Indicator, *, reason: str, actor: Actor, user: User) -> Indicator:
    """Take it out of force everywhere; its history stays. Raises `Refused`."""
    with transaction.atomic():
        row = locked(indicator)
        check_may_manage(user, row.device_group_ids)
        if not row.is_active:
            raise Refused("already_ended", f"{row.number} is no longer active: {row.get_status_display().lower()}.")
        _end(row, IndicatorStatus.REMOVED, IndicatorDeed.REMOVED, actor=actor, reason=reason)
    return row


def expire_indicators() -> int:
    """Take those out of force whose time is over; answers how many."""
    overdue = Indicator.objects.overdue().order_by("expires_at", "pk").values_list("pk", flat=True)[:AT_ONCE]
    count = 0
    for pk in list(overdue):
        with transaction.atomic():
            row = Indicator.objects.overdue().select_for_update(skip_locked=True).filter(pk=pk).first()
            if row is not None:
                _end(row, IndicatorStatus.EXPIRED, IndicatorDeed.EXPIRED, actor=CLOCK, reason="Its time is over.")
                count += 1
    return count


def undo_indicator(indicator: Indicator, *, reason: str, actor: Actor, user: User) -> Indicator:
    """Take the newest deed back: what was made is removed, what was changed gets its former fields, what was removed
    is in force again. Raises `Refused`."""
    with transaction.atomic():
        row = locked(indicator)
        check_may_manage(user, row.device_group_ids)
        change = last_change(row)
        if change is None:
            raise Refused("not_undoable", f"Nothing that was done to {row.number} is left to take back.")
        _take_back(row, change, reason=reason, actor=actor, user=user)
        change.undone = True
        change.save(update_fields=["undone"])
        want_everywhere([row])
    return row


def _take_back(row: Indicator, change: IndicatorChange, *, reason: str, actor: Actor, user: User) -> None:
    before = fields_of(row)
    if change.deed in {IndicatorDeed.MADE, IndicatorDeed.RESTORED}:
        _end(row, IndicatorStatus.REMOVED, IndicatorDeed.REMOVED, actor=actor, reason=reason, undone=True)
    elif change.deed == IndicatorDeed.CHANGED:
        former = clean_fields(change.before, former_expiry=_moment(change.before.get("expires_at")))
        check_may_manage(user, former["device_group_ids"])
        write_fields(row, former)
        keep_change(row, deed=IndicatorDeed.CHANGED, before=before, actor=actor, reason=reason, undone=True)
    else:
        _restore(row, actor=actor, reason=reason)


def _restore(row: Indicator, *, actor: Actor, reason: str) -> None:
    """In force again; one whose time is over comes back without an expiry in the past."""
    if Indicator.objects.active().filter(key=row.key, scope_key=row.scope_key).exists():
        raise Refused("conflict", f"Another indicator names {row.value} for the same devices by now.")
    if Indicator.objects.active().count() >= MOST_ACTIVE:
        raise Refused("cap_reached", f"{MOST_ACTIVE:,} indicators are active; remove some before adding more.")
    before = fields_of(row)
    expiry = row.expires_at if row.expires_at is None or row.expires_at > clock.now() else None
    also: dict[str, Any] = {"expires_at": expiry, "updated": clock.now(), "version": row.version + 1}
    INDICATOR_STATUS.move(row, IndicatorStatus.ACTIVE, actor=actor, thread=row.thread, reason=reason, **also)
    keep_change(row, deed=IndicatorDeed.RESTORED, before=before, actor=actor, reason=reason, undone=True)


def _end(
    row: Indicator, status: IndicatorStatus, deed: IndicatorDeed, *, actor: Actor, reason: str, undone: bool = False
) -> None:
    before = fields_of(row)
    also: dict[str, Any] = {"updated": clock.now(), "version": row.version + 1}
    INDICATOR_STATUS.move(row, status, actor=actor, thread=row.thread, reason=reason, **also)
    keep_change(row, deed=deed, before=before, actor=actor, reason=reason, undone=undone)
    want_everywhere([row])


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
