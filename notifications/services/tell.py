"""Telling: one row in the transaction of the thing itself. Who hears of it, and by what, is decided after commit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import connection

from accounts.models import User
from core import clock, jobs
from core.actors import Actor
from notifications import topics
from notifications.models import Message, Preference, Rule

# What is played through the injected clock as history is news to nobody.
HISTORY = timedelta(hours=1)
ROUTE = "notifications.tasks.route_messages"


@dataclass(frozen=True, slots=True)
class News:
    """One piece of news; `tell` explains the fields."""

    topic: str
    subject: str
    title: str
    body: str = ""
    url: str = ""
    severity: str = ""
    source: str = ""
    device_group_ids: Sequence[int] = ()
    people: Iterable[User] | None = None
    once: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


def tell(
    topic: str,
    *,
    subject: str,
    title: str,
    body: str = "",
    url: str = "",
    severity: str = "",
    source: str = "",
    device_group_ids: Sequence[int] = (),
    people: Iterable[User] | None = None,
    once: str = "",
    facts: dict[str, Any] | None = None,
    actor: Actor,
) -> None:
    """Tell of something that happened. Must run in the transaction of the thing itself.

    `topic` is declared (`topics.declare`); `subject` looks like `incident:42`, and its room decides who may read it
    (`audiences.register_audience`). `device_group_ids` are the groups that `title` and `body` name: whoever does not
    see all of them hears neutral words, and where no room answers for the subject whoever sees none of them hears
    nothing. `people` None tells everybody who hears of the topic; a list tells only those, as far as they may read it.
    Rules on the topic speak in both cases. `once` (per topic) makes telling it again nothing. `url` is a path of the
    portal. `facts` are for rules, digests and webhooks: `{"incident": 42, "tags": [...]}`; JSON values, no secrets.
    """
    one = News(topic, subject, title, body, url, severity, source, device_group_ids, people, once, facts or {})
    tell_all([one], actor=actor)


def tell_all(news: Iterable[News], *, actor: Actor) -> None:
    """Tell of several things with one statement; of topics that nobody hears of, nothing is kept."""
    gathered = list(news)
    listened_to = {topic for topic in {one.topic for one in gathered} if _somebody_hears_of(topic)}
    if gathered and not connection.in_atomic_block:
        raise RuntimeError("News is told in the transaction of the thing it tells of.")
    if clock.real_now() - clock.now() > HISTORY:
        return
    messages = [_message(one, actor) for one in gathered if one.people is not None or one.topic in listened_to]
    messages = [message for message in messages if message.people != []]
    if messages:
        Message.objects.bulk_create(messages, ignore_conflicts=True)
        jobs.wake(ROUTE)


def _somebody_hears_of(topic: str) -> bool:
    """A flood of alerts makes thousands of incidents, and in most portals nobody wants to hear of each."""
    if topics.get(topic).channels:
        return True
    return Preference.objects.filter(topic=topic, wanted=True).exists() or Rule.objects.filter(enabled=True).exists()


def _message(one: News, actor: Actor) -> Message:
    return Message(
        topic=one.topic,
        subject=one.subject[:80],
        title=" ".join(one.title.replace("\x00", "").split())[:300],
        body=one.body.replace("\x00", "")[:5000],
        url=one.url if one.url.startswith("/") and not one.url.startswith("//") else "",
        severity=one.severity.lower()[:20],
        source=one.source[:80],
        device_group_ids=sorted(set(one.device_group_ids)),
        people=None if one.people is None else sorted({person.pk for person in one.people}),
        facts=one.facts,
        actor=actor.as_json(),
        once=one.once[:200],
    )
