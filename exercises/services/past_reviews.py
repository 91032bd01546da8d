"""The reviews of the past: written by the analyst, signed by the manager."""

from datetime import timedelta

from accounts.models import User
from core import clock
from exercises.history.story import Report
from incidents.models import Incident
from reviews.enums import FindingKind, FollowUpState
from reviews.services.follow_up import add_follow_up, set_follow_up_state
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
    for number, text in enumerate(report.follow_ups):
        due = (clock.now() + timedelta(days=10 + 12 * number)).date()
        owner = owners[(incident.pk + number) % len(owners)]
        follow_up = add_follow_up(review, text=text, owner=owner, due=due, actor=author.actor)
        if (incident.pk + number) % 3:
            done = FollowUpState.DONE
            set_follow_up_state(review, follow_up_id=follow_up.pk, state=done, actor=owner.actor)


def sign(incident: Incident, *, manager: User) -> None:
    sign_review(incident.review, actor=manager.actor)
