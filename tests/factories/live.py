"""A line to agents that tests hold in their hands, and sessions on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from accounts.models import User
from core import clock
from core.actors import Actor
from core.blobs import InMemory
from incidents.models import Device
from live_response import line
from live_response.limits import DECIDE_WITHIN
from live_response.line import Seen, Told
from live_response.models import LibraryFile, LiveCommand, LiveSession, RawShell
from live_response.services.fleet import ask_fleet
from live_response.services.library import store_file
from live_response.services.outcome import AGENT, take_told
from live_response.services.sessions import open_session
from live_response.services.type_line import type_line

SETTER = Actor.system("test set-up")
SCRIPT = b"#!/bin/bash\necho triage of $(hostname)\n"


@dataclass
class HeldLine:
    """Every device has an agent unless told otherwise; orders lie here until a test answers them."""

    away: str = ""
    missing: set[int] = field(default_factory=set)
    cannot: dict[str, str] = field(default_factory=dict)
    given: dict[int, LiveCommand] = field(default_factory=dict)
    once: dict[int, bool] = field(default_factory=dict)
    cancelled: list[int] = field(default_factory=list)
    answers: dict[int, Told] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    last_seen: datetime | None = None

    def agent_of(self, device: Device) -> Seen | None:
        return None if device.pk in self.missing else Seen(f"agent-{device.pk}", self.away, self.cannot, self.last_seen)

    def give(self, command: LiveCommand, *, expires: datetime, once: bool, reason: str) -> int:
        number = 1000 + command.pk
        self.given[number], self.once[number] = command, once
        return number

    def cancel(self, order: int, *, actor: Actor) -> None:
        self.cancelled.append(order)

    def told(self, order: int) -> Told | None:
        return self.answers.get(order)

    def fetch(self, order: int, sha256: str) -> InMemory | None:
        return InMemory(self.files[sha256]) if sha256 in self.files else None

    def forget(self, order: int, sha256: str) -> None:
        self.files.pop(sha256, None)

    def answer(self, command: LiveCommand, state: str = "succeeded", **result: Any) -> LiveCommand:
        """The agent tells what came of the command."""
        command.refresh_from_db()
        assert command.order is not None, command.detail
        take_told(command.order, told=Told(state, result), actor=AGENT)
        command.refresh_from_db()
        return command


@contextmanager
def held_line() -> Iterator[HeldLine]:
    held = HeldLine()
    former = line.use(held)
    yield held
    line.use(former)


def open_on(device: Device, user: User, **more: Any) -> LiveSession:
    """Asked for, and not connected yet."""
    return open_session(device, reason="Looks into the dropper", actor=user.actor, user=user, **more)


def connected(held: HeldLine, device: Device, user: User, **more: Any) -> LiveSession:
    session = open_on(device, user, **more)
    held.answer(session.commands.get(number=1), host="fin-ws-1", kernel="Linux 6.12", user="root", folder="/")
    session.refresh_from_db()
    return session


def typed(session: LiveSession, text: str, user: User | None = None) -> LiveCommand:
    """Typed by whoever opened it."""
    person = user or session.user
    assert person is not None
    return type_line(session, text=text, actor=person.actor, user=person)


def script(name: str = "triage.sh", content: bytes = SCRIPT) -> LibraryFile:
    return store_file(content, name=name, description="First look", parameters="--quick", actor=SETTER)


def words_of_live_response(device: Device, user: User) -> dict[str, Any]:
    """A session in which something was typed, a file of the library and a question, for every address of the room."""
    with held_line() as held:
        session = connected(held, device, user)
        held.answer(typed(session, "processes > list.txt"), rows=[{"pid": 7, "name": "sshd", "command": "sshd -D"}])
        typed(session, "findfile *.sh &")
        listed = session.commands.get(name="processes")
        query = ask_fleet("services", devices=[device], reason="Looks", actor=user.actor, user=user)
        held.answer(query.answers.get(), rows=[{"service": "ssh.service", "running": True}])
    shell = RawShell.objects.create(
        command=session.commands.get(name="findfile"), reason="Looks", minutes=30,
        decide_until=clock.real_now() + DECIDE_WITHIN,
    )  # fmt: skip
    file = script()
    pages = {f"live_response:{page}.pk": file.pk for page in ("file", "file_download", "file_delete")}
    pages |= {f"live_response:{page}.pk": query.pk for page in ("question", "question_export")}
    pages |= {f"live_response:{page}.number": shell.command.number for page in ("shell_type", "shell_decide")}
    return {
        **pages, "live_response.pk": session.pk, "live_response.number": listed.number,
        "live_response:open.device_id": device.pk, "live_response.artefact_id": listed.artefacts.get().pk,
    }  # fmt: skip
