"""Sending one mail now, to see what the server answers."""

import uuid

from django.db import transaction
from django.template.loader import render_to_string

from connectors.outbound.mail import Letter, MailRefused, mail_server, send_letter
from core import audit, clock
from core.actors import Actor
from core.wording import utc_stamp
from notifications.services.send import Outcome


def try_mail(to: str, *, actor: Actor) -> Outcome:
    context = {
        "title": "A test from the SOC portal",
        "body": f"{actor.name} tries whether mail arrives.",
        "topic": "Test",
        "why": "Somebody who manages the portal typed this address.",
        "at": utc_stamp(clock.real_now()),
    }
    letter = Letter(
        to=to,
        subject="[SOC portal] A test",
        text=render_to_string("notifications/mail/message.txt", context),
        html=render_to_string("notifications/mail/message.html", context),
        key=str(uuid.uuid4()),
    )
    try:
        outcome = Outcome(ok=True, said=send_letter(letter, server=mail_server()), code=250)
    except MailRefused as error:
        outcome = Outcome(ok=False, said=error.said, code=error.code)
    with transaction.atomic():
        audit.record(
            "mail.tested", subject="mail:server", actor=actor, data={"to": to, "said": outcome.said, "ok": outcome.ok}
        )
    return outcome
