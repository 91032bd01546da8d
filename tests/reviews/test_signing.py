"""Writing, signing and freezing a review."""

import json
import re
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.models import User
from incidents.enums import IncidentStatus
from incidents.models import Incident
from incidents.services.restrict import restrict_incident
from reviews.enums import FindingKind, FollowUpState, ReviewState
from reviews.models import Review
from reviews.report import digest_of, report_of, zone_called
from reviews.services.addenda import add_addendum
from reviews.services.follow_up import add_follow_up, set_follow_up_state
from reviews.services.print import as_html
from reviews.services.sign import sign_review
from reviews.services.write import AlreadySigned, StaleReview, add_finding, open_review, write_review
from tests.factories.reviews import NINE, resolved_incident, written_review

pytestmark = pytest.mark.django_db


def test_signing_freezes_the_figures_whatever_happens_to_the_incident_later(ada: User, mona: User) -> None:
    incident = resolved_incident()
    review = sign_review(written_review(incident, ada), actor=mona.actor)
    before = report_of(review)

    Incident.objects.filter(pk=incident.pk).update(display_name="Renamed", resolved=NINE)
    review.refresh_from_db()

    assert report_of(review) == before
    assert review.snapshot_sha256 == digest_of(before)


def test_the_document_tells_times_in_the_zone_of_who_signed(ada: User, mona: User) -> None:
    review = written_review(resolved_incident(), ada)
    Review.objects.filter(pk=review.pk).update(summary="Begun 2026-11-10 23:30 UTC.")
    review.refresh_from_db()
    assert "All times are in the zone UTC." in as_html(review)

    page = as_html(sign_review(review, actor=mona.actor, zone="Asia/Tokyo"))

    assert "All times are in the zone Asia/Tokyo." in page
    assert "11 Nov 2026 08:30" in page or "11 Nov 08:30" in page
    assert "23:30" not in re.sub(r'title="[^"]*"|datetime="[^"]*"', "", page)


@pytest.mark.parametrize("zone", ["", "Nowhere/Land", "../etc/passwd", "\x00"])
def test_a_zone_that_nobody_knows_is_utc(zone: str) -> None:
    assert zone_called(zone).key == "UTC"


def test_a_signature_is_refused_while_something_is_missing(ada: User, mona: User) -> None:
    review = open_review(resolved_incident(), actor=ada.actor)

    with pytest.raises(ValidationError) as refusal:
        sign_review(review, actor=mona.actor)

    assert refusal.value.messages == ["The summary is empty.", "No lesson is written down."]


def test_an_open_incident_cannot_be_signed_off(ada: User, mona: User) -> None:
    incident = resolved_incident()
    review = written_review(incident, ada)
    Incident.objects.filter(pk=incident.pk).update(status=IncidentStatus.IN_PROGRESS)

    with pytest.raises(ValidationError, match="not resolved"):
        sign_review(review, actor=mona.actor)


def test_a_signed_review_takes_no_more_words_but_its_follow_ups_go_on(ada: User, mona: User) -> None:
    review = written_review(resolved_incident(), ada)
    promise = add_follow_up(review, text="Call-back rule", owner=ada, due=NINE.date(), actor=ada.actor)
    review = sign_review(review, actor=mona.actor)

    with pytest.raises(AlreadySigned):
        add_finding(review, kind=FindingKind.WELL, text="late", actor=ada.actor)
    done = set_follow_up_state(review, follow_up_id=promise.pk, state=FollowUpState.DONE, actor=ada.actor)

    assert done.done_at is not None
    assert review.state == ReviewState.SIGNED


def test_nobody_signs_twice(ada: User, mona: User) -> None:
    review = sign_review(written_review(resolved_incident(), ada), actor=mona.actor)

    with pytest.raises(AlreadySigned):
        sign_review(review, actor=mona.actor)


def test_a_writer_who_read_an_older_version_does_not_overwrite_the_newer(ada: User) -> None:
    review = written_review(resolved_incident(), ada)

    with pytest.raises(StaleReview):
        write_review(review, changes={"summary": "mine"}, actor=ada.actor, expected_version=review.version - 1)


def test_only_summary_and_lessons_can_be_written(ada: User) -> None:
    review = written_review(resolved_incident(), ada)

    with pytest.raises(ValidationError):
        write_review(review, changes={"state": "signed"}, actor=ada.actor)


def test_lines_written_in_a_browser_print_as_lines(ada: User, mona: User) -> None:
    review = open_review(resolved_incident(), actor=ada.actor)
    words = {"summary": "What happened.\r\nTo whom.", "lessons": "Block it.\r\nTell people."}
    write_review(review, changes=words, actor=ada.actor)
    add_follow_up(review, text="First\r\nsecond", owner=ada, due=NINE.date(), actor=ada.actor)
    review.refresh_from_db()

    assert (review.summary, review.lessons) == ("What happened.\nTo whom.", "Block it.\nTell people.")
    assert review.follow_ups.get().text == "First\nsecond"


def test_a_text_stored_with_other_line_ends_prints_right_too(ada: User) -> None:
    review = written_review(resolved_incident(), ada)
    Review.objects.filter(pk=review.pk).update(lessons="Block it.\r\nTell people.")
    review.refresh_from_db()

    page = as_html(review)

    assert "U+000D" not in page
    assert "Block it." in page


def test_open_pages_of_others_hear_nothing_of_a_restricted_review(
    ada: User, rita: User, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    heard: list[str] = []
    monkeypatch.setattr("core.live._send", heard.append)
    incident = resolved_incident()
    review = written_review(incident, ada)
    restrict_incident(incident, people=[ada, rita], actor=ada.actor, reason="An insider")
    review = Review.objects.select_related("incident").get(pk=review.pk)
    with django_capture_on_commit_callbacks(execute=True):
        add_finding(review, kind=FindingKind.WELL, text="Somebody noticed.", actor=ada.actor)
        add_follow_up(review, text="Look again", owner=None, due=NINE.date(), actor=ada.actor)
        add_addendum(sign_review(review, actor=ada.actor), text="More is known.", actor=ada.actor)
    told = [one for one in map(json.loads, heard) if one["topic"] == "review.changed"]
    assert len(told) == 4
    assert all((one["groups"], one["people"]) == (None, sorted([ada.pk, rita.pk])) for one in told)
