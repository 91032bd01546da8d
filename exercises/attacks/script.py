"""An attack on accounts: a list of deeds, each done in the name of an account that must still be able to sign in."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from exercises.attacks.course import Course, Surroundings
from exercises.company import COMPANY, Account
from exercises.sources.sighting import Address, Letter, Sighting, Wire

_TRIES = 3
_BETWEEN_TRIES = timedelta(minutes=2)
Tell = Callable[[datetime], list[Sighting]]


@dataclass(frozen=True)
class Deed:
    """Something done so many minutes after the one before, in the name of `account`.

    `lure` is a letter that must still lie in the mailbox of `victim`; when it was taken away, nobody falls for it and
    the deed and everything after it does not happen.
    """

    key: str
    after: float
    account: Account
    tell: Tell
    lure: Letter | None = None
    victim: str = ""


@dataclass(frozen=True)
class AccountAttack:
    """`before` has happened when the play begins (minutes count back from then); `deeds` are still to come."""

    key: str
    title: str
    before: tuple[tuple[float, Tell], ...]
    deeds: tuple[Deed, ...]
    address: Address
    ending: str

    def opening(self, now: datetime, *, prefix: str) -> tuple[list[Sighting], Course]:
        found: list[Sighting] = []
        for number, (minutes, tell) in enumerate(self.before):
            found += self._named(tell(now - timedelta(minutes=minutes)), f"{prefix}:{self.key}:before-{number}")
        return found, Course(due=now + timedelta(minutes=self.deeds[0].after))

    def advance(self, course: Course, around: Surroundings, now: datetime, *, prefix: str) -> list[Sighting]:
        if course.over or course.due > now:
            return []
        deed = self.deeds[course.step]
        if deed.lure and not around.has_letter(deed.lure, deed.victim):
            course.over = "the lure was taken away"
            return []
        if around.is_disabled(deed.account.name):
            return self._denied(course, deed, now, prefix)
        course.step += 1
        if course.step == len(self.deeds):
            course.over = self.ending
        else:
            course.due = now + timedelta(minutes=self.deeds[course.step].after)
        return self._named(deed.tell(now), f"{prefix}:{self.key}:{deed.key}")

    def _denied(self, course: Course, deed: Deed, now: datetime, prefix: str) -> list[Sighting]:
        course.denied += 1
        course.due = now + _BETWEEN_TRIES
        if course.denied >= _TRIES:
            course.over = f"the account {deed.account.name} is disabled"
        sighting = Sighting(
            Wire.SENTINEL,
            f"{prefix}:{self.key}:denied-{course.denied}",
            now,
            f"Sign-in of {deed.account.name} failed: the account is disabled",
            "low",
            "InitialAccess",
            "sign-in-disabled",
            account=deed.account,
            address=self.address,
            techniques=("T1078.004",),
            blocked=True,
            extra={"ResultType": "50057", "ResultDescription": "The user account is disabled."},
        )
        return [sighting]

    @staticmethod
    def _named(sightings: list[Sighting], key: str) -> list[Sighting]:
        return [replace(one, key=f"{key}:{number}") for number, one in enumerate(sightings)]


def account(name: str) -> Account:
    return COMPANY.account(name)
