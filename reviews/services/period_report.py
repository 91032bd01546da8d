"""Reports of a period: ordered by a person, computed and frozen in a worker, made again as a new edition."""

from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Max, Q
from django.template.loader import render_to_string
from django.utils import timezone

from accounts import keys
from accounts.enums import ScopeKind
from accounts.models import User
from core import audit, blobs, clock, jobs
from core.actors import Actor
from core.wording import unix_lines
from notifications import topics
from notifications.services.tell import tell
from reviews.enums import DocumentState, FollowUpState, LessonState
from reviews.figures.period import CUSTOM, LONGEST, Period, read_period
from reviews.figures.population import Population
from reviews.figures.summary import summarise
from reviews.models import FollowUp, Lesson, PeriodReport
from reviews.report import as_stored, digest_of, zone_called
from reviews.services.follow_up import overdue
from reviews.services.print import html_to_pdf

TASK = "reviews.tasks.make_period_report"
MAX_TITLE, MAX_NOTES = 200, 20_000
# A message may be lost; what has waited this long is taken up by the sweep.
LOST_AFTER = timedelta(minutes=2)
SCHEDULE = Actor.system("schedule")
DRAFTED = topics.declare(
    "report.drafted",
    "A report of the month was drafted",
    "The schedule froze the figures of the month that is over.",
    group="Reviews",
    permission=keys.READ_REPORTS,
    channels=("page",),
)


def order_report(user: User, *, period: Period, title: str, notes: str, actor: Actor) -> PeriodReport:
    """A report of the figures as `user` may see them. Raises `ValidationError`."""
    title = " ".join(_text(title, MAX_TITLE, "Title").split()) or f"Report {period.in_words}"
    with transaction.atomic():
        row = _row(user, period, title, notes, actor)
        row.series = 0
        row.save()
        row.series = row.pk
        row.save(update_fields=["series"])
        _announce(row, actor, "report.ordered")
    return row


def remake_report(report: PeriodReport, *, user: User, notes: str, actor: Actor) -> PeriodReport:
    """The same span once more, as the next edition; the earlier one stays as it is."""
    zone = zone_called(report.zone)
    period = Period(CUSTOM, report.since, report.until, zone, _step_of(report))
    with transaction.atomic():
        editions = PeriodReport.objects.select_for_update().filter(series=report.series)
        last = max(editions.values_list("edition", flat=True))
        row = _row(user, period, report.title, notes, actor)
        row.series, row.edition = report.series, last + 1
        row.save()
        _announce(row, actor, "report.remade")
    return row


def _row(user: User, period: Period, title: str, notes: str, actor: Actor) -> PeriodReport:
    if not timedelta(0) < period.until - period.since <= LONGEST:
        raise ValidationError("The period ends before it begins, or is longer than ten years.")
    groups = [] if user.scope.everything else sorted(user.scope.group_ids)
    return PeriodReport(
        title=title, since=period.since, until=period.until, zone=str(period.zone),
        notes=_text(notes, MAX_NOTES, "Notes"), author={**actor.as_json(), "user": user.pk}, made=clock.now(),
        everything=user.scope.everything, group_ids=groups,
    )  # fmt: skip


def _announce(row: PeriodReport, actor: Actor, verb: str) -> None:
    span = {"since": row.since.isoformat(), "until": row.until.isoformat()}
    audit.record(verb, subject=f"report:{row.pk}", actor=actor, data={**span, "edition": row.edition})
    jobs.enqueue(TASK, row.pk)


def make_report(report_id: int) -> None:
    """Compute, freeze, print. Safe to run twice: what is frozen is not computed again."""
    report = PeriodReport.objects.filter(pk=report_id).exclude(state=DocumentState.READY).first()
    if report is None:
        return
    author = _eyes_of(report)
    if report.content is None:
        if author is None:
            _fail(report, "Its author can no longer sign in, so nobody's view is left to compute it from.")
            return
        _freeze(report, as_stored(contents_of(report, author)))
        report.refresh_from_db()
    print_report(report)


def order_scheduled(period: Period, *, title: str) -> PeriodReport:
    """A report that nobody ordered: the figures of all device groups, by the schedule. The caller sees to it that there
    is one."""
    with transaction.atomic():
        row = PeriodReport.objects.create(
            title=title, series=0, since=period.since, until=period.until, zone=str(period.zone),
            author=SCHEDULE.as_json(), made=clock.now(), everything=True,
        )  # fmt: skip
        row.series = row.pk
        row.save(update_fields=["series"])
        _announce(row, SCHEDULE, "report.ordered")
    return row


def is_scheduled(report: PeriodReport) -> bool:
    return bool(report.author.get("kind") == SCHEDULE.kind.value and report.author.get("id") == SCHEDULE.id)


