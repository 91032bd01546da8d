"""The cache in the broker, without which everything still works: away, it is a cache that knows nothing.

Sessions fall back to their table, counters start anew, wake-ups are left to the sweeps. A lost broker costs time, never
a page.
"""

import logging
from collections.abc import Callable
from typing import Any, ClassVar

import redis
from django.core.cache.backends.redis import RedisCache

logger = logging.getLogger(__name__)


class ForgivingRedisCache(RedisCache):
    """Answers as for an unknown key when the broker does not answer; writing pretends to succeed.

    One client, with its connections, serves the whole process. Django makes a cache object for each context, and with
    pages served in threads every request is a context of its own: each would open a connection and drop it.
    """

    _servers: list[str]
    _class: Any
    _options: dict[str, Any]
    _clients: ClassVar[dict[tuple[str, ...], Any]] = {}

    @property
    def _cache(self) -> Any:
        servers = tuple(self._servers)
        if servers not in self._clients:
            self._clients[servers] = self._class(self._servers, **self._options)
        return self._clients[servers]

    def _asked[T](self, ask: Callable[[], T], otherwise: T) -> T:
        try:
            return ask()
        except redis.ConnectionError as error:
            logger.warning("broker away, going on without the cache: %s", type(error).__name__)
            return otherwise
        except redis.TimeoutError:
            logger.warning("broker too slow, going on without the cache")
            return otherwise

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return self._asked(lambda: super(ForgivingRedisCache, self).get(key, default, version), default)

    def get_many(self, keys: Any, version: int | None = None) -> dict[Any, Any]:
        return self._asked(lambda: super(ForgivingRedisCache, self).get_many(keys, version), {})

    def has_key(self, key: Any, version: int | None = None) -> bool:
        return self._asked(lambda: super(ForgivingRedisCache, self).has_key(key, version), False)

    def set(self, key: Any, value: Any, *rest: Any, **more: Any) -> None:
        self._asked(lambda: super(ForgivingRedisCache, self).set(key, value, *rest, **more), None)

    def add(self, key: Any, value: Any, *rest: Any, **more: Any) -> bool:
        """True when away: who asks "am I the first?" goes ahead, because twice is harmless and never is not."""
        return self._asked(lambda: super(ForgivingRedisCache, self).add(key, value, *rest, **more), True)

    def touch(self, key: Any, *rest: Any, **more: Any) -> bool:
        return self._asked(lambda: super(ForgivingRedisCache, self).touch(key, *rest, **more), False)

    def delete(self, key: Any, version: int | None = None) -> bool:
        return self._asked(lambda: super(ForgivingRedisCache, self).delete(key, version), False)

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        return self._asked(lambda: super(ForgivingRedisCache, self).incr(key, delta, version), delta)
