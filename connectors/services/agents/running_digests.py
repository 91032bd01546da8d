"""Digests of files that are on their way, so that a whole one of gigabytes need not be read again."""

import hashlib
import threading
from collections import OrderedDict
from typing import Any

MOST = 256


class Digests:
    """Of this process alone: whoever takes a part in another one, or after a restart, is told nothing."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, tuple[int, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, upload: int, at: int, content: bytes) -> None:
        """`content` follows what came `at` bytes before; what does not follow is forgotten."""
        with self._lock:
            seen, digest = self._known.pop(upload, (0, None))
        if digest is None or seen != at:
            if at:
                return
            digest = hashlib.sha256()
        digest.update(content)
        with self._lock:
            self._known[upload] = (at + len(content), digest)
            while len(self._known) > MOST:
                self._known.popitem(last=False)

    def take(self, upload: int, size: int) -> str:
        """The digest once all of it was seen, else nothing. It is forgotten with that."""
        with self._lock:
            seen, digest = self._known.pop(upload, (0, None))
        return str(digest.hexdigest()) if digest is not None and seen == size else ""
