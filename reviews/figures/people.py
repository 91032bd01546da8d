"""Who carries how much, and what changed since somebody was last here."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F, Q
from django.db.models.functions import ExtractHour, ExtractIsoWeekDay

from accounts.models import User
from core import clock
from core.models import AuditEvent
from incidents.business_time import Calendar
from incidents.enums import SEVERITY_RANK, IncidentStatus, ServiceState, Severity
from incidents.models import Incident
from incidents.queries.incidents import OPEN
from incidents.service_levels import policy
from reviews.figures.period import Period
from reviews.figures.population import Population

SHIFT_GAP, LOOKED_BACK = timedelta(hours=6), timedelta(days=14)
NO_SHIFT = timedelta(hours=12)
SOON = timedelta(hours=8)
MOST = 25


@dataclass(frozen=True, slots=True)
class Load:
    """What one person had in hand. `in_progress` is the mean from taking up to closing; `late_work` is the share of
    their acknowledgements and closes outside working hours, None when there was none."""

    person: User | None
    open: int
    high: int
    opened: int
    closed: int
    in_progress: timedelta | None
    late_work: float | None
    marks: int

    @property
    def key(self) -> str:
        return str(self.person.pk) if self.person else "nobody"

    @property
    def percent_late(self) -> int | None:
        return None if self.late_work is None else round(100 * self.late_work)

    def as_json(self) -> dict[str, Any]:
        return {"owner": self.person.username if self.person else None, "open": self.open, "open_high": self.high,
                "opened": self.opened, "closed": self.closed, "after_hours": self.late_work,
                "mean_seconds_in_progress": self.in_progress.total_seconds() if self.in_progress else None,
                }  # fmt: skip


def workload(population: Population, period: Period) -> list[Load]:
    """Everybody who owns something that is open or was opened or closed in the period; nobody comes last."""
    opened = Q(created__gte=period.since, created__lt=period.until)
    taken = Q(acknowledged__gte=period.since, acknowledged__lt=period.until)
    closed = Q(resolved__gte=period.since, resolved__lt=period.until, status=IncidentStatus.RESOLVED)
    is_open = Q(status__in=OPEN)
    span = ExpressionWrapper(F("resolved") - F("acknowledged"), output_field=DurationField())
    rows = population.incidents().filter(is_open | opened | closed | taken).order_by()
    hours = policy().hours
    rows = rows.annotate(
        taken_hour=ExtractHour("acknowledged", tzinfo=hours.zone),
        taken_day=ExtractIsoWeekDay("acknowledged", tzinfo=hours.zone),
        closed_hour=ExtractHour("resolved", tzinfo=hours.zone),
        closed_day=ExtractIsoWeekDay("resolved", tzinfo=hours.zone),
    )
    grouped = rows.values("assigned_to").annotate(
        n_open=Count("pk", is_open),
        n_high=Count("pk", is_open & Q(severity=Severity.HIGH)),
        n_opened=Count("pk", opened),
        n_closed=Count("pk", closed),
        mean=Avg(span, filter=closed & Q(acknowledged__isnull=False)),
        n_taken=Count("pk", taken),
        n_taken_late=Count("pk", taken & _after_hours("taken", hours)),
        n_closed_late=Count("pk", closed & _after_hours("closed", hours)),
    )
    found: list[dict[str, Any]] = [dict(row) for row in grouped]
    people = User.objects.in_bulk([row["assigned_to"] for row in found if row["assigned_to"]])
    loads = [_load(row, people.get(row["assigned_to"])) for row in found]
    return sorted(loads, key=lambda one: (one.person is None, -one.open, -one.closed, str(one.person)))


def _load(row: dict[str, Any], person: User | None) -> Load:
    marks = row["n_taken"] + row["n_closed"]
    late = (row["n_taken_late"] + row["n_closed_late"]) / marks if marks and person else None
    return Load(person, row["n_open"], row["n_high"], row["n_opened"], row["n_closed"], row["mean"], late, marks)


def _after_hours(name: str, hours: Calendar) -> Q:
    """Whether a mark lies outside the working hours that the options of service levels name."""
    late = Q(**{f"{name}_hour__lt": hours.begins}) | Q(**{f"{name}_hour__gte": hours.ends})
    return late if hours.weekend else late | Q(**{f"{name}_day__gte": 6})


def last_shift_of(user: User) -> datetime:
    """When this person last stopped working: their last deed before the latest pause of six hours or more. Whoever did
    nothing for two weeks looks back twelve hours."""
    now = clock.now()
    deeds = AuditEvent.objects.filter(
        actor_kind="person", actor_id=str(user.pk), at__gte=now - LOOKED_BACK, at__lte=now
    )
    later = now
    for at in deeds.order_by("-at").values_list("at", flat=True)[:2000]:
        if later - at >= SHIFT_GAP:
            return at
        later = at
    return now - NO_SHIFT


@dataclass(frozen=True, slots=True)
class Handover:
    """What somebody who takes over is to know. `escalated` pairs an incident with the severity it had before."""

    since: datetime
    new: list[Incident]
    escalated: list[tuple[Incident, str]]
    waiting: list[Incident]
    due: list[Incident]

    @property
    def parts(self) -> list[dict[str, Any]]:
        return [
            {"key": "due", "title": "Due or overdue", "symbol": "clock", "rows": self.due,
             "said": "A service level is breached, at risk or ends within eight hours."},
            {"key": "new", "title": "New", "symbol": "plus", "rows": self.new,
             "said": "Opened since then and still open, the most urgent first."},
            {"key": "escalated", "title": "Escalated", "symbol": "flag", "rows": [one for one, _ in self.escalated],
             "before": {one.pk: severity for one, severity in self.escalated},
             "said": "Their severity rose since then."},
            {"key": "waiting", "title": "Waiting", "symbol": "pause", "rows": self.waiting,
             "said": "Waits for somebody else, or its clocks are paused."},
        ]  # fmt: skip


def handover(user: User, since: datetime) -> Handover:
    now = clock.now()
    rows = Incident.objects.visible_to(user).open().for_rows()
    order = ("-priority_score", "-last_activity", "-pk")
    soon = Q(sla_due__lte=now + SOON)
    waiting = Q(status=IncidentStatus.AWAITING_ACTION) | Q(sla_state=ServiceState.PAUSED)
    return Handover(
        since,
        new=list(rows.filter(created__gte=since).order_by(*order)[:MOST]),
        escalated=_escalated(user, since),
        waiting=list(rows.filter(waiting).order_by(*order)[:MOST]),
        due=list(rows.filter(soon).order_by("sla_due", "pk")[:MOST]),
    )


def _escalated(user: User, since: datetime) -> list[tuple[Incident, str]]:
    """Of each incident the severity that it had before the first rise of that time."""
    verbs = ("incident.changed", "incident.rolled_up")
    events = AuditEvent.objects.filter(at__gte=since, verb__in=verbs, changes__has_key="severity")
    before: dict[int, str] = {}
    for subject, changes in events.order_by("at", "id").values_list("subject", "changes")[:5000]:
        kind, _, number = subject.partition(":")
        if kind == "incident" and number.isdecimal():
            before.setdefault(int(number), str(changes["severity"][0]))
    rows = Incident.objects.visible_to(user).open().for_rows().filter(pk__in=list(before))
    risen = [row for row in rows if row.severity_rank > SEVERITY_RANK.get(before[row.pk], 0)]
    risen.sort(key=lambda row: (-row.severity_rank, row.pk))
    return [(row, before[row.pk]) for row in risen[:MOST]]
