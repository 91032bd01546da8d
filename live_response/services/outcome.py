"""What comes of a command: from the agent, from a run of the Action center, or from the portal itself."""

import json
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from connectors.sandbox.limits import MAX_SAMPLE
from connectors.services.agents.uploads import proof_of_order
from core import audit, jobs
from core.actors import Actor
from core.blobs import Given, InMemory
from core.wording import visible
from live_response import limits
from live_response.enums import CommandState, Output, SessionKind, SessionState
from live_response.grammar import BadLine
from live_response.lifecycle import announce_command, announce_session, move_command, move_session
from live_response.line import CONNECT, Told, line
from live_response.models import LiveArtefact, LiveCommand, LiveSession
from live_response.refused import NotPossible
from live_response.services.answer import Answer
from live_response.services.prerequisites import go_on
from live_response.services.record import MOST_SHOWN, SHOWN, record_line
from live_response.services.respond import quarantine_found, submit_found
from live_response.shown import as_json, as_text
from remediation.enums import CustodyKind
from remediation.services.custody import Piece, take_into_custody

AGENT = Actor.system("agent")
_DONE = (CommandState.SUCCEEDED, CommandState.PARTIALLY_SUCCEEDED)
_KEPT_DAYS = 180
SWEEP = "live_response.tasks.sweep_sessions"


def order_changed(order_id: int, reference: str = "", **_more: Any) -> None:
    """Listener of `agent_order.changed`: idempotent, because the order is asked anew each time."""
    if reference.startswith("live:"):
        told = line().told(order_id)
        if told is not None:
            take_told(order_id, told=told, actor=AGENT)


def take_told(order_id: int, *, told: Told, actor: Actor) -> None:
    """How an order stands, written into its command."""
    with transaction.atomic():
        found = LiveCommand.objects.select_for_update(of=("self",)).select_related("session__device", "device")
        command = found.filter(order=order_id).first()
        if command is None or not (command.is_open or command.state == CommandState.UNKNOWN) or command.run_id:
            return
        state = _state(told.state)
        if state == CommandState.STARTED and command.state == CommandState.QUEUED:
            move_command(command, state, actor=actor)
        if state in {CommandState.STARTED, CommandState.QUEUED, CommandState.WAITING}:
            _take_progress(command, told)
        elif state != command.state:
            _finish(command, state, _with_answer(command, dict(told.result)), actor)


def _take_progress(command: LiveCommand, told: Told) -> None:
    """How far it is, and what it said that was not heard yet."""
    fresh = [(seq, text) for seq, text in told.said if seq > command.progress_seq]
    if told.percent == command.progress and not fresh:
        return
    command.progress = told.percent
    more = "\n".join(text[:4_000] for _, text in fresh).replace("\x00", "")
    command.output = f"{command.output}\n{more}".lstrip("\n")[-limits.MOST_OUTPUT :]
    command.progress_seq = max([command.progress_seq, *(seq for seq, _ in fresh)])
    command.save(update_fields=["progress", "output", "progress_seq"])
    announce_command(command)


def _with_answer(command: LiveCommand, result: dict[str, Any]) -> dict[str, Any]:
    """A larger answer comes as a file, which must be of this very order."""
    named = str(result.pop("answer", ""))
    if not named or command.order is None:
        return result
    listed = result.get("artefacts")
    others = [one for one in listed if not (isinstance(one, dict) and one.get("sha256") == named)] if listed else []
    try:
        answer = json.loads(_fetched(command.order, named, 8 * limits.MOST_OUTPUT) or b"{}")
    except (ValueError, NotPossible):
        answer = {}
    if not isinstance(answer, dict) or not str(answer.get("order", "")):
        return {**result, "artefacts": others, "detail": "The answer did not arrive with the outcome."}
    return {**result, "artefacts": others, "rows": answer.get("rows"), "text": answer.get("text", "")}


def _state(word: str) -> CommandState:
    return CommandState(word) if word in CommandState.values else CommandState.UNKNOWN