def _eyes_of(report: PeriodReport) -> User | None:
    """Who sees what the report tells: its author as long as they are here; the schedule sees all that is not
    restricted."""
    if not is_scheduled(report):
        return User.objects.filter(pk=report.author.get("user") or 0, is_active=True).first()
    eyes = User(pk=0, username=SCHEDULE.name, display_name=SCHEDULE.name, scope_kind=ScopeKind.ALL)
    eyes.grant(frozenset({keys.READ, keys.READ_REPORTS}))
    return eyes


def contents_of(report: PeriodReport, author: User) -> dict[str, Any]:
    """Everything the report says. Restricted incidents are left out: its readers are others than theirs."""
    zone = zone_called(report.zone)
    period = Period(CUSTOM, report.since, report.until, zone, _step_of(report))
    found = summarise(Population(author, {}, without_restricted=True), period)
    mine = FollowUp.objects.visible_to(author).filter(review__incident__restricted=False)
    done = Q(state=FollowUpState.DONE, done_at__gte=report.since, done_at__lt=report.until)
    follow_ups = mine.aggregate(open=Count("pk", Q(state=FollowUpState.OPEN)), overdue=Count("pk", overdue()),
                                done=Count("pk", done))  # fmt: skip
    lessons = Lesson.objects.visible_to(author).exclude(incident__restricted=True).order_by()
    counts = dict(lessons.values_list("state").annotate(n=Count("pk")).values_list("state", "n"))
    return {
        **found,
        "title": report.title,
        "notes": report.notes,
        "author": report.author["name"],
        "made": clock.now(),
        "reach": "All device groups" if report.everything else author.reach_in_words,
        "follow_ups": follow_ups,
        "lessons": {state.value: counts.get(state.value, 0) for state in LessonState},
    }


def _freeze(report: PeriodReport, content: dict[str, Any]) -> None:
    """Written once: whoever comes second keeps what the first has frozen."""
    with transaction.atomic():
        waiting = PeriodReport.objects.filter(pk=report.pk, content__isnull=True)
        if waiting.update(content=content, digest=digest_of(content)):
            audit.record("report.frozen", subject=f"report:{report.pk}", actor=Actor.system("reviews"),
                         data={"sha256": digest_of(content)})  # fmt: skip
            if is_scheduled(report):
                tell(DRAFTED, subject=f"report:{report.pk}", title=f"{report.title} is ready to be read",
                     url=f"/reports/periods/{report.pk}/", once=str(report.pk), actor=SCHEDULE)  # fmt: skip


def print_report(report: PeriodReport) -> None:
    pdf, error = html_to_pdf(as_html(report))
    if pdf is None:
        _fail(report, error)
        return
    blob = blobs.keep(pdf, name=f"{report.number.replace(' ', '-')}.pdf", media_type="application/pdf")
    PeriodReport.objects.filter(pk=report.pk).update(blob=blob, state=DocumentState.READY, error="")


def _fail(report: PeriodReport, error: str) -> None:
    PeriodReport.objects.filter(pk=report.pk).update(state=DocumentState.FAILED, error=error[:500])


def as_html(report: PeriodReport) -> str:
    with timezone.override(zone_called(report.zone)):
        return render_to_string("reviews/period_document.html", {"report": report, "found": report.content})


def take_up_lost() -> None:
    """Orders whose message was lost."""
    lost = PeriodReport.objects.filter(state=DocumentState.WAITING, made__lt=clock.now() - LOST_AFTER)
    for pk in lost.order_by("pk").values_list("pk", flat=True)[:10]:
        make_report(pk)


def try_again(report: PeriodReport) -> None:
    """Print again what could not be printed; the figures stay those that were frozen."""
    with transaction.atomic():
        if PeriodReport.objects.filter(pk=report.pk, state=DocumentState.FAILED).update(
            state=DocumentState.WAITING, error=""
        ):
            jobs.enqueue(TASK, report.pk)


def editions_of(report: PeriodReport) -> Any:
    return PeriodReport.objects.filter(series=report.series).order_by("-edition")


def newest_of_each(reports: Any) -> Any:
    """The latest edition of each report, of those that may be seen."""
    newest = reports.order_by().values("series").annotate(last=Max("pk")).values("last")
    return reports.filter(pk__in=newest)


def _step_of(report: PeriodReport) -> str:
    span = {"since": report.since.isoformat(), "until": report.until.isoformat()}
    return read_period(span, zone=zone_called(report.zone)).step


def _text(value: str, longest: int, label: str) -> str:
    text = unix_lines(value or "").replace("\x00", "").strip()
    if len(text) > longest:
        raise ValidationError(f"{label}: at most {longest:,} characters, this has {len(text):,}.")
    return text
