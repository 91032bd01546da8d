"""Waking held polls: the row is the truth, the message only saves a minute of waiting."""

import logging
from functools import cache

import redis
from django.conf import settings
from django.db import transaction

logger = logging.getLogger(__name__)
CHANNEL = "soc:agents"
EVERYBODY = "*"
STREAM = "stream:"


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)


def wake_agent(device_id: str) -> None:
    """Have the device's poll answered once the current transaction has committed."""
    transaction.on_commit(lambda: _send(device_id))


def wake_all() -> None:
    """As `wake_agent`, for every device that is connected."""
    transaction.on_commit(lambda: _send(EVERYBODY))


def wake_stream(key: str) -> None:
    """As `wake_agent`, for the stream of one order."""
    transaction.on_commit(lambda: _send(f"{STREAM}{key}"))


def _send(word: str) -> None:
    try:
        _client().publish(CHANNEL, word)
    except redis.RedisError:
        logger.warning("broker away, a device is told at its next poll")
