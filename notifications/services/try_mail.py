"""Sending one mail now, to see what the server answers; and hearing from whoever got it that it arrived."""

import uuid
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.db import transaction
from django.template.loader import render_to_string

from connectors.outbound.mail import Letter, MailRefused, mail_server, send_letter
from core import audit, clock
from core.actors import Actor
from core.wording import utc_stamp
from notifications.services.send import Outcome

SUBJECT = "mail:server"
_SALT = "a test mail arrived"
_GOOD_FOR = timedelta(days=7)


def try_mail(to: str, *, actor: Actor) -> Outcome:
    key = str(uuid.uuid4())
    context = {
        "title": "A test from the SOC portal",
        "body": f"{actor.name} tries whether mail arrives. Open the link and say that it did.",
        "link": f"{settings.PUBLIC_URL}/notices/mail-arrived/?code={code_of(key)}",
        "topic": "Test",
        "why": "Somebody who manages the portal typed this address.",
        "at": utc_stamp(clock.real_now()),
    }
    letter = Letter(
        to=to,
        subject="[SOC portal] A test",
        text=render_to_string("notifications/mail/message.txt", context),
        html=render_to_string("notifications/mail/message.html", context),
        key=key,
    )
    try:
        outcome = Outcome(ok=True, said=send_letter(letter, server=mail_server()), code=250)
    except MailRefused as error:
        outcome = Outcome(ok=False, said=error.said, code=error.code)
    data = {"to": to, "said": outcome.said, "ok": outcome.ok, "key": key}
    with transaction.atomic():
        audit.record("mail.tested", subject=SUBJECT, actor=actor, data=data)
    return outcome


def code_of(key: str) -> str:
    """What only somebody who got the mail knows."""
    return signing.dumps(key, salt=_SALT)


def key_of(code: str) -> str:
    """Raises `ValidationError` for a code that is not one of ours, or is older than a week."""
    try:
        return str(signing.loads(code[:200], salt=_SALT, max_age=_GOOD_FOR))
    except signing.BadSignature:
        raise ValidationError("This link is not good, or no longer: ask for another test mail.") from None


def note_arrival(code: str, *, actor: Actor) -> None:
    """Somebody says that the mail with this code arrived."""
    key = key_of(code)
    with transaction.atomic():
        audit.record("mail.received", subject=SUBJECT, actor=actor, data={"key": key})
