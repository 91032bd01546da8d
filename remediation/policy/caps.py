"""Blast radius: how much may be set going in any 60 minutes, by class of target and kind of requester."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from django.db import connection
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from core import clock
from remediation.enums import OPEN_STATUSES, AssetClass, Decision, RequesterKind
from remediation.models import ActionRun
from remediation.policy import settings

WINDOW = timedelta(hours=1)
_NEVER_ORDERED = (Decision.REJECTED, Decision.EXPIRED, Decision.WITHDRAWN)


@dataclass(frozen=True, slots=True)
class Usage:
    """How full one cap is. `frees_at` is when the oldest of what counts leaves the window."""

    kind: RequesterKind
    asset_class: AssetClass
    used: int
    most: int
    frees_at: datetime | None

    @property
    def is_off(self) -> bool:
        return self.most == 0

    def has_room_for(self, number: int) -> bool:
        return self.is_off or self.used + number <= self.most

    @property
    def who(self) -> str:
        """As it stands within a sentence."""
        return self.kind.label if self.kind == RequesterKind.TOKEN else self.kind.label.lower()

    @property
    def in_words(self) -> str:
        when = f" The next place is free at {self.frees_at:%H:%M:%S} UTC." if self.frees_at else ""
        return (
            f"{self.used:,} of {self.most:,} destructive actions on {self.asset_class.label.lower()} by "
            f"{self.who} were set going within 60 minutes.{when}"
        )


def lock_cap(kind: str, asset_class: str) -> None:
    """Whoever counts and then adds holds this until the transaction has ended, so that no two count the same place."""
    number = int.from_bytes(sha256(f"cap:{kind}:{asset_class}".encode()).digest()[:7])
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def usage(kind: RequesterKind, asset_class: AssetClass, *, besides: ActionRun | None = None) -> Usage:
    """What was ordered within the hour, and what was asked for within the hour and may still be.

    `besides` is a run that is about to be ordered: then only what was ordered counts, and the run itself does not.
    """
    ordered = _ordered(kind, asset_class)
    counted = ordered | _asked_for(kind, asset_class) if besides is None else ordered.exclude(pk=besides.pk)
    oldest = (
        counted.annotate(since=Coalesce(F("ordered"), F("created"))).order_by("since").values_list("since", flat=True)
    )
    first = oldest.first()
    most = settings.cap_of(kind, asset_class)
    return Usage(kind, asset_class, counted.count(), most, first + WINDOW if first is not None else None)


def _of(kind: str, asset_class: str) -> QuerySet[ActionRun]:
    return ActionRun.objects.filter(asset_class=asset_class, requester_kind=kind)


def _ordered(kind: str, asset_class: str) -> QuerySet[ActionRun]:
    return _of(kind, asset_class).filter(ordered__gt=clock.now() - WINDOW, ordered__lte=clock.now())


def _asked_for(kind: str, asset_class: str) -> QuerySet[ActionRun]:
    now = clock.now()
    waiting = Q(ordered=None, status__in=OPEN_STATUSES) & ~Q(decision__in=_NEVER_ORDERED)
    return _of(kind, asset_class).filter(waiting, created__gt=now - WINDOW, created__lte=now)


def all_usage() -> list[Usage]:
    """Every cap with how full it is, for the page."""
    return [usage(kind, asset_class) for asset_class in AssetClass for kind in RequesterKind]
