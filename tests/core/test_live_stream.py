"""Live updates reach whom they concern, and nobody hears so much as an id from outside their scope."""

import asyncio
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.test import Client

from accounts.models import DeviceGroup, User
from core import live
from core.live_stream import live_stream
from tests.conftest import SignedIn
from tests.factories.people import DeviceGroupFactory, person

pytestmark = pytest.mark.django_db(transaction=True)


class Browser:
    """Opens the stream with a session and collects what it hears of one topic until `until` is heard."""

    def __init__(self, client: Client | None) -> None:
        morsel = client.cookies.get(settings.SESSION_COOKIE_NAME) if client else None
        cookie = f"{settings.SESSION_COOKIE_NAME}={morsel.value}".encode() if morsel else b""
        self.scope = {"type": "http", "path": "/live/", "headers": [(b"cookie", cookie)]}
        self.status, self.heard = 0, []  # type: int, list[str]

    def listen(self, topic: str, then: Callable[[], None]) -> list[str]:
        async_to_sync(self._listen)(topic, then)
        return self.heard

    async def _listen(self, topic: str, then: Callable[[], None]) -> None:
        over = asyncio.Event()

        async def receive() -> dict[str, str]:
            await asyncio.wait_for(over.wait(), 10)
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                return
            for line in message.get("body", b"").decode().splitlines():
                if line == "event: open":
                    await sync_to_async(then)()
                elif line.startswith("data: ") and json.loads(line[6:]).get("topic") == topic:
                    self.heard.append(json.loads(line[6:])["id"])
                    if self.heard[-1] == "end":
                        over.set()

        await live_stream(self.scope, receive, send)


@pytest.fixture
def topic() -> str:
    """Channels are shared by all databases of a broker, so a topic of its own keeps parallel runs apart."""
    return f"test.{uuid.uuid4().hex}"


def test_a_person_hears_what_everyone_and_their_own_groups_may_know(
    topic: str, eve: User, elsewhere: DeviceGroup, signed_in: SignedIn
) -> None:
    other = DeviceGroupFactory.create(name="Other")

    def publish() -> None:
        live.publish(topic, "everyone")
        live.publish(topic, "ours", groups=[elsewhere.pk, other.pk])
        live.publish(topic, "theirs", groups=[other.pk])
        live.publish(topic, "nobody", groups=[])
        live.publish(topic, "mine", people=[eve.pk])
        live.publish(topic, "yours", people=[eve.pk + 1000])
        live.publish(topic, "end")

    assert Browser(signed_in(Client(), eve)).listen(topic, publish) == ["everyone", "ours", "mine", "end"]


def test_somebody_who_sees_everything_hears_every_group(topic: str, ada: User, signed_in: SignedIn) -> None:
    def publish() -> None:
        live.publish(topic, "any", groups=[424242])
        live.publish(topic, "insiders", people=[ada.pk + 1000])
        live.publish(topic, "end")

    assert Browser(signed_in(Client(), ada)).listen(topic, publish) == ["any", "end"]


def test_a_scope_that_was_narrowed_meanwhile_counts_for_the_next_message(
    topic: str, eve: User, elsewhere: DeviceGroup, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.live_stream.CHECK_EVERY_S", 0.0)

    def publish() -> None:
        eve.device_groups.clear()
        live.publish(topic, "ours", groups=[elsewhere.pk])
        live.publish(topic, "end")

    assert Browser(signed_in(Client(), eve)).listen(topic, publish) == ["end"]


@pytest.mark.parametrize("role", ["ingest"])
def test_without_the_right_to_read_nothing_is_heard(topic: str, signed_in: SignedIn, role: str) -> None:
    browser = Browser(signed_in(Client(), person("mute", role)))
    assert browser.listen(topic, lambda: None) == []
    assert browser.status == 401


def test_a_stranger_hears_nothing(topic: str) -> None:
    browser = Browser(None)
    assert browser.listen(topic, lambda: None) == []
    assert browser.status == 401


def test_a_one_time_password_opens_no_stream(topic: str, signed_in: SignedIn) -> None:
    browser = Browser(signed_in(Client(), person("newcomer", "analyst", must_change_password=True)))
    browser.listen(topic, lambda: None)
    assert browser.status == 401


def test_a_session_that_was_ended_opens_no_stream(topic: str, ada: User, signed_in: SignedIn) -> None:
    client = signed_in(Client(), ada)
    browser = Browser(client)
    client.logout()
    browser.listen(topic, lambda: None)
    assert browser.status == 401


def test_the_key_of_a_session_is_no_other_key_of_the_store(topic: str, ada: User) -> None:
    """A cookie with anything but a session key is a stranger, not an error."""
    browser = Browser(None)
    for cookie in (b"\xff\xfe", b"=;=", f"{settings.SESSION_COOKIE_NAME}=../../x".encode()):
        browser.scope["headers"] = [(b"cookie", cookie)]
        browser.listen(topic, lambda: None)
        assert browser.status == 401


def test_one_person_opens_so_many_streams_and_no_more(
    topic: str, eve: User, ada: User, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.live_stream.MOST_STREAMS", 1)
    mine, again, others = Browser(signed_in(Client(), eve)), Browser(signed_in(Client(), eve)), Browser(None)
    others.scope = Browser(signed_in(Client(), ada)).scope

    def open_more() -> None:
        again.listen(topic, lambda: None)
        others.listen(topic, lambda: live.publish(topic, "end"))

    mine.listen(topic, open_more)
    assert (mine.status, again.status, others.status) == (200, 429, 200)

    again.listen(topic, lambda: live.publish(topic, "end"))
    assert again.status == 200