def _finish(command: LiveCommand, state: CommandState, result: dict[str, Any], actor: Actor) -> None:
    if command.name == "remediate" and command.action == "live.fileinfo" and state in _DONE and command.session:
        try:
            quarantine_found(command, session=command.session, found=result, actor=command.typist)
        except (NotPossible, BadLine) as refusal:
            answer = Answer(str(refusal), code="cannot")
            finish_in_portal(command, answer=answer, actor=actor, state=CommandState.REFUSED)
        return
    if command.name == "analyze" and state in _DONE and command.session:
        _submit(command, command.session, result, actor)
        return
    rows, text, cut = _bounded(result)
    _keep_files(command, result)
    exit_code = result.get("exit_code")
    move_command(
        command, state, actor=actor, detail=str(result.get("detail", ""))[:500], table=rows,
        names=_names(result, rows), output=text,
        truncated=cut, code=str(result.get("code", ""))[:60], progress=None,
        exit_code=exit_code if isinstance(exit_code, int) and abs(exit_code) < 2**31 else None,
        result=_facts(result),
    )  # fmt: skip
    _show(command)
    go_on(command)
    if command.session is not None:
        _tell_session(command, command.session, state, result, actor)
        if command.session.kind == SessionKind.BATCH:
            jobs.wake(SWEEP)


def _submit(command: LiveCommand, session: LiveSession, result: dict[str, Any], actor: Actor) -> None:
    """The fetched file goes to deep analysis; nothing of it stays with the session."""
    listed = result.get("artefacts")
    first = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}
    digest = str(first.get("sha256", ""))
    try:
        content = _fetched(command.order, digest, MAX_SAMPLE) if command.order is not None else None
        name = str(first.get("name") or "file").replace("\x00", "")[:200]
        made = submit_found(command, session=session, content=content, name=name, actor=command.typist)
    except NotPossible as refusal:
        answer = Answer(str(refusal), code=refusal.code)
        finish_in_portal(command, answer=answer, actor=actor, state=CommandState.REFUSED)
        return
    finish_in_portal(command, answer=Answer(f"Submitted: {made.name}", result={"analysis": made.pk}), actor=actor)


def _bounded(result: dict[str, Any]) -> tuple[list[dict[str, Any]], str, bool]:
    """An agent is believed no more than its limits: rows that are objects, text that is text, both cut."""
    given = result.get("rows")
    rows = [_row(one) for one in given[: limits.MOST_ROWS] if isinstance(one, dict)] if isinstance(given, list) else []
    text = str(result.get("text", "")).replace("\x00", "")
    cut = bool(result.get("truncated")) or len(text) > limits.MOST_OUTPUT
    cut = cut or (isinstance(given, list) and len(given) > limits.MOST_ROWS)
    return rows, text[: limits.MOST_OUTPUT], cut


def _names(result: dict[str, Any], rows: list[dict[str, Any]]) -> list[str]:
    """The columns as the agent names them, and the others behind them."""
    told = result.get("columns")
    named = [str(name)[:40].replace("\x00", "") for name in told[:30]] if isinstance(told, list) else []
    there = list(dict.fromkeys(name for row in rows[:50] for name in row))
    return [*(name for name in dict.fromkeys(named) if name in there), *(name for name in there if name not in named)]


def _row(one: dict[str, Any]) -> dict[str, Any]:
    return {str(name)[:40].replace("\x00", ""): _value(value) for name, value in list(one.items())[:30]}


def _value(value: Any) -> Any:
    if isinstance(value, bool | int | float) or value is None:
        return value
    text = ", ".join(map(str, value[:50])) if isinstance(value, list) else str(value)
    return text[:4_000].replace("\x00", "")


def _facts(result: dict[str, Any]) -> dict[str, Any]:
    """The small things that are asked for later."""
    told = {name: value for name, value in result.items() if name not in {"rows", "text", "artefacts", "columns"}}
    return {str(name)[:40]: _value(value) for name, value in list(told.items())[:30]}


def _keep_files(command: LiveCommand, result: dict[str, Any]) -> None:
    listed = result.get("artefacts")
    if command.order is None or not isinstance(listed, list):
        return
    for one in listed[:20]:
        digest = str(one.get("sha256", "")) if isinstance(one, dict) else ""
        content = line().fetch(command.order, digest) if digest else None
        if content is not None:
            keep_file(
                command, name=str(one.get("name") or "file"), content=content, path=str(result.get("path", "")),
                proof=proof_of_order(command.order, digest),
            )  # fmt: skip
            line().forget(command.order, digest)


def _fetched(order: int, digest: str, most: int) -> bytes | None:
    """What is used at once and not kept; None for what did not arrive. Raises `NotPossible` for what is larger."""
    content = line().fetch(order, digest)
    if content is None:
        return None
    found = content.read() if content.size <= most else None
    line().forget(order, digest)
    if found is None:
        raise NotPossible("too_large", f"The file has {content.size:,} bytes; at most {most:,} are looked at.")
    return found


