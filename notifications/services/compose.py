"""The words of a message in the form of each channel."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string

from connectors.outbound.mail import Letter
from core.wording import utc_stamp, visible
from notifications import topics
from notifications.models import Dispatch, Message
from notifications.services.plain import unlinked
from notifications.services.wording import Wording

TOLD_FACTS = ("incident", "run", "action", "sources", "tags", "categories")


def link_to(message: Message) -> str:
    return f"{settings.PUBLIC_URL}{message.url}" if message.url else ""


def letter_for(dispatch: Dispatch, message: Message, wording: Wording, *, to: str) -> Letter:
    """A mail in text and HTML. What comes from outside is shown with its hidden signs and with addresses that nobody
    follows by accident."""
    rule = dispatch.rule
    title = unlinked(wording.title)
    organisation = settings.ORGANISATION if rule is None or rule.include_organisation else ""
    context = {
        "title": title,
        "body": unlinked(wording.body),
        "severity": wording.severity,
        "topic": topics.label_of(message.topic),
        "at": utc_stamp(message.created),
        "organisation": organisation,
        "link": link_to(message) if rule is None or rule.include_link else "",
        "why": _why(dispatch),
        "categories": message.facts.get("categories", []) if wording.whole else [],
    }
    return _letter(to, f"[{organisation or 'SOC portal'}] {title}", "message", context, key=str(dispatch.key))


def digest_letter(dispatch: Dispatch, told: Sequence[tuple[Message, Wording]], *, to: str) -> Letter:
    """One mail of everything since the last digest, by topic."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for message, wording in told:
        row = {
            "title": unlinked(wording.title),
            "at": utc_stamp(message.created),
            "link": link_to(message),
            "severity": wording.severity,
        }
        groups.setdefault(topics.label_of(message.topic), []).append(row)
    organisation = settings.ORGANISATION
    context = {"groups": groups, "total": len(told), "organisation": organisation, "link": settings.PUBLIC_URL}
    subject = f"[{organisation or 'SOC portal'}] Digest: {len(told)} piece{'' if len(told) == 1 else 's'} of news"
    return _letter(to, subject, "digest", context, key=str(dispatch.key))


def _letter(to: str, subject: str, template: str, context: dict[str, Any], *, key: str) -> Letter:
    return Letter(
        to=to,
        subject=subject,
        text=render_to_string(f"notifications/mail/{template}.txt", context),
        html=render_to_string(f"notifications/mail/{template}.html", context),
        key=key,
    )


def _why(dispatch: Dispatch) -> str:
    if dispatch.rule is not None:
        return f"You get this because of the rule {dispatch.rule.name}."
    return f"You get this because you chose so in your profile: {settings.PUBLIC_URL}/me/notifications/"


def payload_for(dispatch: Dispatch, message: Message, wording: Wording) -> dict[str, Any]:
    """What a signed webhook is sent, and what chats are made of. Neutral words carry no facts."""
    rule = dispatch.rule
    with_link = rule is None or rule.include_link
    return {
        "id": str(dispatch.key),
        "topic": message.topic,
        "label": topics.label_of(message.topic),
        "at": message.created.isoformat(),
        "subject": message.subject,
        "title": visible(wording.title),
        "body": visible(wording.body),
        "severity": wording.severity or None,
        "url": link_to(message) or None if with_link else None,
        "organisation": settings.ORGANISATION or None if rule is None or rule.include_organisation else None,
        "facts": {name: message.facts[name] for name in TOLD_FACTS if name in message.facts} if wording.whole else {},
    }
