"""Somebody who calls the API."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.test import Client

from accounts.models import ApiToken, User
from accounts.models.token import LONGEST_ELEVATION
from accounts.services.tokens import issue_token
from core import clock
from core.actors import Actor

SETTER = Actor.system("test set-up")
ROOT = "/api/v1"


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: Any

    @property
    def code(self) -> str:
        return str(self.body["error"]["code"])

    @property
    def ids(self) -> list[str]:
        return [row["id"] for row in self.body["results"]]


class Caller:
    """Calls with a bearer token, or with nothing. Paths begin below `/api/v1`."""

    def __init__(self, secret: str = "", client: Client | None = None) -> None:
        self.headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        self.client = client or Client(raise_request_exception=False)

    def get(self, path: str, **query: Any) -> Answer:
        return self.call("GET", path, query=query)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.call("POST", path, body={} if body is None else body, headers=headers)

    def patch(self, path: str, body: Any, **headers: str) -> Answer:
        return self.call("PATCH", path, body=body, headers=headers)

    def put(self, path: str, body: Any, **headers: str) -> Answer:
        return self.call("PUT", path, body=body, headers=headers)

    def send(self, path: str, raw: bytes, *, content_type: str = "application/json", **headers: str) -> Answer:
        return self.call("POST", path, raw=raw, content_type=content_type, headers=headers)

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        raw: bytes | None = None,
        query: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Answer:
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        response = self.client.generic(
            method,
            ROOT + path,
            data,
            content_type=content_type if data else "",
            query_params=query,
            headers={**self.headers, **named},
        )
        content = response.content if not response.streaming else b""
        is_json = "json" in response.headers.get("Content-Type", "")
        return Answer(response.status_code, json.loads(content) if is_json and content else content, response.headers)


def token_of(user: User, *, may_decide: bool = False, permissions: Collection[str] = ()) -> tuple[ApiToken, str]:
    return issue_token(
        user,
        name="script",
        lifetime=timedelta(days=1),
        actor=SETTER,
        may_decide=may_decide,
        permissions=permissions,
    )


def caller(user: User | None = None, *, may_decide: bool = True, elevated: bool = True) -> Caller:
    """Calls as `user` with a token that may do all the user may, dangerous acts too; without one, as nobody."""
    if user is None:
        return Caller()
    token, secret = token_of(user, may_decide=may_decide)
    if elevated:
        ApiToken.objects.filter(pk=token.pk).update(elevated_until=clock.real_now() + LONGEST_ELEVATION)
    return Caller(secret)