def keep_file(
    command: LiveCommand, *, name: str, content: Given, path: str = "", proof: Mapping[str, Any] | None = None
) -> None:
    """A file of this command, with the portal's retention; its custody begins. `proof` is what the device signed."""
    clean = "".join(sign if sign.isalnum() or sign in "._-" else "_" for sign in name)[:150].lstrip(".") or "file"
    if command.artefacts.filter(name=clean).exists():
        return
    blob = content.keep(name=clean, media_type="application/octet-stream", for_days=_KEPT_DAYS)
    kept = LiveArtefact.objects.create(command=command, name=clean, path=path[:4_096].replace("\x00", ""), blob=blob)
    incident = command.session.incident if command.session else None
    piece = Piece(f"live:{kept.pk}", CustodyKind.LIVE, clean, blob.sha256, blob.size, blob, command.device, incident,
                  proof=proof)  # fmt: skip
    take_into_custody(piece, actor=command.typist)


def _tell_session(
    command: LiveCommand, session: LiveSession, state: CommandState, result: dict[str, Any], actor: Actor
) -> None:
    if command.action == CONNECT:
        _connected(session, state, result, actor)
    elif command.name == "cd" and state in _DONE:
        folder = str(result.get("folder", ""))
        if folder.startswith("/"):
            LiveSession.objects.filter(pk=session.pk).update(folder=folder[:4_096].replace("\x00", ""))
            announce_session(session)


def _connected(session: LiveSession, state: CommandState, result: dict[str, Any], actor: Actor) -> None:
    if session.state != SessionState.CONNECTING:
        return
    if state in _DONE:
        folder = str(result.get("folder") or "/")[:4_096].replace("\x00", "")
        move_session(session, SessionState.ACTIVE, actor=actor, facts=_facts(result), folder=folder)
        LiveSession.objects.filter(pk=session.pk).update(last_input_at=session.started)
        return
    why = str(result.get("detail") or f"The agent did not connect: {state.label.lower()}.")
    record_line(session, kind=SHOWN, data=f"{why}\r\n")
    move_session(session, SessionState.FAILED, actor=actor, detail=why)
    audit.record(
        "live_session.recorded", subject=f"live_session:{session.pk}", thread=session.thread, actor=actor,
        data={"sha256": session.recording_head, "lines": session.recorded.count()},
    )  # fmt: skip


def finish_in_portal(
    command: LiveCommand, *, answer: Answer, actor: Actor, state: CommandState = CommandState.SUCCEEDED
) -> None:
    """What the portal answered, or why it did nothing."""
    detail = answer.text[:500] if state == CommandState.REFUSED else ""
    move_command(
        command, state, actor=actor, detail=detail, output=answer.text, table=answer.rows, code=answer.code,
        names=list(answer.rows[0]) if answer.rows else [],
        result={**command.result, **answer.result},
    )  # fmt: skip
    _show(command)
    go_on(command)


def _show(command: LiveCommand) -> None:
    """Into the recording as the console shows it, and into a file where the line asked for one."""
    rows = command.ordered
    shown = as_json(rows) if command.output_as == Output.JSON and rows else as_text(rows)
    parts = [command.output, shown]
    if command.state not in _DONE and command.detail and command.detail != command.output:
        parts.insert(0, f"{CommandState(command.state).label}: {command.detail}")
    text = "\n".join(filter(None, parts))
    if command.session is not None:
        # What a device answers is text: a terminal that plays the recording is told nothing by it.
        told = visible(text[:MOST_SHOWN].replace("\r", "")).replace("\n", "\r\n")
        record_line(command.session, kind=SHOWN, data=f"{told}\r\n")
    if command.save_as and command.state in _DONE:
        keep_file(command, name=command.save_as, content=InMemory(text.encode()))


def run_ended(run_id: int, status: str, **_more: Any) -> None:
    """Listener of `run.ended`: the command that asked for the run ends as the run did."""
    with transaction.atomic():
        found = LiveCommand.objects.select_for_update(of=("self",)).select_related("session__device", "run")
        for command in found.filter(run_id=run_id):
            if command.is_open and command.run is not None:
                said = command.run.status_detail or f"{command.run.number}: {command.run.get_status_display()}"
                move_command(command, _state(status), actor=AGENT, detail=said, output=f"{command.run.number}: {said}")
                _show(command)
