"""The reviews of the past: written by the analyst, signed by the manager."""

from datetime import timedelta

from accounts.models import User
from core import clock
from exercises.history.story import Report
from incidents.models import Incident
from reviews.enums import FindingKind, FollowUpState, LessonState
from reviews.models import Lesson
from reviews.services.follow_up import add_follow_up, set_follow_up_state
from reviews.services.lessons import link_incident, move_lesson, write_lesson
from reviews.services.sign import sign_review
from reviews.services.write import add_finding, open_review, write_review


def write(incident: Incident, report: Report, *, author: User, owners: list[User]) -> None:
    """The review of a closed incident, with its findings and follow-ups; some of those are done by now."""
    review = open_review(incident, actor=author.actor)
    changes = {"summary": report.summary, "lessons": report.lessons}
    review = write_review(review, changes=changes, actor=author.actor)
    for text in report.well:
        add_finding(review, kind=FindingKind.WELL, text=text, actor=author.actor)
    for text in report.badly:
        add_finding(review, kind=FindingKind.BADLY, text=text, actor=author.actor)
    lesson = _lesson(incident, report, author=author, owners=owners)
    for number, text in enumerate(report.follow_ups):
        due = (clock.now() + timedelta(days=10 + 12 * number)).date()
        owner = owners[(incident.pk + number) % len(owners)]
        follow_up = add_follow_up(review, text=text, owner=owner, due=due, actor=author.actor, lesson=lesson)
        if (incident.pk + number) % 3:
            done = FollowUpState.DONE
            set_follow_up_state(
                review,
                follow_up_id=follow_up.pk,
                state=done,
                actor=owner.actor,
                outcome=_OUTCOMES[number % len(_OUTCOMES)],
            )


def _lesson(incident: Incident, report: Report, *, author: User, owners: list[User]) -> Lesson | None:
    """What the first follow-up puts to use. The same lesson is learned once; later incidents are linked to it."""
    if not report.follow_ups:
        return None
    what = report.follow_ups[0]
    known = Lesson.objects.filter(what=what, incident__exercise=incident.exercise).first()
    if known is not None:
        link_incident(known, incident=incident, actor=author.actor)
        if known.state == LessonState.ADOPTED and known.incidents.count() > 2:
            move_lesson(known, state=LessonState.VERIFIED, actor=author.actor, reason="It held in the last incident.")
        return known
    owner = owners[incident.pk % len(owners)]
    values = {"what": what, "why": report.lessons, "category": _category(what), "owner": owner}
    made = write_lesson(values, actor=author.actor, incident=incident)
    if incident.pk % 4:
        made = move_lesson(made, state=LessonState.ADOPTED, actor=owner.actor, reason="Agreed in the meeting.")
    return made


def _category(what: str) -> str:
    text = what.lower()
    return next((kind for word, kind in _WORDS if word in text), "process")


_WORDS = (("alert", "detection"), ("sign-in", "access"), ("account", "access"), ("identity", "access"),
          ("refuse", "hardening"), ("block", "hardening"), ("lower", "hardening"), ("train", "training"),
          ("mark", "tooling"))  # fmt: skip
_OUTCOMES = (
    "Done, and tested with the service desk.",
    "Rolled out with the change of the month; the ticket holds the details.",
    "Written into the run book, which the team went through together.",
)


def sign(incident: Incident, *, manager: User) -> None:
    sign_review(incident.review, actor=manager.actor)
