"""Asking somebody outside: what leaves, in which words, what came of it, and how the answer comes back."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import User
from core import clock
from core.models import AuditEvent
from incidents.models import Incident
from incidents.services.restrict import restrict_incident
from notifications.models import Dispatch, Message
from notifications.services.send import due_dispatches, send_dispatch
from remediation.enums import AnsweredBy
from remediation.models import ExpertMessage, ExpertRequest, Retainer
from remediation.refused import Refused
from remediation.services.ask_expert import ask_expert, close_request, say
from remediation.services.retainer_mail import defanged
from tests.conftest import SignedIn
from tests.factories.mail import Postbox, mail_server, part_of
from tests.factories.remediation import DeviceFactory, FileFactory, incident_naming

pytestmark = pytest.mark.django_db


@pytest.fixture
def postbox(settings: Any) -> Iterator[Postbox]:
    with mail_server(settings) as box:
        yield box


@pytest.fixture
def desk(db: None) -> Retainer:
    return Retainer.objects.create(name="Northwind Forensics", address="desk@northwind.example", phone="+49 30 1234")


@pytest.fixture
def incident(db: None) -> Incident:
    return incident_naming(
        DeviceFactory.create(display_name="FIN-WS-007"), FileFactory.create(display_name="dropper.exe")
    )


def asked(user: User, incident: Any, desk: Retainer, **more: Any) -> ExpertRequest:
    wanted: dict[str, Any] = {"topic": "Known family?", "text": "It encrypts.", "share": ["evidence"], **more}
    return ask_expert(incident, retainer=desk, within_h=24, actor=user.actor, user=user, **wanted)


def send_due() -> None:
    for pk in due_dispatches():
        send_dispatch(pk)


def test_exactly_what_was_ticked_leaves_by_mail(
    postbox: Postbox, ada: User, desk: Retainer, incident: Incident, settings: Any
) -> None:
    ada.email = "ada@example.org"
    ada.save()
    request = asked(ada, incident, desk)
    send_due()
    letter = postbox.letters[0]
    assert (letter["to"], letter["reply-to"]) == ("desk@northwind.example", "ada@example.org")
    assert request.number in letter["subject"]
    for kind in ("plain", "html"):
        words = part_of(letter, kind)
        assert "It encrypts." in words
        assert "dropper.exe" in words
        assert "Severity" not in words  # of the facts, which nobody ticked
        assert incident.display_name not in words
        assert settings.PUBLIC_URL not in words
        assert "href" not in words
    assert ExpertMessage.objects.get().delivery == "sent"


def test_hostile_words_stay_words_and_addresses_are_not_followed(
    postbox: Postbox, ada: User, desk: Retainer, incident: Incident
) -> None:
    asked(ada, incident, desk, topic="x\r\nBcc: all@evil.example", text="<script>alert(1)</script>\u202e <img src=x> "
          "http://evil.example/x ftp://10.1.2.3/a mailto bad@evil.example")  # fmt: skip
    send_due()
    letter = postbox.letters[0]
    assert (letter["bcc"], postbox.recipients) == (None, ["desk@northwind.example"])
    html = part_of(letter, "html")
    assert "<script" not in html
    assert "<img" not in html
    for shown in (html, part_of(letter, "plain"), letter["subject"]):
        assert "evil.example" not in shown
        assert "\u202e" not in shown
    assert "ftp[:]//10.1.2[.]3/a" in part_of(letter, "plain")


@pytest.mark.parametrize(
    ("written", "shown"),
    [("https://a.example/x", "hxxps://a[.]example/x"), ("10.0.0.1:443", "10.0.0[.]1:443"),
     ("invoice.pdf", "invoice.pdf"), ("smb://share", "smb[:]//share"), ("at 10:30, twice", "at 10:30, twice")],
)  # fmt: skip
def test_how_an_address_is_written(written: str, shown: str) -> None:
    assert defanged(written) == shown


def test_a_mail_that_is_refused_for_good_is_told_to_the_asker_and_may_go_again(
    client: Client, signed_in: SignedIn, postbox: Postbox, ada: User, desk: Retainer, incident: Incident
) -> None:
    postbox.answer = "550 no such user"
    request = asked(ada, incident, desk)
    send_due()
    told = Message.objects.get(topic="expert.undelivered")
    assert (told.people, told.body) == ([ada.pk], "no such user")
    page = signed_in(client, ada)
    message = request.messages.get()
    again = f"/experts/{request.pk}/messages/{message.pk}/mail/"
    shown = page.get(f"/experts/{request.pk}/").content.decode()
    assert "no such user" in shown
    assert again in shown
    postbox.answer = "250 taken"
    page.post(again)
    send_due()
    assert len(postbox.letters) == 1
    message.refresh_from_db()
    assert (message.delivery, Dispatch.objects.count()) == ("sent", 2)
    assert AuditEvent.objects.get(verb="expert_request.mailed_again").data["mailed_to"] == desk.address


def test_what_is_under_way_or_has_arrived_does_not_go_twice(
    client: Client, signed_in: SignedIn, postbox: Postbox, ada: User, desk: Retainer, incident: Incident
) -> None:
    request = asked(ada, incident, desk)
    again = f"/experts/{request.pk}/messages/{request.messages.get().pk}/mail/"
    signed_in(client, ada).post(again)
    send_due()
    client.post(again)
    assert Dispatch.objects.count() == 1


def test_a_refusal_for_now_is_tried_again_and_the_thread_says_so(
    client: Client, signed_in: SignedIn, postbox: Postbox, ada: User, desk: Retainer, incident: Incident
) -> None:
    postbox.answer = "451 greylisted"
    request = asked(ada, incident, desk)
    send_due()
    shown = signed_in(client, ada).get(f"/experts/{request.pk}/").content.decode()
    assert "greylisted" in shown
    assert "Tried again" in shown
    postbox.answer = "250 taken"
    with clock.at(clock.now() + timedelta(minutes=1)):
        Dispatch.objects.update(next_attempt_at=clock.real_now())
        send_due()
    assert request.messages.get().delivery == "sent"


def test_the_answer_is_written_down_by_a_person_and_says_so(
    client: Client, signed_in: SignedIn, postbox: Postbox, ada: User, rita: User, desk: Retainer, incident: Incident
) -> None:
    request = asked(ada, incident, desk)
    signed_in(client, rita).post(f"/experts/{request.pk}/", {"answered_by": "phone", "text": "Since May."})
    request.refresh_from_db()
    answer = request.messages.latest("id")
    assert (request.status, answer.from_expert, answer.answered_by) == ("answered", True, "phone")
    shown = signed_in(client, ada).get(f"/experts/{request.pk}/").content.decode()
    assert f"answer by phone, written here by {rita}" in shown
    assert "The portal receives no mail" in shown
    assert Message.objects.get(topic="expert.answered").people == [ada.pk]
    assert AuditEvent.objects.get(verb="expert_request.answered").data["by"] == "phone"


def test_asking_on_goes_out_too_without_the_context(
    postbox: Postbox, ada: User, desk: Retainer, incident: Incident
) -> None:
    request = asked(ada, incident, desk)
    say(request, text="Since May.", answered_by=AnsweredBy.MAIL, actor=ada.actor, user=ada)
    assert say(request, text="A decryptor?", actor=ada.actor, user=ada).status == "open"
    send_due()
    assert ["A decryptor?" in part_of(one, "plain") for one in postbox.letters] == [False, True]
    assert "dropper.exe" not in part_of(postbox.letters[1], "plain")


def test_who_may_not_handle_alerts_writes_no_answer(
    postbox: Postbox, ada: User, mona: User, desk: Retainer, incident: Incident
) -> None:
    request = asked(ada, incident, desk)
    with pytest.raises(Refused, match="Only the person who asked"):
        say(request, text="They said no.", answered_by=AnsweredBy.PHONE, actor=mona.actor, user=mona)


def test_nobody_answers_in_the_name_of_a_colleague(ada: User, rita: User, incident: Incident) -> None:
    request = ask_expert(
        incident, topic="Known?", text="Is it?", share=[], expert=rita, within_h=4, actor=ada.actor, user=ada
    )
    with pytest.raises(ValidationError):
        say(request, text="Yes", answered_by=AnsweredBy.PHONE, actor=ada.actor, user=ada)


def test_a_restricted_incident_leaves_for_nobody_outside(
    postbox: Postbox, ada: User, mona: User, desk: Retainer, incident: Incident
) -> None:
    asked(ada, incident, desk)
    restrict_incident(incident, people=[ada, mona], reason="Insider", actor=ada.actor)
    send_due()
    assert not postbox.letters
    assert ExpertMessage.objects.get().delivery == "skipped"
    incident.refresh_from_db()
    with pytest.raises(Refused, match="restricted"):
        asked(ada, incident, desk)


def test_a_question_closed_before_the_mail_left_stays_here(
    postbox: Postbox, ada: User, desk: Retainer, incident: Incident
) -> None:
    close_request(asked(ada, incident, desk), actor=ada.actor, user=ada)
    send_due()
    assert not postbox.letters


@pytest.mark.parametrize("why", ["no longer asked", "mail server is set"])
def test_whom_one_cannot_ask(ada: User, desk: Retainer, incident: Incident, settings: Any, why: str) -> None:
    settings.SMTP_HOST = "" if why == "mail server is set" else "127.0.0.1"
    settings.MAIL_FROM = "soc@example.org"
    desk.active = why == "mail server is set"
    desk.save()
    with pytest.raises(ValidationError, match=why):
        asked(ada, incident, desk)
    assert not ExpertRequest.objects.exists()


def test_the_dialog_offers_who_is_outside(
    client: Client, signed_in: SignedIn, postbox: Postbox, ada: User, desk: Retainer, incident: Incident
) -> None:
    address = f"/experts/ask/incident/{incident.pk}/"
    assert "Northwind Forensics &lt;desk@northwind.example&gt;" in signed_in(client, ada).get(address).content.decode()
    wanted = {"to": f"retainer:{desk.pk}", "topic": "Known?", "question": "Is it?", "within": "4", "share": ["facts"]}
    client.post(address, wanted)
    assert ExpertRequest.objects.get().retainer == desk


def test_an_administrator_keeps_the_address_book(
    client: Client, signed_in: SignedIn, adam: User, ada: User, desk: Retainer
) -> None:
    entry = {"name": "Contoso IR", "address": "ir@contoso.example", "phone": "1", "hours": "24/7", "active": "on"}
    signed_in(client, adam).post("/admin/experts/retainers/new/", entry)
    assert AuditEvent.objects.get(verb="retainer.made").changes["address"][1] == "ir@contoso.example"
    shown = client.get("/admin/experts/retainers/").content.decode()
    assert "ir@contoso.example" in shown
    client.post(f"/admin/experts/retainers/{desk.pk}/", entry | {"name": desk.name, "active": ""})
    desk.refresh_from_db()
    assert not desk.active
    assert signed_in(Client(), ada).get("/admin/experts/retainers/").status_code == 403
