"""Follow-ups until they are done, lessons until they are verified, addenda, and reports that stay as they were."""

import csv
from datetime import UTC, date, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import DeviceGroup, User
from core import clock
from core.models import AuditEvent
from incidents.models import Incident
from notifications.models import Message
from reviews.enums import DocumentState, FindingKind, FollowUpState
from reviews.figures.period import Period
from reviews.models import Addendum, FollowUp, Lesson, PeriodReport, Review
from reviews.services import period_report
from reviews.services.addenda import add_addendum, is_true
from reviews.services.follow_up import OVERDUE, add_follow_up, remind_of_overdue
from reviews.services.lessons import move_lesson, write_lesson
from reviews.services.period_report import make_report, order_report, remake_report
from reviews.services.sign import sign_review
from reviews.services.write import add_finding
from tests.conftest import SignedIn
from tests.factories.api import caller
from tests.factories.past import MONDAY, handled, incident_at
from tests.factories.people import person
from tests.factories.reviews import resolved_incident, written_review

pytestmark = pytest.mark.django_db
WEEK = Period("custom", MONDAY - timedelta(days=1), MONDAY + timedelta(days=6), UTC, "day")


def _streamed(answer: Any) -> str:
    return b"".join(answer.streaming_content).decode()


@pytest.fixture
def review(ada: User) -> Review:
    return written_review(resolved_incident(), ada)


