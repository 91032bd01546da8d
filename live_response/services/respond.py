"""Commands that are actions of the Action center: the same policy, the same approval by another person, the same
verification as behind a button. What comes of the run is what comes of the command."""

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from accounts.models import User
from core import clock
from core.actors import Actor
from incidents.models import Device, File
from incidents.services.facts import FileFacts
from incidents.services.resolve_entities import resolve_files
from live_response.enums import CommandState
from live_response.lifecycle import announce_command, move_command
from live_response.models import LiveCommand, LiveSession
from live_response.refused import NotPossible
from live_response.services.record import SHOWN, record_line
from remediation.enums import Decision, SampleSource, Source
from remediation.models import ActionRun, DeepAnalysis
from remediation.refused import Refused
from remediation.services.analysis import Sample, request_analysis
from remediation.services.request import request_action
from remediation.services.undo import undo_run

QUARANTINE = "file.quarantine"
_ACTIONS = {"isolate": "device.isolate", "release": "device.release", "collect": "device.collect_package",
            "scan": "device.antivirus_scan"}  # fmt: skip
_ARGUMENTS = {"isolate": "isolation_type", "scan": "scan_type"}
LOOKED_AT = "looked_at"


def ask_action(command: LiveCommand, *, session: LiveSession, actor: Actor, user: User) -> None:
    """Ask for what was typed, as a click would. Raises `NotPossible`."""
    if command.name == "undo":
        _follow(command, _undo_file(command, session, actor=actor, user=user), actor)
        return
    arguments = {_ARGUMENTS[command.name]: command.given["type"]} if "type" in command.given else {}
    _follow(command, _ask(_ACTIONS[command.name], session.device, arguments, command, session, actor, user), actor)


def submit_found(
    command: LiveCommand, *, session: LiveSession, content: bytes | None, name: str, actor: Actor
) -> DeepAnalysis:
    """The second step of `analyze`: what the agent fetched is submitted as by hand. Raises `NotPossible`."""
    user = command.user
    if content is None:
        raise NotPossible("not_there", "The file did not arrive.")
    if user is None or not user.is_active:
        raise NotPossible("forbidden", "The account of the person who typed it is switched off.")
    try:
        return request_analysis(
            Sample(content, name), reason=_comment(command, session), actor=actor, user=user,
            incident=session.incident, device=session.device, source=SampleSource.LIVE_RESPONSE,
            exercise=session.exercise,
        )  # fmt: skip
    except Refused as refusal:
        raise NotPossible("cannot", refusal.message, link=refusal.link or "") from None
    except ValidationError as error:
        raise NotPossible("cannot", " ".join(error.messages)) from None


def quarantine_found(command: LiveCommand, *, session: LiveSession, found: dict[str, Any], actor: Actor) -> None:
    """The second step of `remediate file`: what the agent told of the file becomes the ordinary action on it."""
    user = command.user
    if user is None or not user.is_active:
        raise NotPossible("forbidden", "The account of the person who typed it is switched off.")
    digest, path = str(found.get("sha256", "")), str(found.get("path", ""))
    facts = FileFacts(sha256=digest, name=path.rpartition("/")[2][:255], path=path[:1000], size=found.get("size"))
    if len(digest) != 64:
        raise NotPossible("cannot", "The file is too large to be told by its digest.")
    resolve_files([facts], at=clock.now(), exercise=session.exercise)
    command.result = {**command.result, LOOKED_AT: digest, "path": path}
    command.save(update_fields=["result"])
    file = File.objects.get(sha256=digest)
    _follow(command, _ask(QUARANTINE, file, {}, command, session, actor, user), actor)


def devices_looked_at(file: File, since: datetime, user: User | None) -> QuerySet[Device]:
    """Devices on which somebody found this file in a session and wanted it away."""
    known = LiveCommand.objects.all() if user is None else LiveCommand.objects.visible_to(user)
    found = known.filter(name="remediate", created__gte=since, result__looked_at=file.sha256)
    return Device.objects.filter(pk__in=found.values("device"))


def _ask(
    action: str, target: Device | File, arguments: dict[str, Any], command: LiveCommand, session: LiveSession,
    actor: Actor, user: User,
) -> ActionRun:  # fmt: skip
    try:
        return request_action(
            action, target=target, arguments=arguments, comment=_comment(command, session), actor=actor, user=user,
            incident=session.incident, source=Source.MANUAL,
        )  # fmt: skip
    except Refused as refusal:
        raise NotPossible("cannot", refusal.message, link=refusal.link or "") from None
    except ValidationError as error:
        raise NotPossible("bad_line", " ".join(error.messages)) from None


def _undo_file(command: LiveCommand, session: LiveSession, *, actor: Actor, user: User) -> ActionRun:
    thing = str(command.given["thing"])
    earlier = (
        LiveCommand.objects.filter(device=session.device, name="remediate", result__path=thing)
        .exclude(run=None).order_by("-created").select_related("run").first()
    )  # fmt: skip
    if earlier is None or earlier.run is None:
        raise NotPossible("not_there", f"No file {thing[:200]} was remediated on this device; `remediate list` shows.")
    try:
        return undo_run(earlier.run, actor=actor, user=user, comment=_comment(command, session))
    except Refused as refusal:
        raise NotPossible("cannot", refusal.message, link=refusal.link or "") from None


def _comment(command: LiveCommand, session: LiveSession) -> str:
    return f"{session.number}, typed: {command.line}. {session.reason}"[:4_000]


def _follow(command: LiveCommand, run: ActionRun, actor: Actor) -> None:
    """From here on the run says how it stands; the console goes on meanwhile."""
    command.refresh_from_db()
    waits = run.decision == Decision.PENDING
    said = f"{run.number} waits for approval by another person." if waits else f"{run.number} is on its way."
    command.background, command.run, command.output = True, run, said
    command.detail, command.due = said, None
    command.save(update_fields=["background", "run", "output", "detail", "due"])
    if command.state == CommandState.STARTED:
        announce_command(command)
    else:
        move_command(command, CommandState.STARTED, actor=actor, detail=said)
    if command.session is not None:
        record_line(command.session, kind=SHOWN, data=f"{said}\r\n")
