"""What `-auto` does: the command that ought to come first is typed by the portal, on record as if by hand, and the one
that was typed is then about what it found. The device refuses when that is no longer so."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import transaction

from core.actors import Actor
from live_response.enums import CommandState
from live_response.lifecycle import move_command
from live_response.models import LiveCommand
from live_response.refused import NotPossible
from live_response.services.orders import order_typed
from live_response.services.record import SHOWN, record_line

PORTAL = Actor.system("live response")
_DONE = (CommandState.SUCCEEDED, CommandState.PARTIALLY_SUCCEEDED)
_MOST_NAMED = 10
Row = Mapping[str, Any]


def first_line(command: LiveCommand) -> str:
    """The line that comes first; empty when nothing does."""
    what, thing = str(command.given.get("what", "")), str(command.given.get("thing", ""))
    path = command.arguments.get("path")
    if command.name == "undo":
        return "remediate list" if what != "file" else ""
    if path is not None and command.name in {"getfile", "remediate", "analyze"}:
        return f"fileinfo {_quoted(str(path))}"
    if what == "process":
        return f"processes {thing}" if thing.isdigit() else f"processes -name {_quoted(thing)}"
    named = {"service": "services", "cron": "scheduledtasks"}.get(what)
    return f"{named} -name {_quoted(thing)}" if named and thing else ""


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def go_on(first: LiveCommand) -> None:
    """What waited for `first` is ordered once it is over, or told why it is not. Runs in the caller's transaction."""
    if first.is_open:
        return
    waiting = LiveCommand.objects.select_for_update(of=("self",)).filter(needs=first, state=CommandState.WAITING)
    for command in waiting.select_related("session__device", "session__incident", "device"):
        try:
            with transaction.atomic():
                _settle(command, first)
                order_typed(command, actor=command.typist)
        except NotPossible as refusal:
            command.refresh_from_db()
            move_command(command, CommandState.SKIPPED, actor=PORTAL, detail=refusal.message, code=refusal.code,
                         output=refusal.message)  # fmt: skip
            if command.session is not None:
                record_line(command.session, kind=SHOWN, data=f"{refusal.message}\r\n")


def _settle(command: LiveCommand, first: LiveCommand) -> None:
    """Raises `NotPossible` when it is not clear what is meant."""
    if first.state not in _DONE:
        raise NotPossible("not_there", f"{first.line[:200]} did not succeed.")
    settle = _SETTLE[first.name]
    command.arguments = {**command.arguments, **settle(command, first)}
    command.save(update_fields=["arguments"])


def _file(command: LiveCommand, first: LiveCommand) -> Row:
    told = first.result
    if not told.get("sha256") or not told.get("size"):
        raise NotPossible("cannot", f"{told.get('path', 'This')} is empty, or no plain file.")
    return {"seen": {"sha256": told["sha256"]}} if command.action == "live.getfile" else {}


def _process(command: LiveCommand, first: LiveCommand) -> Row:
    row = _one(first.table, "pid", str(command.given["thing"]), "processes")
    seen = {"path": row.get("path") or "", "started": row.get("started") or ""}
    if command.name == "analyze":
        return {"pid": int(row["pid"])}
    return {"thing": str(row["pid"]), "seen": seen}


def _service(command: LiveCommand, first: LiveCommand) -> Row:
    thing = str(command.given["thing"])
    row = _one(first.table, "service", thing if thing.endswith(".service") else f"{thing}.service", "services")
    return {"thing": str(row["service"]), "seen": {"file": str(row.get("file", ""))}}


def _cron(command: LiveCommand, first: LiveCommand) -> Row:
    rows = [row for row in first.table if row.get("kind") == "cron"]
    row = _one(rows, "task", str(command.given["thing"]), "cron entries")
    return {"thing": str(row["task"]), "seen": {"runs": str(row.get("runs", ""))}}


def _item(command: LiveCommand, first: LiveCommand) -> Row:
    """The newest that is not undone yet, by its item or by what it was."""
    what, thing = str(command.given["what"]), str(command.given["thing"])
    undone = LiveCommand.objects.filter(device=command.device, name="undo", state__in=_DONE)
    gone = {str(one.arguments.get("thing")) for one in undone}
    for row in first.table:
        names = {str(row.get("item")), str(row.get("thing")).removesuffix(".service")}
        fits = row.get("what") == what and thing.removesuffix(".service") in names
        if fits and row.get("item") and row["item"] not in gone:
            return {"thing": str(row["item"])}
    raise NotPossible("not_there", f"Nothing that was remediated here fits {thing[:200]}.")


def _one(rows: Sequence[Row], key: str, thing: str, many: str) -> Row:
    exact = [row for row in rows if str(row.get(key)) == thing]
    found = exact or rows
    if len(found) == 1:
        return found[0]
    named = ", ".join(str(row.get(key)) for row in found[:_MOST_NAMED])
    said = f"{len(found)} {many} fit; name one of them: {named}" if found else f"No {many} fit."
    raise NotPossible("not_there", f"{said[:400]}")


_SETTLE: Mapping[str, Callable[[LiveCommand, LiveCommand], Row]] = {
    "fileinfo": _file, "processes": _process, "services": _service, "scheduledtasks": _cron, "remediate": _item,
}  # fmt: skip
