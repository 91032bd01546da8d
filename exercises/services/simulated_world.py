"""The company's machines, accounts and mailboxes at the other end of the simulator connection."""

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from connectors.kinds.simulator import world
from connectors.kinds.simulator.effects import TRASH, message_key, rule_key
from connectors.models import Connection, ConnectorState
from connectors.services.connections import create_connection
from core.actors import Actor
from exercises.company import COMPANY
from exercises.keys import CONNECTION, DEMO
from exercises.sources.sighting import Letter, Program, Sighting

_OWN_RULE = "newsletters"
# Long enough to be watched, short enough not to be waited for.
_PACE = {"start_after_s": "0.6", "finish_after_s": "2.4"}


def lay_world(*, actor: Actor) -> Connection:
    """The demo's connection with everything behind it; what is there already stays as it is."""
    connection = Connection.objects.filter(exercise=DEMO).first()
    if connection is None:
        connection = create_connection(name=CONNECTION, kind="simulator", settings=_PACE, exercise=DEMO, actor=actor)
    fresh = not ConnectorState.objects.filter(connection=connection, object_kind="identity").exists()
    mailboxes = {account.upn: account.display_name for account in COMPANY.employees}
    mailboxes |= {shared.address: shared.display_name for shared in COMPANY.shared_mailboxes}
    machines = {machine.dns_name: machine.name for machine in COMPANY.machines if machine.managed}
    world.put_targets(connection, "device", machines)
    world.put_targets(connection, "identity", {account.upn: account.display_name for account in COMPANY.accounts})
    world.put_targets(connection, "mailbox", mailboxes)
    if fresh:
        for account in COMPANY.employees:
            world.put_accounts(connection, account.upn, "directory", "cloud")
    for machine in COMPANY.machines:
        if not machine.online and CompanyAsFound(connection).is_online(machine.name):
            world.set_behaviour(connection, "device", machine.dns_name, offline=True)
    return connection


def let_happen(connection: Connection, sightings: Iterable[Sighting]) -> None:
    """Leave behind what attackers leave: programs on machines, messages in mailboxes. Repeating it is harmless."""
    mailboxes = {account.upn for account in COMPANY.employees} | {one.address for one in COMPANY.shared_mailboxes}
    for sighting in sightings:
        if sighting.blocked:
            continue
        machine, program, letter = sighting.machine, sighting.program, sighting.letter
        if program and machine and machine.managed and sighting.suspicious and not program.signer:
            key = f"sha256:{program.sha256}"
            if key not in _state(connection, "device", machine.dns_name).get("files", {}):
                did = world.meet(connection, machine.dns_name, type="fileSha256", value=program.sha256)
                world.put_file(
                    connection, machine.dns_name, key, name=program.name, path=program.path, running=did != "blocked"
                )  # fmt: skip
        if letter and sighting.recipient in mailboxes:
            known = _state(connection, "mailbox", sighting.recipient).get("messages", {})
            if message_key(letter.message_id) not in known:
                world.put_message(connection, sighting.recipient, letter.message_id, subject=letter.subject)
        if sighting.mailbox_rule and sighting.account and sighting.account.upn in mailboxes:
            _leave_rule(connection, sighting.account.upn, sighting.mailbox_rule, sighting.title)


def _leave_rule(connection: Connection, mailbox: str, name: str, does: str) -> None:
    """Beside the rule that its owner has made for herself, so that there is something to choose from."""
    known = _state(connection, "mailbox", mailbox).get("rules", {})
    for rule, words in ((_OWN_RULE, "Moves newsletters to a folder of their own"), (name, does)):
        if rule_key(rule) not in known:
            world.put_rule(connection, mailbox, rule, name=rule, does=words)


def _state(connection: Connection, kind: str, remote_id: str) -> dict[str, Any]:
    return world.state_of(connection, kind, remote_id)


class CompanyAsFound:
    """What an attacker finds when looking: the state of the simulator, read anew each time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @cached_property
    def _names(self) -> dict[str, str]:
        return {machine.name: machine.dns_name for machine in COMPANY.machines}

    def is_isolated(self, machine: str) -> bool:
        return bool(_state(self._connection, "device", self._names[machine])["network"] == "isolated")

    def is_online(self, machine: str) -> bool:
        return not _state(self._connection, "device", self._names[machine])["behaviour"].get("offline", False)

    def is_disabled(self, account: str) -> bool:
        return bool(_state(self._connection, "identity", COMPANY.account(account).upn)["account"] == "disabled")

    def is_quarantined(self, program: Program, machine: str) -> bool:
        files = _state(self._connection, "device", self._names[machine])["files"]
        return bool(files.get(f"sha256:{program.sha256}", {}).get("state") == "quarantined")

    def has_letter(self, letter: Letter, address: str) -> bool:
        messages = _state(self._connection, "mailbox", address)["messages"]
        message = messages.get(message_key(letter.message_id))
        return message is not None and message["folder"] != TRASH
