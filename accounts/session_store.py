"""Sessions whose table and cache know no key that opens them.

The browser holds the key; the row, its copy in the cache and the list of sessions are found by a digest of it. Who
reads a backup, the table or the broker sees who is signed in, and cannot come in as them.
"""

import base64
import hashlib
from collections.abc import Callable, Collection, Mapping
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sessions.backends import cached_db
from django.contrib.sessions.backends.base import SessionBase
from django.utils.crypto import constant_time_compare

from core import clock

# What the columns of the session tables hold: 240 of the 256 bits. A key itself has 165.
ROW_LENGTH = 40


def row_of(key: str) -> str:
    """Under which name the session of this key is stored."""
    digest = hashlib.sha256(key.encode(errors="replace")).digest()
    return base64.urlsafe_b64encode(digest).decode()[:ROW_LENGTH]


def row_of_session(session: SessionBase) -> str:
    """Under which name this session is stored; empty while it has no key."""
    return row_of(session.session_key) if session.session_key else ""


class SessionStore(cached_db.SessionStore):
    """Django's sessions in table and cache; `session_key` is what the browser holds and is written nowhere."""

    _get_or_create_session_key: Callable[[], str]

    @property
    def cache_key(self) -> str:
        return f"{self.cache_key_prefix}{row_of(self._get_or_create_session_key())}"

    async def acache_key(self) -> str:
        return await sync_to_async(lambda: self.cache_key)()

    def exists(self, session_key: str | None) -> bool:
        return bool(session_key) and bool(super().exists(row_of(str(session_key))))

    async def aexists(self, session_key: str | None) -> bool:
        return await sync_to_async(self.exists)(session_key)

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        row = super().create_model_instance(data)
        row.session_key = row_of(row.session_key)
        return row

    async def acreate_model_instance(self, data: dict[str, Any]) -> Any:
        return await sync_to_async(self.create_model_instance)(data)

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            self.delete_row(row_of(key))

    async def adelete(self, session_key: str | None = None) -> None:
        await sync_to_async(self.delete)(session_key)

    def delete_row(self, row: str) -> None:
        """End the session that is stored under this name, in the table and in the cache."""
        super().delete(row)

    @classmethod
    def live_of(cls, user: AbstractBaseUser, rows: Collection[str]) -> set[str]:
        """Which of the sessions stored under these names still open something for `user`, with the present password."""
        found = cls.get_model_class().objects.filter(session_key__in=rows, expire_date__gt=clock.real_now())
        return {row.session_key for row in found if _is_of(cls().decode(row.session_data), user)}

    def _get_session_from_db(self) -> Any:
        key = self.session_key
        found = (
            self.model.objects.filter(session_key=row_of(key), expire_date__gt=clock.real_now()).first()
            if key
            else None
        )
        if found is None:
            self._session_key = None
        return found

    async def _aget_session_from_db(self) -> Any:
        return await sync_to_async(self._get_session_from_db)()


def _is_of(content: Mapping[str, Any], user: AbstractBaseUser) -> bool:
    fits = constant_time_compare(str(content.get(HASH_SESSION_KEY, "")), user.get_session_auth_hash())
    return fits and content.get(SESSION_KEY) == str(user.pk)
