"""The review's page, its list and its PDF."""

import pytest
from django.test import Client

from accounts.models import DeviceGroup, User
from reviews.due import waiting_for_signature
from reviews.models import Review
from reviews.services.print import html_to_pdf
from reviews.services.write import open_review, write_review
from tests.conftest import SignedIn
from tests.factories.people import DeviceGroupFactory
from tests.factories.reviews import resolved_incident, written_review

pytestmark = pytest.mark.django_db


def test_an_analyst_begins_writes_and_a_manager_signs(
    client: Client, ada: User, mona: User, signed_in: SignedIn
) -> None:
    incident = resolved_incident()
    page = f"/reviews/{incident.pk}/"
    signed_in(client, ada)
    client.post(page)
    words = {"version": "1", "summary": "What happened.", "lessons": "What we learned."}
    assert client.post(f"{page}write/", words).status_code == 302

    signed_in(client, mona)
    assert client.post(f"{page}sign/").status_code == 302

    assert Review.objects.values_list("signed_by__name", flat=True).get() == "Mona Haddad"
    assert "Signed by" in client.get(page).content.decode()


def test_an_analyst_may_not_sign(client: Client, ada: User, signed_in: SignedIn) -> None:
    review = written_review(resolved_incident(), ada)

    assert signed_in(client, ada).post(f"/reviews/{review.incident_id}/sign/").status_code == 403


@pytest.mark.parametrize("page", ["/waiting/", "/overview/"])
def test_what_is_ready_waits_for_who_may_sign(
    client: Client, ada: User, mona: User, signed_in: SignedIn, page: str
) -> None:
    review = written_review(resolved_incident(), ada)

    for person, waits in ((mona, True), (ada, False)):
        text = signed_in(client, person).get(page).content.decode()
        assert (f"/reviews/{review.incident_id}/" in text or "1 review to sign" in text) == waits


def test_a_manager_may_not_write(client: Client, ada: User, mona: User, signed_in: SignedIn) -> None:
    review = written_review(resolved_incident(), ada)

    assert signed_in(client, mona).post(f"/reviews/{review.incident_id}/write/").status_code == 403


def test_a_review_outside_the_scope_is_not_found(client: Client, ada: User, eve: User, signed_in: SignedIn) -> None:
    here: DeviceGroup = DeviceGroupFactory.create()
    review = written_review(resolved_incident(groups=[here.pk]), ada)
    signed_in(client, eve)

    assert client.get(f"/reviews/{review.incident_id}/").status_code == 404
    assert client.get(f"/reviews/{review.incident_id}/document/file/").status_code == 404
    assert b"Invoice fraud" not in client.get("/reviews/?state=draft").content


def test_hostile_words_are_shown_as_words(client: Client, ada: User, signed_in: SignedIn) -> None:
    incident = resolved_incident(name="<script>alert(1)</script>")
    written_review(incident, ada)

    page = signed_in(client, ada).get(f"/reviews/{incident.pk}/").content.decode()

    assert "<script>alert(1)</script>" not in page
    assert "&lt;script&gt;" in page


def test_the_list_tells_what_to_write_what_to_sign_and_what_is_done(
    client: Client, ada: User, signed_in: SignedIn
) -> None:
    resolved_incident(name="Nobody wrote this yet")
    written_review(resolved_incident(name="Waits for a signature"), ada)
    signed_in(client, ada)

    assert "Nobody wrote this yet" in client.get("/reviews/").content.decode()
    assert "Waits for a signature" in client.get("/reviews/?state=sign").content.decode()


def tabs_of(client: Client, address: str = "/reviews/") -> list[tuple[str, bool, int]]:
    return [(tab["label"], tab["current"], tab["count"]) for tab in client.get(address).context["tabs"]]


def test_everybody_lands_on_the_tab_they_can_act_on(client: Client, ada: User, mona: User, signed_in: SignedIn) -> None:
    resolved_incident()
    written_review(resolved_incident(), ada)
    open_review(resolved_incident(), actor=ada.actor)

    signed_in(client, mona)
    assert tabs_of(client) == [("To sign", True, 1), ("To write", False, 0), ("Drafts", False, 0), ("Signed", False, 0)]

    signed_in(client, ada)
    assert tabs_of(client) == [("To write", True, 1), ("To sign", False, 0), ("Drafts", False, 1), ("Signed", False, 0)]


def test_what_waits_for_a_signature_misses_nothing_else(
    client: Client, ada: User, mona: User, signed_in: SignedIn
) -> None:
    written_review(resolved_incident(name="All written"), ada)
    unfinished = open_review(resolved_incident(name="Half written"), actor=ada.actor)
    write_review(unfinished, changes={"summary": "What happened."}, actor=ada.actor)
    signed_in(client, mona)

    waiting, drafts = (client.get(f"/reviews/?state={state}").content.decode() for state in ("sign", "draft"))

    assert ("All written" in waiting, "Half written" in waiting) == (True, False)
    assert ("All written" in drafts, "Half written" in drafts) == (False, True)
    assert waiting_for_signature(mona) == 1


def test_a_document_becomes_a_pdf_or_says_what_is_missing() -> None:
    pdf, error = html_to_pdf("<h1>Review</h1>")

    assert (pdf is not None and pdf.startswith(b"%PDF")) or "pango" in error


def test_a_document_fetches_nothing() -> None:
    pdf, error = html_to_pdf('<h1>Review</h1><img src="http://127.0.0.1:9/leak.png">')

    assert pdf is not None or "pango" in error


def test_a_person_who_sees_a_part_of_the_incident_does_not_get_the_whole_report(
    client: Client, ada: User, eve: User, elsewhere: DeviceGroup, signed_in: SignedIn
) -> None:
    here: DeviceGroup = DeviceGroupFactory.create()
    incident = resolved_incident(groups=[here.pk, elsewhere.pk])
    written_review(incident, ada)
    signed_in(client, eve)

    assert client.get(f"/incidents/{incident.pk}/").status_code == 200
    assert client.get(f"/reviews/{incident.pk}/").status_code == 404
    assert client.get(f"/api/v1/incidents/{incident.pk}/report").status_code == 404
