"""A raw shell: asked for in a session, decided by somebody else, typed into, and ended."""

import base64
import json
import secrets
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.urls import reverse

from accounts import keys
from accounts.models import User
from connectors.services.agents.streams import wake_stream
from core import audit, clock, live, options
from core.actors import Actor
from core.pagination import through
from live_response import limits
from live_response.enums import CommandState, SessionState, ShellDecision
from live_response.grammar import BadLine
from live_response.lifecycle import announce_command, listeners, move_command
from live_response.line import line
from live_response.models import LiveCommand, LiveSession, RawShell, ShellInput
from live_response.refused import NotPossible
from live_response.seal import approval_of, new_typing_key, public_text, typing_key
from live_response.services.orders import order_typed
from live_response.services.record import MARK, SIZE, TYPED, record_line
from live_response.services.sessions import touch
from live_response.services.standing import ACTION, why_over
from notifications import topics
from notifications.services.tell import tell
from remediation.services.request import clean_comment

CLOCK = Actor.system("live response")
ASKED = topics.declare(
    "live_shell.asked", "Somebody asks for a raw shell",
    "Another person who holds the right decides within a quarter of an hour.",
    group="Live response", permission=keys.LIVE_RAW, channels=("page", "mail"), urgent=True,
)  # fmt: skip


def ask_shell(command: LiveCommand, *, session: LiveSession, actor: Actor) -> None:
    """It waits until somebody else decides. Raises `NotPossible` and `BadLine`."""
    minutes = int(command.given.get("minutes", limits.SHELL_MINUTES))
    if not limits.LEAST_SHELL_MINUTES <= minutes <= limits.MOST_SHELL_MINUTES:
        raise BadLine(f"A shell is for {limits.LEAST_SHELL_MINUTES} to {limits.MOST_SHELL_MINUTES} minutes.")
    if RawShell.objects.filter(command__session=session, command__in=session.commands.open()).exists():
        raise NotPossible("taken", "A shell of this session is open, or waits for a decision, already.")
    found = line().agent_of(session.device)
    if found is not None and (reason := found.cannot.get(ACTION, "")):
        raise NotPossible("cannot", reason)
    shell = RawShell.objects.create(
        command=command, reason=str(command.given["reason"])[:1_000], minutes=minutes,
        decide_until=clock.real_now() + limits.DECIDE_WITHIN,
    )  # fmt: skip
    said = "Waits for the approval of another person who may open raw shells."
    LiveCommand.objects.filter(pk=command.pk).update(background=True, detail=said)
    command.background, command.detail = True, said
    record_line(session, kind=MARK, data=f"shell {command.number} asked for")
    audit.record(
        "live_shell.asked", subject=f"live_command:{command.pk}", thread=session.thread, actor=actor,
        reason=shell.reason, data={"session": session.number, "number": command.number, "minutes": minutes},
    )  # fmt: skip
    _tell(shell, session)
    announce_command(command)


def _tell(shell: RawShell, session: LiveSession) -> None:
    """People who may decide hear of it."""
    incident = session.incident
    people = list(incident.restricted_to.all()) if incident is not None and incident.restricted else None
    tell(
        ASKED, subject=f"live_session:{session.pk}", people=people,
        title=f"{shell.command.typist.name} asks for a raw shell on {session.device.display_name}"[:200],
        body=shell.reason[:500], url=reverse("live_response:console", args=[session.pk]),
        device_group_ids=[session.device.device_group_id], once=f"{shell.pk}", actor=CLOCK,
    )  # fmt: skip


def why_not_decide(shell: RawShell, user: User) -> str:
    """Why this person cannot decide on it; empty when they can."""
    if not user.holds(keys.LIVE_RAW):
        return "This needs the right to raw shells."
    if user.pk in {shell.command.user_id, shell.command.typist.person_id}:
        return "Somebody else decides on what you asked for."
    if shell.decision != ShellDecision.ASKED or shell.command.state != CommandState.WAITING:
        return "It is decided, or over."
    return "" if clock.real_now() < shell.decide_until else "Nobody decided in time; it has to be asked for again."


def decide_shell(shell: RawShell, *, approve: bool, comment: object, actor: Actor, user: User) -> None:
    """Raises `NotPossible`, and `ValidationError` without a comment. Approved, it is ordered at once."""
    said = clean_comment(comment)
    with transaction.atomic():
        locked = _locked(shell.pk)
        if why := why_not_decide(locked, user):
            raise NotPossible("four_eyes", why)
        locked.decision = ShellDecision.APPROVED if approve else ShellDecision.REJECTED
        locked.decided_by, locked.decider, locked.comment = actor.as_json(), user, said
        locked.decided = clock.real_now()
        if approve:
            _open(locked, actor)
        else:
            locked.save()
            told = f"{actor.name} rejected it: {said}"
            move_command(locked.command, CommandState.REFUSED, actor=actor, detail=told[:500], code="rejected")
        verb = "live_shell.approved" if approve else "live_shell.rejected"
        session: Any = locked.command.session
        record_line(session, kind=MARK, data=f"shell {locked.command.number} {locked.decision} by {actor.name}")
        audit.record(
            verb, subject=f"live_command:{locked.command_id}", thread=session.thread, actor=actor, reason=said,
            data={"session": session.number, "number": locked.command.number,
                  "until": locked.until.isoformat() if locked.until else None},
        )  # fmt: skip


