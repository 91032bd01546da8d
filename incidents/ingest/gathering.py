"""Alerts that arrive one by one at the same moment share a transaction, as the group commit of a database does.

Who comes while nothing of this feed is being stored goes at once and waits for nobody. Who comes meanwhile goes with
all the others who did, in the thread of the first of them, and has an own receipt. When a shared transaction fails,
each of them tries alone, so that nobody answers for somebody else's alert.
"""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import connection

from core.actors import Actor
from incidents.ingest.accept import Receipt, accept_alerts

logger = logging.getLogger(__name__)
SMALL = 20
TOGETHER = 200


@dataclass(frozen=True, slots=True)
class Feed:
    """What alerts must have in common to be stored by one call."""

    format: str
    source: str
    actor: Actor


@dataclass(slots=True)
class _Member:
    items: Sequence[object]
    turn: threading.Event = field(default_factory=threading.Event)
    leads: "list[_Member]" = field(default_factory=list)
    receipt: Receipt | None = None


_lock = threading.Lock()
# A feed is in here while somebody stores for it, with those who came meanwhile.
_waiting: dict[Feed, list[_Member]] = {}


def accept_together(items: Sequence[object], *, feed: Feed) -> Receipt:
    """As `accept_alerts`, for the few alerts of one request. Committed on return, unless the caller has a transaction
    of his own: that one is shared with nobody."""
    if connection.in_atomic_block or len(items) > SMALL:
        return _accept(items, feed)
    mine = _Member(items)
    _join(feed, mine)
    if mine.leads:
        _lead(feed, mine.leads)
    return mine.receipt or _accept(items, feed)


def count_waiting(feed: Feed) -> int:
    """How many requests wait for the one that is being stored."""
    with _lock:
        return len(_waiting.get(feed, ()))


def _accept(items: Sequence[object], feed: Feed) -> Receipt:
    return accept_alerts(items, format=feed.format, source=feed.source, actor=feed.actor)


def _join(feed: Feed, mine: _Member) -> None:
    """Returns when it is this member's turn: to lead, to take its receipt, or to try alone."""
    with _lock:
        others = _waiting.get(feed)
        if others is None:
            _waiting[feed] = []
            mine.leads = [mine]
            return
        others.append(mine)
    mine.turn.wait()


def _lead(feed: Feed, members: list[_Member]) -> None:
    try:
        if len(members) > 1:
            _store(feed, members)
        else:
            members[0].receipt = _accept(members[0].items, feed)
    finally:
        _hand_over(feed)
        for member in members[1:]:
            member.turn.set()


def _store(feed: Feed, members: Sequence[_Member]) -> None:
    try:
        receipt = _accept([item for member in members for item in member.items], feed)
    except Exception:
        logger.exception("storing for %d requests of %s failed, each tries alone", len(members), feed.source)
        return
    start = 0
    for member in members:
        member.receipt = receipt.part(start, start + len(member.items))
        start += len(member.items)


def _hand_over(feed: Feed) -> None:
    with _lock:
        others = _waiting[feed]
        if not others:
            del _waiting[feed]
            return
        members = _fitting(others)
        _waiting[feed] = others[len(members) :]
    members[0].leads = members
    members[0].turn.set()


def _fitting(others: Sequence[_Member]) -> list[_Member]:
    members, count = [others[0]], len(others[0].items)
    for member in others[1:]:
        count += len(member.items)
        if count > TOGETHER:
            break
        members.append(member)
    return members
