"""Computing readiness for somebody, and keeping what changed for the portal as a whole."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from accounts import keys
from accounts.models import User
from core import clock
from core.actors import Actor
from core.readiness import Check, Finding, Group, Look, State, declared, is_worse
from notifications import topics
from notifications.services.tell import tell
from reviews.models import ReadinessChange

# One snapshot at a time, whatever the process.
LOCK = 0x50C_4EAD
WATCH = Actor.system("readiness")
FELL = topics.declare(
    "readiness.fell",
    "Readiness got worse",
    "A check of the readiness page that held does not hold any more.",
    group="Portal",
    permission=keys.READ_REPORTS,
    channels=("page",),
    whole_scope=True,
)


@dataclass(frozen=True, slots=True)
class Standing:
    """One check as somebody sees it. The history is of the portal as a whole, so it is told to those who see all."""

    check: Check
    finding: Finding
    history: tuple[ReadinessChange, ...] = ()
    may_mend: bool = False
    reads_rows: bool = True

    @property
    def since(self) -> datetime | None:
        """Since when it stands so, as far as that was noted; a change of the last hour may not be."""
        last = self.history[-1] if self.history else None
        return last.at if last is not None and last.state == self.finding.state else None


def standings(user: User, *, now: datetime | None = None) -> list[Standing]:
    """Every check that this person may be told of, computed now."""
    look = Look(now or clock.now(), user)
    told = [check for check in declared() if look.is_whole or not check.whole]
    past = _histories(told) if look.is_whole else {}
    return [
        Standing(
            check, check.compute(look), tuple(past.get(check.key, ())), user.holds(check.mended_by),
            not check.rows_for or user.holds(check.rows_for),
        )
        for check in told
    ]  # fmt: skip


def _histories(checks: Sequence[Check]) -> dict[str, list[ReadinessChange]]:
    found: dict[str, list[ReadinessChange]] = defaultdict(list)
    for row in ReadinessChange.objects.filter(check_key__in=[check.key for check in checks]).order_by("at", "pk"):
        found[row.check_key].append(row)
    return found


def by_group(found: Sequence[Standing]) -> list[tuple[Group, list[Standing]]]:
    """Groups without a check that this person may see are left out."""
    grouped = [(group, [one for one in found if one.check.group == group]) for group in Group]
    return [(group, rows) for group, rows in grouped if rows]


def holding(found: Sequence[Standing]) -> int:
    return sum(one.finding.state == State.OK for one in found)


def note_changes(*, now: datetime | None = None) -> int:
    """Keep a row for each check whose state is another than it was, and tell of those that got worse."""
    look = Look(now or clock.now())
    changed = 0
    with transaction.atomic():
        if not _alone():
            return 0
        latest = ReadinessChange.objects.order_by("check_key", "-at", "-pk").distinct("check_key")
        former = dict(latest.values_list("check_key", "state"))
        for check in declared():
            finding = check.compute(look)
            if former.get(check.key) != finding.state:
                _note(check, finding, former.get(check.key, ""), look.now)
                changed += 1
    return changed


def _alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        return bool(cursor.fetchone()[0])


def _note(check: Check, finding: Finding, former: str, at: datetime) -> None:
    row = ReadinessChange.objects.create(
        check_key=check.key, state=finding.state, former=former, sentence=finding.sentence[:500],
        count=finding.count, of=finding.of, at=at,
    )  # fmt: skip
    if former and is_worse(finding.state, than=former):
        tell(FELL, subject=f"readiness:{check.key}", title=f"{check.label}: {finding.state.label.lower()}",
             body=finding.sentence, url=f"/readiness/#{check.key}", once=str(row.pk), actor=WATCH)  # fmt: skip
