"""Telling: one row in the transaction of the thing itself. Who hears of it, and by what, is decided after commit."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.db import connection

from accounts.models import User
from core import clock, jobs
from core.actors import Actor
from notifications import topics
from notifications.models import Message

# What is played through the injected clock as history is news to nobody.
HISTORY = timedelta(hours=1)
ROUTE = "notifications.tasks.route_messages"


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
    (`audiences.register_audience`). `device_group_ids` are the groups that `title` and `body` name: people who see
    none of them hear nothing, people who see a part hear neutral words; empty means everybody who may read the
    subject. `people` None tells everybody whom topic, watches and rules say; a list tells only those, as far as they
    may read it. `once` (per topic) makes telling it again nothing. `url` is a path of the portal. `facts` are for
    rules, digests and webhooks: `{"incident": 42, "tags": [...]}`; JSON values, no secrets.
    """
    topics.get(topic)
    if not connection.in_atomic_block:
        raise RuntimeError("News is told in the transaction of the thing it tells of.")
    if clock.real_now() - clock.now() > HISTORY:
        return
    named = None if people is None else sorted({person.pk for person in people})
    if named == []:
        return
    message = Message(
        topic=topic,
        subject=subject[:80],
        title=" ".join(title.split())[:300],
        body=body[:5000],
        url=url if url.startswith("/") and not url.startswith("//") else "",
        severity=severity.lower()[:20],
        source=source[:80],
        device_group_ids=sorted(set(device_group_ids)),
        people=named,
        facts=facts or {},
        actor=actor.as_json(),
        once=once[:200],
    )
    Message.objects.bulk_create([message], ignore_conflicts=True)
    jobs.wake(ROUTE)
