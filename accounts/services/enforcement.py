"""Who must have a second factor, and from when on nothing else opens without one."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.enums import UserKind
from accounts.models import User
from accounts.services.factors import has_factor
from core import clock


@dataclass(frozen=True, slots=True)
class Duty:
    """What is asked of one person: by when, and whether that time is over."""

    needed: bool
    due: datetime | None = None

    @property
    def overdue(self) -> bool:
        return self.needed and self.due is not None and self.due <= clock.real_now()


NONE = Duty(needed=False)


def duty_of(user: User) -> Duty:
    """Whether a role of this person asks for a second factor that they have not set up.

    The days of grace begin when it is first asked of them; of several roles the shortest counts.
    """
    days = [role.grace_days for role in user.roles.all() if role.needs_second_factor]
    if user.kind != UserKind.PERSON or not days or has_factor(user):
        return NONE
    latest = clock.real_now() + timedelta(days=min(days))
    if user.second_factor_due is None or user.second_factor_due > latest:
        user.second_factor_due = latest
        User.objects.filter(pk=user.pk).update(second_factor_due=latest)
    return Duty(True, user.second_factor_due)
