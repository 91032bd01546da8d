"""Commands that a script of somebody's hands in together: files are put, scripts run and files fetched, in this order,
one after the other; the first that fails ends it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import keys
from accounts.models import User
from core.actors import Actor
from core.pagination import through
from incidents.models import Device, Incident
from live_response import limits
from live_response.enums import CommandState, SessionKind, SessionState, Where
from live_response.grammar import BadLine, absolute, script_words
from live_response.lifecycle import move_command
from live_response.models import LiveCommand, LiveSession
from live_response.refused import NotPossible
from live_response.services.library import file_to_send
from live_response.services.orders import give_command
from live_response.services.sessions import end_session, open_session
from live_response.words import WORDS

PORTAL = Actor.system("live response")
ORDER = ("PutFile", "RunScript", "GetFile")
_WORDS = {"PutFile": "putfile", "RunScript": "run", "GetFile": "getfile"}
_PARAMETERS = {"PutFile": {"FileName"}, "RunScript": {"ScriptName", "Args"}, "GetFile": {"Path"}}
MOST = 20


def open_batch(
    device: Device, *, commands: Sequence[Mapping[str, Any]], comment: object, actor: Actor, user: User,
    incident: Incident | None = None,
) -> LiveSession:  # fmt: skip
    """Raises `ValidationError` and `NotPossible`. A device that is away is waited for, three days long."""
    read = [_read(one) for one in commands]
    if not 1 <= len(read) <= MOST:
        raise ValidationError({"commands": f"Between 1 and {MOST} commands."})
    places = [ORDER.index(kind) for kind, _ in read]
    if places != sorted(places):
        raise ValidationError({"commands": "First PutFile, then RunScript, then GetFile."})
    if any(kind != "GetFile" for kind, _ in read) and not user.holds(keys.LIVE_ADVANCED):
        raise NotPossible("forbidden", "Putting files and running scripts needs the right to advanced live response.")
    with transaction.atomic():
        session = open_session(
            device, reason=comment, actor=actor, user=user, incident=incident, kind=SessionKind.BATCH
        )  # fmt: skip
        for number, (kind, given) in enumerate(read, start=2):
            _store(session, number, kind, given, replace(actor, person_id=user.pk), user)
    return session


def _read(one: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    kind, given = str(one.get("type", "")), {str(pair["key"]): str(pair["value"]) for pair in one.get("params", [])}
    if kind not in ORDER or not set(given) <= _PARAMETERS[kind]:
        raise ValidationError({"commands": f"Commands are {', '.join(ORDER)}, each with its own parameters."})
    needed = {"PutFile": "FileName", "RunScript": "ScriptName", "GetFile": "Path"}[kind]
    if not given.get(needed):
        raise ValidationError({"commands": f"{kind} needs {needed}."})
    return kind, given


def _store(
    session: LiveSession, number: int, kind: str, given: Mapping[str, str], actor: Actor, user: User
) -> LiveCommand:
    word = WORDS[_WORDS[kind]]
    try:
        arguments, file, line = _arguments(kind, given, session)
    except BadLine as error:
        raise ValidationError({"commands": str(error)}) from None
    return LiveCommand.objects.create(
        session=session, device=session.device, agent_id=session.agent_id, number=number, line=line[:2_000],
        name=word.name, level=word.level, where=Where.AGENT, action=word.action, given=dict(given),
        arguments={"session": session.number, **arguments}, run_s=word.run_s, library_file=file,
        typed_by=actor.as_json(), user=user,
    )  # fmt: skip


def _arguments(kind: str, given: Mapping[str, str], session: LiveSession) -> tuple[dict[str, Any], Any, str]:
    if kind == "GetFile":
        path = absolute(given["Path"], "/")
        return {"path": path}, None, f'getfile "{path}"'
    file = file_to_send(given.get("FileName") or given["ScriptName"])
    told = {"name": file.name, "library": file.sha256, "size": file.size}
    if kind == "PutFile":
        return {**told, "overwrite": True}, file, f"putfile {file.name} -overwrite"
    words = script_words(given.get("Args", ""))
    more = f' -parameters "{given["Args"]}"' if given.get("Args") else ""
    return {**told, "parameters": words, "folder": session.folder}, file, f"run {file.name}{more}"


def advance_all() -> None:
    """Every batch that is connected takes its next step."""
    for session in through(LiveSession.objects.filter(kind=SessionKind.BATCH).open()):
        advance(session.pk)


def advance(session_id: int) -> None:
    """The next command when the one before went well; the end when one failed or none is left. Idempotent."""
    with transaction.atomic():
        found = LiveSession.objects.select_for_update(of=("self",)).select_related("device", "incident")
        session = found.filter(pk=session_id, kind=SessionKind.BATCH, state=SessionState.ACTIVE).first()
        if session is None:
            return
        rows = list(session.commands.select_related("session", "device").order_by("number"))
        failed = next((one for one in rows if not one.is_open and one.state != CommandState.SUCCEEDED), None)
        if failed is not None:
            _skip_rest(rows, failed)
        elif any(one.state in {CommandState.QUEUED, CommandState.STARTED} for one in rows):
            return
        waiting = next((one for one in rows if one.state == CommandState.WAITING), None)
        if waiting is not None and failed is None:
            _give(waiting, session)
            return
    said = f"Ended: {failed.line} did not succeed." if failed else "All commands are done."
    _close(session, said)


def _skip_rest(rows: Sequence[LiveCommand], failed: LiveCommand) -> None:
    for one in rows:
        if one.state == CommandState.WAITING:
            move_command(one, CommandState.SKIPPED, actor=PORTAL, detail=f"{failed.line[:200]} did not succeed.")


def _give(command: LiveCommand, session: LiveSession) -> None:
    try:
        with transaction.atomic():
            give_command(command, actor=PORTAL, reason=session.reason, within=limits.BATCH_EXPIRES)
    except NotPossible as refusal:
        command.refresh_from_db()
        move_command(command, CommandState.REFUSED, actor=PORTAL, detail=refusal.message, code=refusal.code)


def _close(session: LiveSession, said: str) -> None:
    try:
        end_session(session, actor=PORTAL, user=None, detail=said)
    except NotPossible:
        return
