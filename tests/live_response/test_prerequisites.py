"""`-auto`: what ought to come first is typed by the portal, and the command is about what it found."""

import pytest

from accounts.models import User
from incidents.models import Device
from live_response.enums import CommandState
from live_response.models import LiveCommand
from live_response.services.sessions import end_session
from live_response.services.type_line import stop_command
from tests.factories.live import HeldLine, connected, typed

pytestmark = pytest.mark.django_db
SHA = "a" * 64


def before(command: LiveCommand) -> LiveCommand:
    assert command.needs is not None
    return LiveCommand.objects.get(pk=command.needs.pk)


def test_a_file_is_looked_at_and_then_fetched_as_it_was_seen(held: HeldLine, device: Device, ada: User) -> None:
    session = connected(held, device, ada)
    command = typed(session, 'getfile "/tmp/a b" -auto &')
    first = before(command)
    assert (first.line, first.number, command.number) == ('fileinfo "/tmp/a b"', 2, 3)
    assert (command.state, first.state) == (CommandState.WAITING, CommandState.QUEUED)
    held.answer(first, path="/tmp/a b", size=7, sha256=SHA)
    command.refresh_from_db()
    assert (command.state, command.arguments["seen"]) == (CommandState.QUEUED, {"sha256": SHA})
    assert command.arguments["path"] == "/tmp/a b"


def test_what_is_no_file_is_not_fetched(held: HeldLine, device: Device, ada: User) -> None:
    session = connected(held, device, ada)
    command = typed(session, "getfile /tmp -auto")
    held.answer(before(command), path="/tmp", size=4096)
    command.refresh_from_db()
    assert (command.state, command.output) == (CommandState.SKIPPED, "/tmp is empty, or no plain file.")
    assert len(held.given) == 2


def test_what_comes_first_and_fails_ends_it(held: HeldLine, device: Device, ada: User) -> None:
    session = connected(held, device, ada)
    command = typed(session, "getfile /gone -auto")
    held.answer(before(command), "failed", detail="Not there")
    command.refresh_from_db()
    assert (command.state, command.code) == (CommandState.SKIPPED, "not_there")


ROWS = [{"pid": 41, "name": "miner", "path": "/tmp/miner", "started": "2026-01-01T00:00:00Z"}]


def test_a_process_is_found_by_its_name(held: HeldLine, device: Device, rita: User) -> None:
    session = connected(held, device, rita)
    command = typed(session, "remediate process miner -auto")
    first = before(command)
    assert first.line == 'processes -name "miner"'
    held.answer(first, rows=ROWS)
    command.refresh_from_db()
    assert command.state == CommandState.QUEUED
    assert command.arguments["thing"] == "41"
    assert command.arguments["seen"] == {"path": "/tmp/miner", "started": "2026-01-01T00:00:00Z"}


def test_two_that_fit_are_named_and_none_is_ended(held: HeldLine, device: Device, rita: User) -> None:
    session = connected(held, device, rita)
    command = typed(session, "remediate process miner -auto")
    held.answer(before(command), rows=[*ROWS, {**ROWS[0], "pid": 42}])
    command.refresh_from_db()
    assert (command.state, command.detail) == (CommandState.SKIPPED, "2 processes fit; name one of them: 41, 42")


def test_without_auto_a_process_has_a_number(held: HeldLine, device: Device, rita: User) -> None:
    session = connected(held, device, rita)
    command = typed(session, "remediate process miner")
    assert (command.state, command.needs) == (CommandState.REFUSED, None)
    assert "-auto" in command.detail


@pytest.mark.parametrize(
    ("what", "thing", "row", "expected"),
    [
        ("service", "evil", {"service": "evil.service", "file": "/etc/systemd/system/evil.service"}, "evil.service"),
        ("cron", "beacon", {"task": "/etc/cron.d/x:3", "kind": "cron", "runs": "beacon.sh"}, "/etc/cron.d/x:3"),
    ],
)
def test_services_and_cron_entries_are_found_and_undone_by_name(
    held: HeldLine, device: Device, rita: User, what: str, thing: str, row: dict[str, str], expected: str
) -> None:
    session = connected(held, device, rita)
    command = typed(session, f"remediate {what} {thing} -auto")
    held.answer(before(command), rows=[row, {"task": "x.timer", "kind": "timer", "service": "other"}][:1])
    command.refresh_from_db()
    assert command.arguments["thing"] == expected
    held.answer(command, item=f"{what}-0123456789abcdef")
    undo = typed(session, f"undo {what} {thing} -auto")
    assert (undo.state, undo.arguments["thing"]) == (CommandState.QUEUED, f"{what}-0123456789abcdef")
    held.answer(undo)
    again = typed(session, f"undo {what} {thing} -auto")
    assert again.state == CommandState.SKIPPED


def test_it_can_be_cancelled_while_it_waits_and_ends_with_the_session(
    held: HeldLine, device: Device, rita: User
) -> None:
    session = connected(held, device, rita)
    one, two = typed(session, "getfile /a -auto"), typed(session, "getfile /b -auto")
    stop_command(one, actor=rita.actor, user=rita)
    held.answer(before(one), path="/a", size=7, sha256=SHA)
    end_session(session, actor=rita.actor, user=rita)
    one.refresh_from_db()
    two.refresh_from_db()
    assert (one.state, two.state) == (CommandState.CANCELLED, CommandState.CANCELLED)
    assert len(held.given) == 3


def test_help_tells_of_it(held: HeldLine, device: Device, rita: User) -> None:
    session = connected(held, device, rita)
    assert "-auto: types fileinfo first" in typed(session, "help getfile").output
