"""A line that somebody typed becomes a command, and the command an answer, an order or an action."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.db import transaction

from accounts import keys
from accounts.models import User
from core import audit, options
from core.actors import Actor
from live_response import limits
from live_response.enums import CommandState, Level, SessionState, Where
from live_response.grammar import BadLine, Typed, absolute, parse
from live_response.lifecycle import announce_command, move_command
from live_response.line import line
from live_response.models import LiveCommand, LiveSession
from live_response.refused import NotPossible
from live_response.services.answer import Answer, answer_in_portal
from live_response.services.library import file_to_send
from live_response.services.orders import RIGHTS, order_typed
from live_response.services.outcome import finish_in_portal
from live_response.services.prerequisites import first_line, go_on
from live_response.services.record import SHOWN, TYPED, record_line
from live_response.services.respond import ask_action
from live_response.services.sessions import touch
from live_response.services.shells import ask_shell
from live_response.services.standing import ACTION
from live_response.words import Kind


def type_line(session: LiveSession, *, text: str, actor: Actor, user: User) -> LiveCommand:
    """What was typed, as the command it became: one that was not understood is kept as refused, with the reason.

    Raises `NotPossible` when nobody, or not this person, may type here now."""
    frozen = replace(actor, person_id=user.pk)
    with transaction.atomic():
        locked = LiveSession.objects.select_for_update(of=("self",)).select_related("device", "incident")
        session = locked.get(pk=session.pk)
        check_may_type(session, user)
        touch(session)
        record_line(session, kind=TYPED, data=f"{text[:2000]}\r\n")
        command = _store(session, text, frozen, user)
        if command.needs is not None:
            _begin(command.needs, session, frozen, user)
            go_on(command.needs)
        else:
            _begin(command, session, frozen, user)
            return command
    command.refresh_from_db()
    return command


def check_may_type(session: LiveSession, user: User) -> None:
    if not session.is_open:
        raise NotPossible("ended", f"{session.number} has ended: {session.state_detail or 'it is over'}")
    if session.user_id != user.pk:
        raise NotPossible("not_yours", f"Only {session.opener.name}, who opened {session.number}, types here.")
    if not user.holds(keys.LIVE_BASIC):
        raise NotPossible("forbidden", "This needs the right to live response.")
    if session.state != SessionState.ACTIVE:
        raise NotPossible("connecting", f"{session.number} is not connected yet.")
    if session.commands.count() >= limits.MOST_COMMANDS:
        raise NotPossible("too_many", f"A session has at most {limits.MOST_COMMANDS:,} commands; open a new one.")


def _begin(command: LiveCommand, session: LiveSession, actor: Actor, user: User) -> None:
    if command.state != CommandState.REFUSED:
        _carry_out(command, session, actor, user)


def _next_number(session: LiveSession) -> int:
    last = session.commands.order_by("-number").first()
    return (last.number if last else 0) + 1


def _store(session: LiveSession, text: str, actor: Actor, user: User) -> LiveCommand:
    command = LiveCommand(
        session=session, device=session.device, agent_id=session.agent_id, number=_next_number(session),
        line=text[:2000].replace("\x00", ""), name="", level=Level.BASIC, where=Where.PORTAL,
        typed_by=actor.as_json(), user=user,
    )  # fmt: skip
    try:
        typed = parse(text)
        _check_level(typed, user)
        _fill(command, typed, session)
        if typed.auto and (before := first_line(command)):
            _put_first(command, before, session, actor, user)
    except (BadLine, NotPossible) as error:
        return _refused(command, session, actor, str(error), getattr(error, "code", "bad_line"))
    command.save()
    _audit(command, session, actor)
    return command


def _put_first(command: LiveCommand, text: str, session: LiveSession, actor: Actor, user: User) -> None:
    """`-auto`: what ought to come first stands before it, as a command of its own."""
    record_line(session, kind=TYPED, data=f"{text}\r\n")
    command.needs = _store(session, text, actor, user)
    command.number = _next_number(session)


def _check_level(typed: Typed, user: User) -> None:
    if not user.holds(RIGHTS[typed.word.level]):
        needed = "raw shells" if typed.word.level == Level.RAW else "advanced live response"
        raise NotPossible("forbidden", f"{typed.word.name} needs the right to {needed}.")


def _fill(command: LiveCommand, typed: Typed, session: LiveSession) -> None:
    word = typed.word
    command.name, command.level, command.where, command.run_s = word.name, word.level, word.where, word.run_s
    command.given, command.output_as, command.save_as = dict(typed.arguments), typed.output, typed.save_as
    command.background = typed.background
    if word.where != Where.AGENT:
        return
    command.action, command.arguments = word.action, {"session": session.number, **typed.arguments}
    for one in word.parameters:
        if one.kind == Kind.PATH and (one.name in typed.arguments or word.name in {"dir", "cd"}):
            command.arguments[one.name] = absolute(str(typed.arguments.get(one.name, "")), session.folder)
    if further := _FURTHER.get(word.name):
        further(command, session, auto=typed.auto)


def _with_file(command: LiveCommand, session: LiveSession, *, auto: bool) -> None:
    """A file of the library travels as its digest; the agent fetches what the signed order names."""
    file = file_to_send(str(command.given["name"]))
    most = options.get(limits.MOST_PUT)
    if command.name == "putfile" and file.size > most * 1024**2:
        raise NotPossible("too_large", f"{file.name} has more than {most} MiB, which is the most that is put anywhere.")
    command.library_file = file
    command.arguments |= {"name": file.name, "library": file.sha256, "size": file.size}
    if command.name == "run":
        command.arguments["folder"] = session.folder


def _remediate(command: LiveCommand, session: LiveSession, *, auto: bool) -> None:
    """A file is first looked at, so that the action knows its digest; the list is the portal's own."""
    what, thing = str(command.given["what"]), str(command.given.get("thing", ""))
    if what != "list" and not thing:
        raise BadLine(f"remediate {what} needs what it is about.")
    if what == "list":
        command.where, command.action, command.arguments = Where.PORTAL, "", {}
    elif what == "file":
        command.action = "live.fileinfo"
        command.arguments = {"session": session.number, "path": absolute(thing, session.folder)}
    elif what == "process" and not auto and not (thing.isascii() and thing.isdigit()):
        raise BadLine("A process is named by its number; -auto finds it by its name.")


