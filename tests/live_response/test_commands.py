"""What is typed becomes an order, an answer of the portal, or an action that goes its ordinary way."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from accounts.models import User
from connectors.services import halt
from core import blobs, clock
from incidents.models import Device
from live_response.enums import CommandState
from live_response.limits import TYPED_EXPIRES
from live_response.line import Told
from live_response.models import LiveCommand, LiveSession
from live_response.refused import NotPossible
from live_response.services.orders import good_until, why_not_signed
from live_response.services.outcome import AGENT, run_ended, take_told
from live_response.services.sweep import sweep
from live_response.services.type_line import stop_command
from remediation.models import ActionRun, DeepAnalysis
from tests.factories.live import HeldLine, connected, script, typed
from tests.factories.remediation import company

pytestmark = pytest.mark.django_db


@pytest.fixture
def session(held: HeldLine, device: Device, rita: User) -> LiveSession:
    return connected(held, device, rita)


def test_a_question_becomes_one_order_and_its_answer_a_table(held: HeldLine, session: LiveSession) -> None:
    command = typed(session, "processes -name ssh")
    assert (command.state, command.action) == (CommandState.QUEUED, "live.processes")
    assert command.arguments == {"session": session.number, "name": "ssh"}
    assert held.once[command.order or 0] is False
    held.answer(command, rows=[{"id": 1, "process": 7}], columns=["process", "id", "gone"])
    assert (command.state, command.columns, command.cells) == ("succeeded", ["process", "id"], [["7", "1"]])


def test_paths_count_from_the_working_folder(held: HeldLine, session: LiveSession) -> None:
    held.answer(typed(session, "cd /var/log"), folder="/var/log")
    assert typed(session, "dir ../lib").arguments["path"] == "/var/lib"
    assert typed(session, "dir").arguments["path"] == "/var/log"
    assert typed(session, "fileinfo auth.log").arguments["path"] == "/var/log/auth.log"


def test_what_is_not_understood_is_kept_with_the_reason(held: HeldLine, session: LiveSession) -> None:
    command = typed(session, "format c:")
    assert (command.state, command.code) == (CommandState.REFUSED, "bad_line")
    assert "There is no command format" in command.detail
    assert len(held.given) == 1


def test_advanced_commands_need_the_right(held: HeldLine, device: Device, ada: User) -> None:
    session = connected(held, device, ada)
    for line in ("isolate", "run x.sh", "remediate process 7", "putfile x", "library", "undo cron cron-1", "scan"):
        command = typed(session, line)
        assert (command.state, command.code) == (CommandState.REFUSED, "forbidden"), line
    assert not ActionRun.objects.exists()
    assert len(held.given) == 1


def test_only_who_opened_it_types(held: HeldLine, session: LiveSession, ada: User) -> None:
    with pytest.raises(NotPossible, match="Only Rita Moreno"):
        typed(session, "processes", ada)


def test_a_script_of_the_library_is_named_by_its_digest(held: HeldLine, session: LiveSession) -> None:
    file = script()
    command = typed(session, 'run triage.sh -parameters "--quick /home" &')
    assert command.arguments["library"] == file.sha256
    assert command.arguments["parameters"] == ["--quick", "/home"]
    assert (command.background, held.once[command.order or 0]) == (True, True)
    held.answer(command, "failed", exit_code=3, text="no such folder")
    assert (command.state, command.exit_code, command.output) == (CommandState.FAILED, 3, "no such folder")


def test_a_script_that_was_changed_behind_the_portals_back_is_not_run(held: HeldLine, session: LiveSession) -> None:
    file = script()
    file.blob = blobs.keep(b"#!/bin/bash\nrm -rf /\n", name="triage.sh", media_type="text/plain")
    file.sha256 = file.blob.sha256
    file.save()
    command = typed(session, "run triage.sh")
    assert (command.state, command.code) == (CommandState.REFUSED, "tampered")


def test_progress_is_heard_once_and_the_end_replaces_it(held: HeldLine, session: LiveSession) -> None:
    script()
    command = typed(session, "run triage.sh")
    for said in ([(1, "one")], [(1, "one"), (2, "two")]):
        take_told(command.order or 0, told=Told("started", percent=40, said=said), actor=AGENT)
    command.refresh_from_db()
    assert (command.state, command.progress, command.output) == (CommandState.STARTED, 40, "one\ntwo")
    held.answer(command, text="one\ntwo\nthree", exit_code=0)
    assert (command.output, command.progress) == ("one\ntwo\nthree", None)


def test_cancel_reaches_the_device(held: HeldLine, session: LiveSession, rita: User, ada: User) -> None:
    command = typed(session, "findfile *")
    with pytest.raises(NotPossible):
        stop_command(command, actor=ada.actor, user=ada)
    stop_command(command, actor=rita.actor, user=rita)
    assert held.cancelled == [command.order]
    assert held.answer(command, "cancelled").state == CommandState.CANCELLED
    with pytest.raises(NotPossible, match="has ended"):
        stop_command(command, actor=rita.actor, user=rita)


def test_output_is_kept_as_a_file_where_the_line_says_so(held: HeldLine, session: LiveSession) -> None:
    command = typed(session, "processes > list.txt")
    held.answer(command, rows=[{"pid": 7, "name": "sshd"}])
    file = command.artefacts.get()
    assert (file.name, b"sshd" in blobs.read(file.blob)) == ("list.txt", True)


def test_a_fetched_file_is_kept(held: HeldLine, session: LiveSession) -> None:
    held.files["f" * 64] = b"MZ evil"
    command = typed(session, "getfile /tmp/x")
    held.answer(command, artefacts=[{"sha256": "f" * 64, "name": "../../x y", "size": 7}], path="/tmp/x")
    file = command.artefacts.get()
    assert (file.name, blobs.read(file.blob), file.path) == ("_.._x_y", b"MZ evil", "/tmp/x")


def test_a_lying_agent_is_held_within_bounds(held: HeldLine, session: LiveSession) -> None:
    command = typed(session, "processes")
    rows = ["no row", {"a\x00" * 99: "x" * 9_000}]
    held.answer(command, rows=rows, text=["<script>"], artefacts="x", exit_code=2**40)
    assert command.state == CommandState.SUCCEEDED
    assert len(command.table) == 1
    assert all(len(name) <= 40 and len(value) <= 4_000 for name, value in command.table[0].items())
    assert command.exit_code is None


def test_jobs_status_and_fg(held: HeldLine, session: LiveSession) -> None:
    running = typed(session, "findfile * &")
    assert typed(session, "jobs").table[0]["command"] == running.number
    assert "findfile" in typed(session, f"status {running.number}").output
    assert typed(session, f"fg {running.number}").state == CommandState.SUCCEEDED
    running.refresh_from_db()
    assert running.background is False
    assert typed(session, "status 99").code == "not_there"


def test_isolate_goes_through_approval(held: HeldLine, rita: User, ada: User) -> None:
    device = company().device()
    session = connected(held, device, rita)
    command = typed(session, "isolate selective")
    run = ActionRun.objects.get()
    assert (run.action, run.decision) == ("device.isolate", "pending")
    assert run.arguments["isolation_type"] == "selective"
    assert (command.run, command.state) == (run, CommandState.STARTED)
    assert run.number in command.output
    run_ended(run.pk, "failed")
    command.refresh_from_db()
    assert command.state == CommandState.FAILED


def test_a_refusal_of_the_policy_is_the_commands_outcome(held: HeldLine, session: LiveSession) -> None:
    command = typed(session, "isolate")
    assert command.state == CommandState.REFUSED
    assert "no connection is bound" in command.detail


def test_remediating_a_file_asks_for_the_ordinary_quarantine(held: HeldLine, rita: User) -> None:
    device = company().device()
    session = connected(held, device, rita)
    command = typed(session, "remediate file /tmp/dropper")
    assert command.action == "live.fileinfo"
    take_told(command.order or 0, told=Told("started"), actor=AGENT)
    held.answer(command, sha256="a" * 64, path="/tmp/dropper", size=9)
    run = ActionRun.objects.get(parent=None)
    assert (run.action, run.decision, run.target_name) == ("file.quarantine", "pending", "dropper")
    assert list(run.children.values_list("target_id", flat=True)) == [device.pk]
    assert (command.run, command.is_open) == (run, True)


def test_analyze_fetches_the_file_and_submits_it(held: HeldLine, session: LiveSession) -> None:
    held.files["f" * 64] = b"\x7fELF and more"
    command = typed(session, "analyze file /tmp/x")
    assert (command.action, command.arguments["path"]) == ("live.getfile", "/tmp/x")
    held.answer(command, artefacts=[{"sha256": "f" * 64, "name": "x", "size": 13}], path="/tmp/x")
    analysis = DeepAnalysis.objects.get()
    assert (command.state, command.result["analysis"]) == (CommandState.SUCCEEDED, analysis.pk)
    assert (analysis.device, analysis.source) == (session.device, "live_response")
    assert not command.artefacts.exists()
    assert typed(session, "analyze process 17").arguments["pid"] == 17
    assert typed(session, "analyze process x").code == "bad_line"


def test_what_deep_analysis_refuses_is_said(held: HeldLine, session: LiveSession) -> None:
    command = held.answer(typed(session, "analyze file /tmp/x"), path="/tmp/x")
    assert (command.state, command.detail) == (CommandState.REFUSED, "The file did not arrive.")


def test_stop_all_keeps_changes_back_and_lets_people_look(held: HeldLine, session: LiveSession, adam: User) -> None:
    halt.stop_all(actor=adam.actor, reason="Something is wrong")
    assert typed(session, "processes").state == CommandState.QUEUED
    command = typed(session, "remediate process 4711")
    assert (command.state, command.code) == (CommandState.REFUSED, "stopped")


def test_an_order_nobody_answers_is_unknown_and_may_still_be_told(held: HeldLine, session: LiveSession) -> None:
    command = typed(session, "processes")
    LiveCommand.objects.filter(pk=command.pk).update(due=clock.real_now() - timedelta(seconds=1))
    sweep()
    command.refresh_from_db()
    assert command.state == CommandState.UNKNOWN
    assert held.answer(command, rows=[]).state == CommandState.SUCCEEDED


# ---- what the signer is told ----


def test_the_signer_signs_what_was_typed(held: HeldLine, session: LiveSession) -> None:
    assert why_not_signed(typed(session, "processes")) == ""


def test_the_signer_signs_nothing_that_was_written_behind_the_portals_back(
    held: HeldLine, session: LiveSession
) -> None:
    command = typed(session, "remediate process 7")
    command.arguments = {**command.arguments, "thing": "1"}
    assert "seal" in why_not_signed(command)


@pytest.mark.parametrize("column", ["run_s", "due"])
def test_nobody_moves_the_times_of_what_was_typed(held: HeldLine, session: LiveSession, column: str) -> None:
    command = typed(session, "processes")
    by: Any = 60 if column == "run_s" else timedelta(minutes=1)
    for moved in (F(column) + by, F(column) - by):
        LiveCommand.objects.filter(pk=command.pk).update(**{column: moved})
        assert "seal" in why_not_signed(LiveCommand.objects.get(pk=command.pk))
        LiveCommand.objects.filter(pk=command.pk).update(run_s=command.run_s, due=command.due)
    assert why_not_signed(LiveCommand.objects.get(pk=command.pk)) == ""


def test_what_was_typed_is_good_for_as_long_as_was_said(held: HeldLine, session: LiveSession) -> None:
    command = typed(session, "processes")
    ends = good_until(LiveCommand.objects.get(pk=command.pk))
    assert ends is not None
    assert timedelta(0) < ends - clock.real_now() <= TYPED_EXPIRES


def test_the_signer_signs_nothing_of_somebody_who_lost_the_right(
    held: HeldLine, session: LiveSession, rita: User
) -> None:
    command = typed(session, "remediate process 7")
    rita.roles.clear()
    command = LiveCommand.objects.select_related("session", "user").get(pk=command.pk)
    assert "lacks the right" in why_not_signed(command)


def test_the_signer_signs_nothing_of_a_session_that_ended(held: HeldLine, session: LiveSession) -> None:
    command = typed(session, "processes")
    LiveSession.objects.update(state="disconnected")
    command = LiveCommand.objects.select_related("session").get(pk=command.pk)
    assert "not open" in why_not_signed(command)
