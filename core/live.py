"""Live updates: ids only, over Redis pub/sub, after commit. The page fetches what it may see.

A message carries the device groups that may know of it, so that not even an id reaches people outside the scope:
`groups` None means everyone who is signed in; a list means people whose scope meets it; `people` names user ids.
"""

import json
import logging
from collections.abc import Iterable
from functools import cache

import redis
from django.conf import settings
from django.db import transaction

logger = logging.getLogger(__name__)
CHANNEL = "soc:live"


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)


def publish(
    topic: str, row_id: int | str, *, groups: Iterable[int] | None = None, people: Iterable[int] | None = None
) -> None:
    """Tell open pages that something changed, once the transaction has committed."""
    message = json.dumps(
        {
            "topic": topic,
            "id": str(row_id),
            "groups": None if groups is None else sorted(groups),
            "people": None if people is None else sorted(people),
        }
    )
    transaction.on_commit(lambda: _send(message))


def _send(message: str) -> None:
    try:
        _client().publish(CHANNEL, message)
    except redis.RedisError:
        logger.warning("broker away, a live update was dropped")