@pytest.fixture
def late(review: Review, ada: User, rita: User) -> FollowUp:
    return add_follow_up(review, text="Train the team.", owner=rita, due=date(2026, 1, 9), actor=ada.actor)


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What goes to the PDF maker, instead of starting it: it has tests of its own."""
    pages: list[str] = []

    def keep(html: str) -> tuple[bytes, str]:
        pages.append(html)
        return b"%PDF-1.7", ""

    monkeypatch.setattr(period_report, "html_to_pdf", keep)
    return pages


def test_a_follow_up_ends_with_what_was_done(client: Client, signed_in: SignedIn, late: FollowUp, rita: User) -> None:
    signed_in(client, rita)
    address = f"/follow-ups/{late.pk}/finish/"
    assert client.post(address, {"outcome": ""}).status_code == 422
    client.post(address, {"outcome": "Done on Friday, see ticket 4711."})
    late.refresh_from_db()
    assert (late.state, late.outcome, (late.done_by or {})["name"]) == (
        "done",
        "Done on Friday, see ticket 4711.",
        str(rita),
    )
    client.post(address, {"reason": "Half of them were ill."})
    late.refresh_from_db()
    assert (late.state, late.reopened_count, late.outcome) == ("open", 1, "Done on Friday, see ticket 4711.")
    assert AuditEvent.objects.filter(subject=f"follow_up:{late.pk}", reason="Half of them were ill.").exists()


def test_the_list_finds_what_is_overdue_and_mine(
    client: Client, signed_in: SignedIn, late: FollowUp, rita: User, ada: User
) -> None:
    signed_in(client, rita)
    for query, there in (("state=overdue", True), ("owner=me", True), ("state=done", False), ("owner=nobody", False)):
        assert ("Train the team." in client.get(f"/follow-ups/?{query}").content.decode()) is there
    assert "Train the team." not in signed_in(client, ada).get("/follow-ups/?owner=me").content.decode()


def test_reassigning_tells_the_new_owner(
    client: Client, signed_in: SignedIn, late: FollowUp, mona: User, ada: User
) -> None:
    Message.objects.all().delete()
    signed_in(client, mona)
    client.post(f"/follow-ups/{late.pk}/change/", {"owner": ada.pk, "due": "2030-01-01", "reason": "Rita is away."})
    late.refresh_from_db()
    assert (late.owner, late.due) == (ada, date(2030, 1, 1))
    assert [message.people for message in Message.objects.all()] == [[ada.pk]]


def test_an_overdue_one_is_told_once_for_each_date(late: FollowUp, rita: User) -> None:
    assert (remind_of_overdue(), remind_of_overdue()) == (1, 0)
    assert Message.objects.get(topic=OVERDUE).people == [rita.pk]
    FollowUp.objects.update(due=date(2026, 2, 1), told_late=None)
    assert remind_of_overdue() == 1


def test_follow_ups_of_hidden_reviews_are_nowhere(
    client: Client, signed_in: SignedIn, late: FollowUp, eve: User
) -> None:
    Incident.objects.update(open_to_all=False, device_group_ids=[DeviceGroup.objects.get(is_default=True).pk])
    signed_in(client, eve)
    assert "Train" not in client.get("/follow-ups/?state=all").content.decode()
    assert "Train" not in _streamed(client.get("/follow-ups/export.csv?state=all"))
    assert client.get(f"/follow-ups/{late.pk}/finish/").status_code == 404


def test_a_finding_becomes_a_lesson_that_later_incidents_show(
    client: Client, signed_in: SignedIn, review: Review, ada: User
) -> None:
    finding = add_finding(review, kind=FindingKind.BADLY, text="Nobody called back.", actor=ada.actor)
    signed_in(client, ada)
    address = f"/lessons/new/?incident={review.incident_id}&finding={finding.pk}"
    assert "Nobody called back." in client.get(address).content.decode()
    client.post(address, {"what": "Call back before paying.", "category": "process"})
    lesson = Lesson.objects.get()
    assert (lesson.incident, lesson.techniques) == (review.incident, ["T1564.008"])
    alike, other = incident_at(clock.now()), incident_at(clock.now())
    Incident.objects.filter(pk=alike.pk).update(mitre_techniques=["T1564.008"])
    assert "Learned before" in client.get(f"/incidents/{alike.pk}/").content.decode()
    assert "Learned before" not in client.get(f"/incidents/{other.pk}/").content.decode()
    assert "Learned before" not in client.get(f"/incidents/{review.incident_id}/").content.decode()


def test_a_lesson_is_verified_only_after_it_was_adopted(review: Review, ada: User) -> None:
    lesson = write_lesson({"what": "Call back."}, actor=ada.actor, incident=review.incident)
    with pytest.raises(ValidationError):
        move_lesson(lesson, state="verified", actor=ada.actor)
    move_lesson(lesson, state="adopted", actor=ada.actor, reason="Agreed in the meeting.")
    assert move_lesson(lesson, state="verified", actor=ada.actor).state == "verified"


@pytest.mark.parametrize(
    "values",
    [{"what": ""}, {"what": "x" * 301}, {"what": "x", "techniques": ["<b>"]}, {"what": "x", "state": "verified"}],
)
def test_a_lesson_that_does_not_hold_is_refused(ada: User, values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        write_lesson(values, actor=ada.actor)


def test_a_lesson_of_a_hidden_incident_is_nowhere(
    client: Client, signed_in: SignedIn, review: Review, ada: User, eve: User
) -> None:
    lesson = write_lesson({"what": "Secret words"}, actor=ada.actor, incident=review.incident)
    Incident.objects.update(open_to_all=False, device_group_ids=[DeviceGroup.objects.get(is_default=True).pk])
    signed_in(client, eve)
    assert client.get(f"/lessons/{lesson.pk}/").status_code == 404
    assert "Secret words" not in client.get("/lessons/?q=secret").content.decode()
    assert caller(eve).get("/lessons").body["count"] == 0


def test_an_addendum_stands_below_what_was_signed(
    client: Client, signed_in: SignedIn, review: Review, mona: User, ada: User
) -> None:
    with pytest.raises(ValidationError):
        add_addendum(review, text="Too early", actor=mona.actor)
    frozen = sign_review(review, actor=mona.actor).snapshot
    signed_in(client, mona)
    client.post(f"/reviews/{review.incident_id}/addenda/", {"text": "The bank paid it back."})
    review.refresh_from_db()
    assert review.snapshot == frozen
    assert "The bank paid it back." in client.get(f"/reviews/{review.incident_id}/").content.decode()
    row = Addendum.objects.get()
    assert is_true(row)
    Addendum.objects.update(text="Nothing was lost.")
    assert not is_true(Addendum.objects.get())
    assert "Not what was signed" in client.get(f"/reviews/{review.incident_id}/").content.decode()
    assert signed_in(client, ada).post(f"/reviews/{review.incident_id}/addenda/", {"text": "x"}).status_code == 403


def test_a_report_stays_as_it_was(printed: list[str], ada: User, mona: User) -> None:
    handled(ada)
    report = order_report(mona, period=WEEK, title="The week", notes="Quiet.", actor=mona.actor)
    make_report(report.pk)
    handled(ada)
    make_report(report.pk)
    report.refresh_from_db()
    assert (report.state, (report.content or {})["totals"]["opened"], len(printed)) == (DocumentState.READY, 1, 1)
    assert "Quiet." in printed[0]
    second = remake_report(report, user=mona, notes="Once more.", actor=mona.actor)
    make_report(second.pk)
    second.refresh_from_db()
    assert (second.number, (second.content or {})["totals"]["opened"]) == (f"REP-{report.pk} v2", 2)


def test_a_report_is_read_by_who_sees_as_much(
    printed: list[str], client: Client, signed_in: SignedIn, mona: User, elsewhere: DeviceGroup
) -> None:
    narrow = person("nils", "manager", groups=[elsewhere])
    everything = order_report(mona, period=WEEK, title="All", notes="", actor=mona.actor)
    part = order_report(narrow, period=WEEK, title="Part", notes="", actor=narrow.actor)
    for report in (everything, part):
        make_report(report.pk)
    signed_in(client, narrow)
    files = [f"/reports/periods/{everything.pk}/{name}" for name in ("", "file.pdf", "file.csv", "again/")]
    assert {client.get(path).status_code for path in files} == {404}
    assert client.get(f"/reports/periods/{part.pk}/file.pdf").status_code == 200
    assert signed_in(client, mona).get(f"/reports/periods/{part.pk}/").status_code == 200


def test_the_csv_of_a_report_holds_the_frozen_figures(
    printed: list[str], client: Client, signed_in: SignedIn, ada: User, mona: User
) -> None:
    handled(ada)
    report = order_report(mona, period=WEEK, title="=week", notes="", actor=mona.actor)
    make_report(report.pk)
    handled(ada)
    answer: Any = signed_in(client, mona).get(f"/reports/periods/{report.pk}/file.csv")
    lines = list(csv.reader(b"".join(answer.streaming_content).decode().splitlines()))
    assert ["incidents", "Opened", "", "1", "", ""] in lines


def test_what_could_not_be_printed_keeps_its_figures(
    monkeypatch: pytest.MonkeyPatch, client: Client, signed_in: SignedIn, mona: User
) -> None:
    monkeypatch.setattr(period_report, "html_to_pdf", lambda html: (None, "No pango."))
    report = order_report(mona, period=WEEK, title="x", notes="", actor=mona.actor)
    make_report(report.pk)
    page = signed_in(client, mona).get(f"/reports/periods/{report.pk}/").content.decode()
    assert "No pango." in page
    assert "How fast we were" in page
    monkeypatch.setattr(period_report, "html_to_pdf", lambda html: (b"%PDF-1.7", ""))
    client.post(f"/reports/periods/{report.pk}/print/")
    make_report(report.pk)
    assert PeriodReport.objects.get().state == DocumentState.READY


def test_a_lost_order_is_taken_up(printed: list[str], mona: User) -> None:
    order_report(mona, period=WEEK, title="x", notes="", actor=mona.actor)
    period_report.take_up_lost()
    assert printed == []
    PeriodReport.objects.update(made=clock.now() - timedelta(minutes=5))
    period_report.take_up_lost()
    assert len(printed) == 1


def test_the_api_tells_figures_rows_and_layer(ada: User, mona: User) -> None:
    handled(ada)
    client = caller(mona)
    span = WEEK.span
    assert client.get("/figures", **span).body["totals"]["opened"] == 1
    row = client.get("/figures/rows", figure="acknowledged", **span).body["results"][0]
    assert (row["seconds_to"]["acknowledged"], row["owner"]) == (600.0, "ada")
    assert client.get("/figures/navigator-layer", **span).body["domain"] == "enterprise-attack"
    for query in ({"period": "year"}, {"since": "x", "until": "y"}, {"severity": "urgent"}, {"time_zone": "Mars"}):
        assert client.get("/figures", **query).status == 400
    assert client.get("/figures/rows", figure="none").status == 400
    assert caller(ada).get("/figures").status == 403


def test_the_api_finishes_follow_ups_and_keeps_lessons(late: FollowUp, review: Review, ada: User) -> None:
    client = caller(ada)
    path = f"/follow-ups/{late.pk}"
    assert client.patch(path, {"state": "done"}).status == 400
    done = client.patch(path, {"state": "done", "outcome": "Ticket 7.", "owner": "ada"}).body
    assert (done["state"], done["outcome"], done["owner"]) == ("done", "Ticket 7.", "ada")
    made = client.post("/lessons", {"what": "Call back.", "incident_id": str(review.incident_id)}).body
    assert (made["state"], made["techniques"]) == ("proposed", ["T1564.008"])
    assert client.patch(f"/lessons/{made['id']}", {"state": "verified"}).status == 400
    assert client.patch(f"/lessons/{made['id']}", {"state": "adopted"}).body["state"] == "adopted"
    assert FollowUp.objects.get().state == FollowUpState.DONE


def test_the_api_freezes_a_report(printed: list[str], mona: User, ada: User) -> None:
    client = caller(mona)
    made = client.post("/period-reports", {**WEEK.span, "title": "The week"})
    assert (made.status, made.body["state"], made.body["figures"]) == (201, "waiting", None)
    make_report(int(made.body["id"]))
    assert client.get(f"/period-reports/{made.body['id']}").body["figures"]["title"] == "The week"
    assert client.post(f"/period-reports/{made.body['id']}/remake", {}).body["edition"] == 2
    assert client.post("/period-reports", {"since": "x", "until": "y"}).status == 400
    assert caller(ada).get("/period-reports").status == 403
