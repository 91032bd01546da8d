"""A kind of subject of the tests' own, and what telling of it needs."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import transaction

from accounts.models import User
from core.actors import Actor
from notifications import audiences, topics
from notifications.services.route import route_due
from notifications.services.send import due_dispatches, send_dispatch
from notifications.services.tell import tell
from tests.factories.mail import Postbox, mail_server
from tests.factories.web import Recorder, web_server

Told = Callable[..., None]


@pytest.fixture
def readable(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The papers that may be read; a paper whose number is above 100 never leaves the portal."""
    numbers: set[int] = {1, 101}
    monkeypatch.setattr(topics, "_declared", dict(topics._declared))
    monkeypatch.setattr(audiences, "_registered", dict(audiences._registered))
    topics.declare("paper.written", "A paper was written", "For tests.", channels=["page", "mail"])
    topics.declare("paper.burns", "A paper burns", "For tests.", channels=["mail"], urgent=True)
    audiences.register_audience(
        "paper", lambda user, pk: pk in numbers, words=lambda user, pk: f"paper {pk}", may_leave=lambda pk: pk <= 100
    )
    return numbers


@pytest.fixture
def told(db: None, readable: set[int]) -> Told:
    """`told(people=[ada])` tells of paper 1 and routes it."""

    def tell_of_paper(number: int = 1, *, topic: str = "paper.written", **given: Any) -> None:
        words = {"title": "A paper on CANARY", "body": "of CANARY", "url": f"/papers/{number}/"} | given
        with transaction.atomic():
            tell(topic, subject=f"paper:{number}", actor=Actor.system("clock"), **words)
        route_due()

    return tell_of_paper


@pytest.fixture
def postbox(settings: Any) -> Iterator[Postbox]:
    with mail_server(settings) as box:
        yield box


@pytest.fixture
def sent() -> Callable[[], None]:
    """Try everything that is due, once."""

    def send_all() -> None:
        for pk in due_dispatches():
            send_dispatch(pk)

    return send_all


@pytest.fixture
def ada_with_mail(ada: User) -> User:
    ada.email = "ada@example.org"
    ada.save()
    return ada


@pytest.fixture
def web() -> Iterator[Recorder]:
    with web_server() as server:
        yield server
