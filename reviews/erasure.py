"""What reviews say of somebody who is erased: drafts lose the name, what was signed stays as it was signed."""

from collections.abc import Callable, Iterable

from django.db.models import Q

from accounts.models import User
from core import erasure
from core.wording import counted
from incidents.models import Evidence
from reviews.enums import ReviewState
from reviews.models import Contact, Drill, Finding, Lesson, PeriodReport, Review


def declare_parts() -> None:
    for kind in ("identity", "mailbox"):
        erasure.part(kind, "drafts of reviews", _drafts)
        erasure.keeps(kind, _signed_about(kind))
    erasure.keeps("user", _signed_by)
    erasure.keeps("user", _reported)
    erasure.part("user", "lessons", _lessons)
    erasure.part("user", "contacts", _contacts)
    erasure.part("user", "exercises", _drills)


def _drafts(person: erasure.Person) -> int:
    named = Evidence.objects.filter(**{person.kind: person.id}).values("alert__incident")
    drafts = Review.objects.filter(incident__in=named, state=ReviewState.DRAFT)
    findings = erasure.scrub(Finding.objects.filter(review__in=drafts), ("text",), person)
    return findings + erasure.scrub(drafts, ("summary", "lessons"), person)


def _lessons(person: erasure.Person) -> int:
    return erasure.scrub_naming(Lesson, ("what", "why"), person)


def _reported(person: int) -> list[str]:
    """Reports of a period are frozen with everything they show; those by this person, or that list their work."""
    user = User.objects.get(pk=person)
    words = Q(author__person_id=person)
    for word in (user.display_name, user.username):
        words |= Q(content__icontains=f'"{word}"')
    count = PeriodReport.objects.filter(words).exclude(content__isnull=True).count()
    return [f"{counted(count, 'report')} of a period, as frozen, with the PDF"] if count else []


def _contacts(person: erasure.Person) -> int:
    """Nobody is named in their place: the entry becomes a finding."""
    gone = Contact.objects.filter(person=person.id).update(person=None, name=person.stand_in, phone="", mail="")
    stood_in = Contact.objects.filter(deputy=person.id)
    gone += stood_in.update(deputy=None, deputy_name=person.stand_in, deputy_phone="", deputy_mail="")
    named = ("words", "name", "deputy_name", "note")
    return gone + erasure.scrub(Contact.objects.all(), named, person)


def _drills(person: erasure.Person) -> int:
    return erasure.scrub(Drill.objects.all(), ("scenario", "participants", "findings"), person)


def _signed_about(kind: str) -> Callable[[int], Iterable[str]]:
    def told(person: int) -> list[str]:
        named = Evidence.objects.filter(**{kind: person}).values("alert__incident")
        return _said(Review.objects.filter(incident__in=named, state=ReviewState.SIGNED).count())

    return told


def _signed_by(person: int) -> list[str]:
    by = Q(signed_by__person_id=person) | Q(written_by__person_id=person)
    return _said(Review.objects.filter(by, state=ReviewState.SIGNED).count())


def _said(count: int) -> list[str]:
    return [f"{counted(count, 'signed review')}, as signed, with the PDF"] if count else []
