"""One question that only reads, put to many devices at once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from django.db import transaction

from accounts import keys
from accounts.models import User
from core import audit
from core.actors import Actor
from incidents.models import Device
from live_response import limits
from live_response.enums import CommandState, Where
from live_response.grammar import BadLine, Typed, absolute, parse
from live_response.lifecycle import move_command
from live_response.line import line
from live_response.models import FleetQuery, LiveCommand
from live_response.refused import NotPossible
from live_response.services.orders import give_command
from live_response.words import Kind
from remediation.services.request import clean_comment

ASKABLE = ("processes", "connections", "fileinfo", "persistence", "services", "drivers", "scheduledtasks",
           "startupfolders")  # fmt: skip


def ask_fleet(text: str, *, devices: Iterable[Device], reason: object, actor: Actor, user: User) -> FleetQuery:
    """Every device gets the question; one that cannot be asked says why. `devices` are of the person's own scope.

    Raises `BadLine`, `NotPossible` and `ValidationError`."""
    typed, said = _question(text), clean_comment(reason)
    if not user.holds(keys.LIVE_BASIC):
        raise NotPossible("forbidden", "This needs the right to live response.")
    chosen = list(devices)
    if not 1 <= len(chosen) <= limits.MOST_DEVICES:
        raise NotPossible("too_many", f"Choose between 1 and {limits.MOST_DEVICES} devices.")
    frozen = replace(actor, person_id=user.pk)
    with transaction.atomic():
        query = FleetQuery.objects.create(line=text[:2_000], reason=said, asked_by=frozen.as_json(), user=user)
        audit.record(
            "fleet_query.asked", subject=f"fleet_query:{query.pk}", actor=frozen, reason=said,
            data={"line": query.line, "devices": len(chosen)},
        )  # fmt: skip
        for number, device in enumerate(chosen, start=1):
            _ask(query, number, device, typed, frozen, user)
    return query


def _question(text: str) -> Typed:
    typed = parse(text)
    if typed.word.name not in ASKABLE:
        raise BadLine(f"Many devices at once are asked for {', '.join(ASKABLE)}.")
    if typed.save_as or typed.background:
        raise BadLine("A question to many devices takes no > and no &; its table is exported as CSV.")
    return typed


def _ask(query: FleetQuery, number: int, device: Device, typed: Typed, actor: Actor, user: User) -> None:
    found, word = line().agent_of(device), typed.word
    arguments = {
        one.name: absolute(str(typed.arguments[one.name]), "/") if one.kind == Kind.PATH else typed.arguments[one.name]
        for one in word.parameters if one.name in typed.arguments
    }  # fmt: skip
    command = LiveCommand.objects.create(
        query=query, device=device, agent_id=found.agent_id if found else "", number=number, line=query.line,
        name=word.name, level=word.level, where=Where.AGENT, given=dict(typed.arguments), action=word.action,
        arguments={"session": query.number, **arguments}, run_s=word.run_s, typed_by=actor.as_json(), user=user,
    )  # fmt: skip
    why = "No endpoint agent has joined from this device." if found is None else found.cannot.get(word.action, "")
    if why:
        move_command(command, CommandState.SKIPPED, actor=actor, detail=why, code="cannot" if found else "no_agent")
        return
    try:
        with transaction.atomic():
            give_command(command, actor=actor, reason=query.reason, within=limits.QUERY_EXPIRES)
            if found is not None and found.away:
                said = "The agent is away: it is asked when it comes back within the hour."
                LiveCommand.objects.filter(pk=command.pk).update(detail=said)
    except NotPossible as refusal:
        command.refresh_from_db()
        move_command(command, CommandState.SKIPPED, actor=actor, detail=refusal.message, code=refusal.code)


def rows_of(answers: Sequence[LiveCommand]) -> Iterator[dict[str, Any]]:
    """All answers as one table, each row with its device, whatever the row itself says."""
    for answer in answers:
        for row in answer.ordered:
            yield {"device": answer.device.display_name, **{name: row[name] for name in row if name != "device"}}
