"""Mail: to a real server, in words that nothing hostile gets out of, and told what the server answered."""

import logging
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from connectors.outbound.mail import Letter, MailRefused, MailServer, mail_server, send_letter
from core import clock
from notifications.enums import DispatchStatus
from notifications.models import Dispatch, Message
from notifications.services.send import WAITS_S
from tests.factories import mail
from tests.factories.mail import PASSWORD, Postbox, part_of

pytestmark = pytest.mark.django_db
LETTER = Letter("ada@example.org", "A subject", "text", "<p>html</p>", "key-1")


def test_a_letter_arrives_as_text_and_html(
    postbox: Postbox, told: Callable[..., None], sent: Callable[[], None], ada_with_mail: User, settings: Any
) -> None:
    settings.ORGANISATION = "Contoso"
    told(severity="high")
    sent()
    letter = postbox.letters[0]
    assert (letter["to"], letter["subject"]) == ("ada@example.org", "[Contoso] A paper on CANARY")
    assert (letter["from"], letter["auto-submitted"]) == ("SOC portal <soc@example.org>", "auto-generated")
    for kind in ("plain", "html"):
        text = part_of(letter, kind)
        assert "A paper on CANARY" in text
        assert "High" in text
        assert f"{settings.PUBLIC_URL}/papers/1/" in text
    row = Dispatch.objects.get()
    assert (row.status, row.said, row.attempts) == (DispatchStatus.SENT, "250 taken as 4711", 1)


def test_hostile_words_stay_words(
    postbox: Postbox, told: Callable[..., None], sent: Callable[[], None], ada_with_mail: User
) -> None:
    told(title="x\r\nBcc: all@evil.example\r\n\r\n<script>alert(1)</script>\u202e",
         body='<img src=x onerror=alert(1)> see http://evil.example/x and "quoted"\r\n.\r\nQUIT')  # fmt: skip
    sent()
    letter = postbox.letters[0]
    assert letter["bcc"] is None
    assert postbox.recipients == ["ada@example.org"]
    assert len(postbox.letters) == 1
    html = part_of(letter, "html")
    text = part_of(letter, "plain")
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html
    for shown in (html, text, letter["subject"]):
        assert "evil.example" not in shown.lower()
        assert "\u202e" not in shown
    assert "hxxp://evil[.]example/x" in text


@pytest.mark.parametrize(
    "address",
    ["ada@example.org\r\nBcc: x@evil.example", "ada@example.org, x@evil.example", "", "ada", "a b@example.org",
     "<ada@example.org>", "ada@example.org\x00", "ädä@example.org", "@example.org", "ada@"],
)  # fmt: skip
def test_an_address_is_one_plain_address(postbox: Postbox, address: str) -> None:
    with pytest.raises(MailRefused) as refused:
        send_letter(Letter(address, "s", "t", "h", "k"), server=mail_server())
    assert refused.value.for_good
    assert not postbox.letters


def test_over_starttls_with_a_sign_in(settings: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with mail.mail_server(settings, encrypted=tmp_path) as box:
        assert send_letter(LETTER, server=mail_server()) == "250 taken as 4711"
        assert len(box.letters) == 1
        settings.SMTP_PASSWORD = "wrong"
        with pytest.raises(MailRefused, match="refuses the sign-in") as refused:
            send_letter(LETTER, server=mail_server())
    assert refused.value.code == 535
    assert len(box.letters) == 1
    assert PASSWORD not in caplog.text + repr(mail_server()) + str(refused.value)


def test_a_certificate_that_is_not_trusted_gets_no_letter(settings: Any, tmp_path: Path) -> None:
    with mail.mail_server(settings, encrypted=tmp_path) as box:
        settings.CA_FILE = ""
        with pytest.raises(MailRefused, match="not trusted"):
            send_letter(LETTER, server=mail_server())
    assert not box.letters


def test_a_server_that_does_not_encrypt_gets_no_letter_when_encryption_is_set(postbox: Postbox, settings: Any) -> None:
    settings.SMTP_SECURITY = "starttls"
    with pytest.raises(MailRefused, match="STARTTLS"):
        send_letter(LETTER, server=mail_server())
    assert not postbox.letters


def test_a_password_is_never_sent_in_the_clear(postbox: Postbox, settings: Any) -> None:
    settings.SMTP_USER = "portal"
    with pytest.raises(MailRefused, match="never sent without encryption"):
        send_letter(LETTER, server=mail_server())


def test_what_is_not_set_is_said() -> None:
    assert MailServer("", 25, "plain", "", "", "").mistakes == [
        "SOC_SMTP_HOST names no mail server.", "SOC_MAIL_FROM names no sender.",
        "SOC_SMTP_SECURITY is starttls, tls or none.",
    ]  # fmt: skip


def test_a_server_that_is_away_is_tried_again_with_growing_waits(
    told: Callable[..., None], sent: Callable[[], None], ada_with_mail: User, settings: Any
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        settings.SMTP_PORT = free.getsockname()[1]
    settings.SMTP_HOST, settings.MAIL_FROM, settings.SMTP_SECURITY = "127.0.0.1", "soc@example.org", "none"
    told()
    for wait in WAITS_S:
        sent()
        row = Dispatch.objects.get()
        assert row.next_attempt_at is not None
        assert row.said == "No connection to the mail server."
        assert abs(row.next_attempt_at - clock.real_now() - timedelta(seconds=wait)) < timedelta(seconds=5)
        Dispatch.objects.update(next_attempt_at=clock.real_now())
    sent()
    row = Dispatch.objects.get()
    assert (row.status, row.tries.count()) == (DispatchStatus.FAILED, len(WAITS_S) + 1)


def test_a_refusal_for_now_is_tried_again_and_one_for_good_is_not(
    postbox: Postbox, told: Callable[..., None], sent: Callable[[], None], ada_with_mail: User
) -> None:
    postbox.answer = "451 greylisted"
    told()
    sent()
    assert Dispatch.objects.get().status == DispatchStatus.WAITING
    postbox.answer = "550 no such user"
    Dispatch.objects.update(next_attempt_at=clock.real_now())
    sent()
    row = Dispatch.objects.get()
    assert (row.status, row.code, row.said) == (DispatchStatus.FAILED, 550, "no such user")


def test_whoever_may_no_longer_read_it_gets_no_letter(
    postbox: Postbox, told: Callable[..., None], sent: Callable[[], None], ada_with_mail: User, readable: set[int]
) -> None:
    told()
    readable.clear()
    sent()
    assert Dispatch.objects.get().status == DispatchStatus.SKIPPED
    assert not postbox.letters


def test_a_letter_sent_twice_is_known_as_one(
    postbox: Postbox, told: Callable[..., None], sent: Callable[[], None], ada_with_mail: User
) -> None:
    """A worker that dies between the server's answer and the commit leaves the row due again."""
    told()
    sent()
    Dispatch.objects.update(status=DispatchStatus.WAITING, next_attempt_at=clock.real_now())
    sent()
    first, second = postbox.letters
    assert first["message-id"] == second["message-id"] != ""


def test_of_one_message_a_person_gets_one_letter(
    postbox: Postbox, told: Callable[..., None], sent: Callable[[], None], ada_with_mail: User
) -> None:
    told()
    Message.objects.update(routed_at=None)
    told(topic="paper.written", once="x")
    sent()
    assert len(postbox.letters) == 2 == Message.objects.count()