def _locked(pk: int) -> RawShell:
    """Its session is locked first, as by who ends it."""
    LiveSession.objects.select_for_update(of=("self",)).filter(commands__shell=pk).first()
    rows = RawShell.objects.select_for_update(of=("self",))
    return rows.select_related("command__session__device", "command__session__incident", "command__user").get(pk=pk)


def _open(shell: RawShell, actor: Actor) -> None:
    command, session = shell.command, shell.command.session
    if session is None or session.state != SessionState.ACTIVE:
        raise NotPossible("ended", "The session has ended.")
    shell.until = (clock.real_now() + timedelta(minutes=shell.minutes)).replace(microsecond=0)
    shell.key = secrets.token_bytes(32)
    command.arguments = {
        "session": session.number, "until": int(shell.until.timestamp()),
        "idle_s": int(options.get(limits.IDLE_MINUTES)) * 60,
        "key": public_text(new_typing_key(shell)), "columns": 120, "rows": 36,
    }  # fmt: skip
    command.run_s = shell.minutes * 60 + 30
    command.save(update_fields=["arguments", "run_s"])
    shell.seal = approval_of(shell)
    shell.save()
    order_typed(command, actor=actor)


def type_into(shell: RawShell, *, seq: int, data: str = "", size: tuple[int, int] = (0, 0), actor: Actor,
              user: User) -> int:  # fmt: skip
    """Take the part `seq` of what is typed; the number of the last that was taken, so that a part that comes twice is
    typed once. Raises `NotPossible`."""
    with transaction.atomic():
        locked = _locked(shell.pk)
        _check_typing(locked, user)
        if seq <= locked.typed:
            return locked.typed
        if seq != locked.typed + 1:
            raise NotPossible("bad_line", f"The next part is number {locked.typed + 1}.")
        if len(data) > limits.MOST_TYPED or locked.waiting.count() >= limits.MOST_PARTS:
            raise NotPossible("too_many", "The device has not taken what was typed before.")
        session: Any = locked.command.session
        told = {"seq": seq, "data": data} if data else {"seq": seq, "columns": size[0], "rows": size[1]}
        _store(locked, seq, told)
        record_line(session, kind=TYPED if data else SIZE, data=data or f"{size[0]}x{size[1]}", shell=locked)
        touch(session)
        locked.typed = seq
        locked.save(update_fields=["typed"])
    return seq


def _check_typing(shell: RawShell, user: User) -> None:
    session = shell.command.session
    if not shell.command.is_open or shell.command.state == CommandState.WAITING:
        raise NotPossible("ended", "The shell is not open.")
    if session is None or session.user_id != user.pk or shell.command.user_id != user.pk:
        raise NotPossible("not_yours", "Only who asked for the shell types into it.")
    if why := why_over(shell):
        raise NotPossible("ended", why)


def _store(shell: RawShell, seq: int, told: dict[str, Any]) -> None:
    """Signed for this shell and this place."""
    body, name = json.dumps(told), f"live-{shell.command_id}"
    key = typing_key(shell)
    if key is None:
        raise NotPossible("ended", "What signs the typing of this shell is gone; ask for another one.")
    signature = base64.b64encode(key.sign(f"live.shell {name}\n{body}".encode())).decode()
    ShellInput.objects.create(shell=shell, seq=seq, body=body, signature=signature)
    wake_stream(name)


def announce_output(session: LiveSession) -> None:
    live.publish("live_shell.said", session.pk, **listeners(session))


def sweep_shells() -> int:
    """What nobody decided has expired; what nobody stands for any more is called off; keys of what is over are
    forgotten."""
    count = 0
    late = RawShell.objects.filter(
        decision=ShellDecision.ASKED, decide_until__lt=clock.real_now(), command__state=CommandState.WAITING
    )  # fmt: skip
    for shell in through(late.only("pk")):
        with transaction.atomic():
            command = _locked(shell.pk).command
            if command.state == CommandState.WAITING:
                move_command(command, CommandState.EXPIRED, actor=CLOCK, detail="Nobody decided in time.")
                count += 1
    approved = RawShell.objects.filter(decision=ShellDecision.APPROVED)
    standing = approved.filter(command__in=LiveCommand.objects.open())
    for shell in through(standing.select_related("command__session", "command__user", "decider")):
        if why_over(shell) and shell.command.order is not None:
            line().cancel(shell.command.order, actor=CLOCK)
            wake_stream(f"live-{shell.command_id}")
            count += 1
    over = approved.exclude(key=b"").exclude(command__in=LiveCommand.objects.open())
    ShellInput.objects.filter(shell__in=over.values("pk")).delete()
    return count + over.update(key=b"")
