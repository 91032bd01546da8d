"""What the portal answers by itself: help, jobs, status, the library, what was remediated."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from accounts import keys
from accounts.models import User
from core.actors import Actor
from live_response.enums import CommandState, Level
from live_response.grammar import BadLine
from live_response.models import LibraryFile, LiveCommand, LiveSession
from live_response.refused import NotPossible
from live_response.services.library import delete_file
from live_response.words import WORDS, Word

_BEHIND = "Behind any command: -output json, > name.txt, & . -auto types what ought to come first. Ctrl+C cancels."


@dataclass(frozen=True, slots=True)
class Answer:
    text: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list)
    code: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)


def answer_in_portal(command: LiveCommand, *, session: LiveSession, actor: Actor, user: User) -> Answer:
    """Raises `NotPossible` and `BadLine`."""
    if command.name == "library":
        return _library(command, actor=actor, user=user)
    if command.name == "trace":
        return _trace(command, session)
    return _ANSWERS[command.name](command, session)


def _help(command: LiveCommand, session: LiveSession) -> Answer:
    name = str(command.given.get("command", "")).lower()
    if not name:
        rows = [{"command": one.name, "level": Level(one.level).label, "what": one.about} for one in WORDS.values()]
        return Answer(_BEHIND, rows)
    word = WORDS.get(name)
    if word is None:
        raise BadLine(f"There is no command {name[:40]}; `help` lists them.")
    return Answer(help_of(word))


def help_of(word: Word) -> str:
    """How a command is used, as text."""
    lines = [word.usage, f"  {word.about}"]
    lines += [f"  {one.name}: {one.about}" for one in word.parameters]
    lines += [f"  -auto: types {word.before} first, and goes by what it finds."] if word.before else []
    lines += [f"  Example: {example}" for example in word.examples]
    if word.level != Level.BASIC:
        right = "raw shells" if word.level == Level.RAW else "advanced live response"
        lines.append(f"  Needs the right to {right}.")
    return "\n".join(lines)


def _jobs(command: LiveCommand, session: LiveSession) -> Answer:
    others = session.commands.open().exclude(pk=command.pk)
    rows = [_job(one) for one in others.select_related("run").order_by("number")]
    return Answer("" if rows else "Nothing is running.", rows)


def _job(one: LiveCommand) -> dict[str, Any]:
    return {"command": one.number, "line": one.line, "state": one.standing, "progress": one.progress,
            "since": one.created.strftime("%H:%M:%S")}  # fmt: skip


def _other(command: LiveCommand, session: LiveSession) -> LiveCommand:
    found = session.commands.filter(number=command.given["command"]).first()
    if found is None:
        raise NotPossible("not_there", f"There is no command {command.given['command']} in this session.")
    return found


def _status(command: LiveCommand, session: LiveSession) -> Answer:
    other = _other(command, session)
    head = f"{other.number}  {other.line}  {other.standing}"
    return Answer("\n".join(filter(None, [head, other.detail, other.output[:20_000]])), list(other.table[:1_000]))


def _foreground(command: LiveCommand, session: LiveSession) -> Answer:
    other = _other(command, session)
    if not other.is_open:
        return _status(command, session)
    other.background = False
    other.save(update_fields=["background"])
    return Answer(f"{other.number}  {other.line} is in the foreground.", result={"foreground": other.pk})


def _connect(command: LiveCommand, session: LiveSession) -> Answer:
    return Answer(f"{session.number} is connected to {session.device.display_name}.")


def _clear(command: LiveCommand, session: LiveSession) -> Answer:
    return Answer(result={"clear": True})


def _remediated(command: LiveCommand, session: LiveSession) -> Answer:
    """On this device, whoever did it in whichever session."""
    done = LiveCommand.objects.filter(device=session.device, name="remediate").exclude(result={}).order_by("-created")
    rows = [
        {"item": one.result.get("item", ""), "what": one.given.get("what"), "thing": one.given.get("thing"),
         "when": f"{one.created:%Y-%m-%d %H:%M:%S}", "by": one.typist.name, "state": CommandState(one.state).label}
        for one in done[:500] if one.given.get("what") != "list"
    ]  # fmt: skip
    return Answer("" if rows else "Nothing on this device was remediated from here.", rows)


def _trace(command: LiveCommand, session: LiveSession) -> Answer:
    session.trace = command.given.get("switch", "on") == "on"
    session.save(update_fields=["trace"])
    return Answer(f"Trace is {'on' if session.trace else 'off'}: commands tell their order, times and sizes.")


def _library(command: LiveCommand, *, actor: Actor, user: User) -> Answer:
    if command.given.get("what") != "delete":
        rows = [
            {"name": one.name, "type": one.type, "size": one.size, "parameters": one.parameters_description or
             ("yes" if one.has_parameters else "none"), "description": one.description}
            for one in LibraryFile.objects.all()
        ]  # fmt: skip
        return Answer("" if rows else "The library is empty.", rows)
    if not user.holds(keys.LIVE_LIBRARY):
        raise NotPossible("forbidden", "This needs the right to manage the live-response library.")
    name = str(command.given.get("name", ""))
    delete_file(name, actor=actor)
    return Answer(f"{name} is deleted.")


_ANSWERS: dict[str, Callable[[LiveCommand, LiveSession], Answer]] = {
    "help": _help, "jobs": _jobs, "status": _status, "fg": _foreground, "connect": _connect, "cls": _clear,
    "remediate": _remediated,
}  # fmt: skip