def _analyze(command: LiveCommand, session: LiveSession, *, auto: bool) -> None:
    """The file is fetched first; what a process runs is fetched from the process, wherever its file is by now."""
    thing = str(command.given["thing"])
    if command.given["what"] == "file":
        command.arguments = {"session": session.number, "path": absolute(thing, session.folder)}
    elif thing.isascii() and thing.isdigit() and len(thing) <= 10:
        command.arguments = {"session": session.number, "pid": int(thing)}
    elif auto:
        command.arguments = {"session": session.number}
    else:
        raise BadLine("A process is named by its number; -auto finds it by its name.")


def _undo(command: LiveCommand, session: LiveSession, *, auto: bool) -> None:
    if command.given["what"] == "file":
        command.where, command.action, command.arguments = Where.RESPONSE, "", {}


_FURTHER: dict[str, Callable[..., None]] = {
    "putfile": _with_file, "run": _with_file, "remediate": _remediate, "undo": _undo, "analyze": _analyze,
}  # fmt: skip


def _refused(command: LiveCommand, session: LiveSession, actor: Actor, why: str, code: str) -> LiveCommand:
    command.state, command.code, command.detail = CommandState.REFUSED, code, why[:500]
    command.output, command.ended = why, command.created
    command.save()
    record_line(session, kind=SHOWN, data=f"{why}\r\n")
    _audit(command, session, actor)
    announce_command(command)
    return command


def _audit(command: LiveCommand, session: LiveSession, actor: Actor) -> None:
    audit.record(
        "live_command.typed", subject=f"live_command:{command.pk}", thread=session.thread, actor=actor,
        data={"session": session.number, "number": command.number, "line": command.line, "state": command.state},
    )  # fmt: skip


def _carry_out(command: LiveCommand, session: LiveSession, actor: Actor, user: User) -> None:
    """What cannot be done becomes the command's own outcome."""
    try:
        with transaction.atomic():
            if command.where == Where.PORTAL:
                finish_in_portal(
                    command, answer=answer_in_portal(command, session=session, actor=actor, user=user), actor=actor
                )
            elif command.action == ACTION:
                ask_shell(command, session=session, actor=actor)
            elif command.where == Where.RESPONSE:
                ask_action(command, session=session, actor=actor, user=user)
            else:
                order_typed(command, actor=actor)
    except (NotPossible, BadLine) as refusal:
        command.refresh_from_db()
        finish_in_portal(
            command, actor=actor, state=CommandState.REFUSED,
            answer=Answer(str(refusal), code=str(getattr(refusal, "code", "bad_line"))),
        )  # fmt: skip


def stop_command(command: LiveCommand, *, actor: Actor, user: User) -> None:
    """Really end it: what has not left never leaves, what runs is ended on the device. Raises `NotPossible`."""
    session: Any = command.session
    may = user.holds(keys.LIVE_ADVANCED) or (command.action == ACTION and user.holds(keys.LIVE_RAW))
    if session is not None and session.user_id != user.pk and not may:
        raise NotPossible("not_yours", f"{session.number} is {session.opener.name}'s.")
    with transaction.atomic():
        locked = LiveCommand.objects.select_for_update(of=("self",)).get(pk=command.pk)
        if not locked.is_open:
            raise NotPossible("ended", "The command has ended.")
        if locked.run_id is not None:
            raise NotPossible("cannot", f"RUN-{locked.run_id} is cancelled in the Action center.")
        if locked.order is None:
            move_command(locked, CommandState.CANCELLED, actor=actor, detail=f"Cancelled by {actor.name}.")
            return
        line().cancel(locked.order, actor=actor)
        audit.record(
            "live_command.cancel_asked", subject=f"live_command:{locked.pk}",
            thread=session.thread if session else f"device:{locked.device_id}", actor=actor,
        )  # fmt: skip
