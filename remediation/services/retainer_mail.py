"""The mail to a retainer: what the asker wrote and what the asker ticked, and nothing else.

It leaves the portal for good, so it carries the number of the question and no link, and nothing in it is followed by
accident. What came of it is kept at the message; of one that did not arrive the asker is told.
"""

import re
from typing import Any

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string

from accounts import keys
from accounts.models import User
from connectors.outbound.mail import Letter
from core import audit, live
from core.actors import Actor
from core.wording import utc_stamp
from notifications.enums import DispatchStatus
from notifications.models import Dispatch
from notifications.services.letters import NotForThem, order_letter
from notifications.services.plain import unlinked
from notifications.services.tell import tell
from remediation.enums import ExpertStatus
from remediation.models import ExpertMessage, ExpertRequest
from remediation.news_of_experts import EXPERT_UNDELIVERED
from remediation.refused import Refused

POST_ROOM = Actor.system("notifications")
_SCHEME = re.compile(r"\b(?!hxxps?\b)([a-z][a-z0-9+.-]{0,30})://", re.IGNORECASE)
_LAST_OF_IPV4 = re.compile(r"(?<![\d.])(\d{1,3}\.\d{1,3}\.\d{1,3})\.(?=\d{1,3}(?![\d.]))")


def mail_to_retainer(message: ExpertMessage) -> None:
    """Put the message on its way, in the transaction that wrote it."""
    retainer = message.request.retainer
    if retainer is None:
        raise ValueError(f"{message.request.number} was not put to a retainer.")
    message.dispatch = order_letter(f"expert_message:{message.pk}", address=retainer.address)
    message.delivery, message.delivery_said = DispatchStatus.WAITING, ""
    message.save(update_fields=["dispatch", "delivery", "delivery_said"])


def send_again(message: ExpertMessage, *, actor: Actor, user: User) -> None:
    """Another mail of a message that did not arrive, to the address the retainer has now. Raises `Refused`."""
    with transaction.atomic():
        rows = ExpertMessage.objects.select_for_update(of=("self",)).select_related("request__retainer")
        row = rows.get(pk=message.pk)
        request = row.request
        if request.asker_id != user.pk and not user.holds(keys.MANAGE_ALERTS):
            raise Refused("forbidden", "Only the person who asked and those who handle alerts send it again.")
        if not row.may_go_again or request.status == ExpertStatus.CLOSED:
            raise Refused("already_ended", "This message is on its way, has arrived, or its question is closed.")
        mail_to_retainer(row)
        address = row.dispatch.address if row.dispatch else ""
        audit.record(
            "expert_request.mailed_again", subject=f"expert_request:{request.pk}", thread=request.thread, actor=actor,
            data={"message": row.pk, "mailed_to": address},
        )  # fmt: skip
        _announce(request)


def compose(dispatch: Dispatch, number: int) -> Letter:
    """The words, made when the mail leaves; raises `NotForThem` when it may not leave any more."""
    rows = ExpertMessage.objects.select_related("request__asker", "request__retainer", "request__incident")
    message = rows.filter(pk=number, dispatch=dispatch).first()
    if message is None:
        raise NotForThem("The question is gone.")
    request = message.request
    if request.status == ExpertStatus.CLOSED:
        raise NotForThem("The question was closed before the mail left.")
    if request.incident is not None and request.incident.restricted:
        raise NotForThem("The incident is restricted now.")
    if request.retainer is None or not request.retainer.active:
        raise NotForThem("The retainer is no longer asked.")
    context = _context(request, message)
    return Letter(
        to=dispatch.address,
        subject=f"[{settings.ORGANISATION or 'SOC portal'}] {request.number} {defanged(request.topic)}",
        text=render_to_string("remediation/mail/retainer.txt", context),
        html=render_to_string("remediation/mail/retainer.html", context),
        key=str(dispatch.key),
        reply_to=request.asker.email,
    )


def ended(dispatch: Dispatch, number: int) -> None:
    """What came of it stays at the message; the asker hears of what did not arrive."""
    rows = ExpertMessage.objects.select_related("request__asker", "request__retainer", "request__incident")
    message = rows.filter(pk=number, dispatch=dispatch).first()
    if message is None:
        return
    message.delivery, message.delivery_said = dispatch.status, dispatch.said
    message.save(update_fields=["delivery", "delivery_said"])
    request = message.request
    _announce(request)
    if message.may_go_again:
        tell(
            EXPERT_UNDELIVERED,
            subject=f"expert_request:{request.pk}",
            title=f"{request.number} did not reach {request.asked}: {request.topic}",
            body=dispatch.said,
            url=f"/experts/{request.pk}/",
            severity=request.incident.severity if request.incident else "",
            people=[request.asker],
            actor=POST_ROOM,
        )


def defanged(text: str) -> str:
    """Addresses that nobody follows by accident, hidden signs made readable."""
    return _LAST_OF_IPV4.sub(r"\1[.]", _SCHEME.sub(r"\1[:]//", unlinked(text)))


def _context(request: ExpertRequest, message: ExpertMessage) -> dict[str, Any]:
    first = not request.messages.filter(pk__lt=message.pk).exists()
    blocks = request.context if first else []
    return {
        "number": request.number,
        "topic": defanged(request.topic),
        "text": defanged(message.text),
        "asker": defanged(str(request.asker)),
        "address": request.asker.email,
        "organisation": settings.ORGANISATION,
        "due": utc_stamp(request.due),
        "first": first,
        "blocks": [{"title": one["title"], "lines": [defanged(line) for line in one["lines"]]} for one in blocks],
    }


def _announce(request: ExpertRequest) -> None:
    live.publish("expert.changed", request.pk, people=[request.asker_id])
