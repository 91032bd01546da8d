"""An estate sweep: every device in reach is asked, what is found is kept, removed through the ordinary actions, and
compared with what a later sweep finds."""

import re
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils.html import strip_tags

from accounts.models import DeviceGroup, User
from core.models import AuditEvent
from core.pagination import through
from incidents.models import Device, Evidence, File, Incident
from incidents.services.agents import agent_changed, device_of
from remediation.enums import FindingState, RunStatus, StepKind, SweepPartState, SweepState
from remediation.lifecycle import move_run
from remediation.models import ActionRun, Indicator, QuarantinedItem, Sweep, SweepFinding
from remediation.refused import Refused
from remediation.services import quarantined
from remediation.services import sweep as sweeps
from remediation.services.carry_out import carry_out
from remediation.services.compare_sweeps import compare
from remediation.services.decide import approve_run
from remediation.services.gather_signs import signs_of, typed_signs
from remediation.services.quarantined import without_given_back
from remediation.services.recover import set_step, start_recovery
from remediation.services.remove_findings import accept_findings, remove_findings, reopen_findings
from remediation.services.sweep import ask_devices, start_sweep
from remediation.services.take_sweep import run_ended
from remediation.services.undo import undo_run
from tests.conftest import SignedIn
from tests.factories.people import DeviceGroupFactory
from tests.factories.remediation import FileFactory, ask, incident_naming, saw
from tests.factories.small_agent import SmallAgent, joined, make_keys, sign_all

pytestmark = pytest.mark.django_db
BAD = "ab" * 32


@pytest.fixture(autouse=True)
def _keys(settings: Any, tmp_path: Path) -> None:
    make_keys(settings, tmp_path)


def host(name: str, group: DeviceGroup | None = None) -> tuple[SmallAgent, Device]:
    small = joined(name, group=group)
    agent_changed(agent_id=small.agent.pk)
    device = device_of(small.agent)
    assert device is not None
    return small, device


def incident() -> Incident:
    return incident_naming(FileFactory.create(sha256=BAD, path="/srv/drop/dropper"))


def sweep_of(of: Incident, user: User, *items: tuple[str, str]) -> Sweep:
    listed = [{"kind": kind, "value": value} for kind, value in items or [("hash", BAD)]]
    sweep = start_sweep(of, items=listed, reason="Where else is it?", actor=user.actor, user=user)
    ask_devices(sweep.pk)
    return sweep


def answer(sweep: Sweep, *agents: SmallAgent) -> Sweep:
    runs = list(ActionRun.objects.filter(sweep_parts__sweep=sweep))
    work(runs, *agents)
    sweep.refresh_from_db()
    return sweep


def work(runs: list[ActionRun], *agents: SmallAgent) -> None:
    for _ in range(3):
        for run in runs:
            carry_out(run)
        sign_all()
        for small in agents:
            small.turn()
    for run in runs:
        carry_out(run)
        for one in [*run.children.all(), run]:
            one.refresh_from_db()
            run_ended(one.pk, one.status)


def test_each_device_in_reach_is_asked_and_what_it_finds_is_kept(ada: User) -> None:
    (one, first), (two, second), case = host("lab-1"), host("lab-2"), incident()
    one.files[BAD] = ["/srv/drop/dropper", "/tmp/x"]
    sweep = answer(sweep_of(case, ada), one, two)
    assert sweep.state == SweepState.FINISHED
    parts = {part.device: (part.state, part.found) for part in sweep.parts.all()}
    assert parts == {first: (SweepPartState.ANSWERED, 2), second: (SweepPartState.ANSWERED, 0)}
    found = SweepFinding.objects.order_by("where")
    assert [(one.where, one.device, one.sha256) for one in found] == [
        ("/srv/drop/dropper", first, BAD), ("/tmp/x", first, BAD),
    ]  # fmt: skip
    assert {run.status for run in ActionRun.objects.all()} == {RunStatus.SUCCEEDED}


def test_the_page_says_how_many_have_answered_and_how_far_the_others_are(
    ada: User, client: Client, signed_in: SignedIn
) -> None:
    (quick, _), (_, slow) = host("quick"), host("slow")
    case = incident()
    sweep = sweep_of(case, ada)
    signed_in(client, ada)
    assert "0 of 2 devices answered 2 on the way" in told(client, case)
    answer(sweep, quick)
    run = sweep.parts.get(device=slow).run
    assert run is not None
    move_run(run, RunStatus.STARTED, actor=ada.actor, progress=40)
    page = told(client, case)
    assert "1 of 2 devices answered 1 looks now" in page
    assert "Looks now 40 %" in page
    assert "No answer" not in page
    move_run(run, RunStatus.TIMED_OUT, actor=ada.actor, detail="Not within 4 hours.")
    run_ended(run.pk, run.status)
    page = told(client, case)
    assert "1 of 2 devices answered, 1 without an answer" in page
    assert "Still to answer" not in page


def told(client: Client, case: Incident) -> str:
    """What the page of its sweeps says."""
    page = client.get(f"/actions/sweeps/incident/{case.pk}/").text
    return unescape(re.sub(r"\s+", " ", strip_tags(page)))


def test_a_device_that_does_not_answer_is_named_and_the_sweep_goes_on(ada: User) -> None:
    (one, _), (two, second), case = host("lab-1"), host("lab-2"), incident()
    two.be_away()
    sweep = answer(sweep_of(case, ada), one)
    assert sweep.state == SweepState.RUNNING
    assert [part.device for part in sweep.parts.filter(state=SweepPartState.ASKED)] == [second]


def test_devices_outside_the_scope_of_who_asks_are_not_asked(eve: User, ada: User) -> None:
    host("lab-1")
    elsewhere = DeviceGroup.objects.get(name="Elsewhere")
    _, hers = host("lab-9", elsewhere)
    case = incident_naming(hers)
    Incident.objects.filter(pk=case.pk).update(open_to_all=True)
    sweep = sweep_of(case, eve)
    assert [part.device for part in sweep.parts.all()] == [hers]
    other = DeviceGroupFactory.create()
    host("lab-3", other)
    assert sweep_of(case, ada).parts.count() == 3


def test_a_sweep_keeps_to_the_world_of_its_incident(ada: User) -> None:
    _, real = host("lab-1")
    _, played = host("ws-1")
    Device.objects.filter(pk=played.pk).update(exercise="demo")
    case, drill = incident(), incident_naming(FileFactory.create())
    Incident.objects.filter(pk=drill.pk).update(exercise="demo")
    drill.refresh_from_db()
    assert [part.device for part in sweep_of(case, ada).parts.all()] == [real]
    assert [part.device for part in sweep_of(drill, ada).parts.all()] == [played]


def test_every_open_sweep_is_looked_at(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    host("lab-1")
    waiting = [sweep_of(incident_naming(FileFactory.create()), ada) for _ in range(3)]
    Sweep.objects.update(state=SweepState.ASKING)
    monkeypatch.setattr(sweeps, "through", partial(through, size=1))
    looked: list[int] = []
    monkeypatch.setattr(sweeps, "ask_devices", looked.append)
    sweeps.sweep_due()
    assert looked == [one.pk for one in waiting]


def test_who_may_not_ask_for_actions_may_not_sweep(mona: User) -> None:
    host("lab-1")
    with pytest.raises(Refused):
        start_sweep(incident(), items=[{"kind": "hash", "value": BAD}], reason="x", actor=mona.actor, user=mona)
    assert not Sweep.objects.exists()


@pytest.mark.parametrize(
    ("kind", "value"),
    [("hash", "xyz"), ("path", "relative"), ("address", "10.0.0.0/8"), ("domain", "no spaces.here"), ("wish", "x")],
)
def test_what_cannot_be_looked_for_is_refused_with_the_reason(kind: str, value: str, ada: User) -> None:
    host("lab-1")
    with pytest.raises(ValidationError):
        start_sweep(incident(), items=[{"kind": kind, "value": value}], reason="x", actor=ada.actor, user=ada)


def test_the_evidence_of_the_incident_suggests_what_to_look_for(ada: User) -> None:
    signs = signs_of(incident(), ada)
    assert [(one.kind, one.value) for one in signs] == [("hash", BAD), ("path", "/srv/drop/dropper")]
    assert typed_signs(f"{BAD}\npersistence x.service\n203.0.113.7\nmallory\n/etc/cron.d/x") == [
        {"kind": "hash", "value": BAD}, {"kind": "persistence", "value": "x.service"},
        {"kind": "address", "value": "203.0.113.7"}, {"kind": "account", "value": "mallory"},
        {"kind": "path", "value": "/etc/cron.d/x"},
    ]  # fmt: skip


def suspect(case: Incident, verdict: str = "suspicious", **fields: Any) -> None:
    Evidence.objects.create(alert=case.alerts.get(), verdict=verdict, **fields)


def test_an_address_that_agents_need_is_offered_with_the_reason_and_not_chosen(ada: User) -> None:
    (small, device), case = host("lab-1"), incident()
    small.spares["203.0.113.8"] = "This is the portal."
    small.tell()
    for address in ("203.0.113.8", "203.0.113.9"):
        suspect(case, type="ip", display=address, key=f"ip:{address}")
    signs = {one.value: (one.suggested, one.unlikely) for one in signs_of(case, ada) if one.kind == "address"}
    assert signs == {"203.0.113.8": (False, f"{device} needs it: this is the portal"), "203.0.113.9": (True, "")}


@pytest.mark.parametrize(
    ("path", "verdict", "chosen"),
    [
        ("/usr/bin/python3.13", "suspicious", False), ("/opt/versions/3.13.0/bin/python3.13", "suspicious", False),
        ("/bin/sh", "suspicious", False), ("/usr/bin/python3.13", "malicious", True),
        ("/tmp/bin/python3", "suspicious", True), ("/tmp/.x/sh", "suspicious", True),
        ("/usr/bin/miner", "suspicious", True),
    ],
)  # fmt: skip
def test_a_program_of_the_system_is_offered_and_not_chosen(ada: User, path: str, verdict: str, chosen: bool) -> None:
    case = incident()
    file = FileFactory.create(sha256="cd" * 32, path=path)
    suspect(case, verdict, type="file", display=path, key=file.key, file=file)
    assert {one.suggested for one in signs_of(case, ada) if one.value in (path, "cd" * 32)} == {chosen}


def test_a_file_that_was_found_is_removed_by_the_ordinary_quarantine_where_it_was_found(ada: User, rita: User) -> None:
    (one, first), (two, _), case = host("lab-1"), host("lab-2"), incident()
    one.files[BAD] = ["/tmp/x"]
    answer(sweep_of(case, ada), one, two)
    (removal,) = remove_findings(list(SweepFinding.objects.all()), reason="Clean up", actor=ada.actor, user=ada)
    assert removal.ok
    assert removal.run is not None
    assert (removal.run.action, removal.run.decision) == ("file.quarantine", "pending")
    assert SweepFinding.objects.get().state == FindingState.ASKED
    run = approve_run(removal.run, actor=rita.actor, user=rita)
    assert [child.target_id for child in run.children.all()] == [first.pk]
    work([run], one)
    assert SweepFinding.objects.get().state == FindingState.REMOVED
    assert one.files[BAD] == []


def test_a_removal_that_fails_leaves_the_finding_where_it_is(ada: User, rita: User) -> None:
    (one, _), case = host("lab-1"), incident()
    one.files[BAD] = ["/tmp/x"]
    answer(sweep_of(case, ada), one)
    (removal,) = remove_findings(list(SweepFinding.objects.all()), reason="Clean up", actor=ada.actor, user=ada)
    assert removal.run is not None
    one.refuses["/tmp/x"] = "It is part of a package."
    work([approve_run(removal.run, actor=rita.actor, user=rita)], one)
    assert SweepFinding.objects.get().state == FindingState.FOUND


def test_addresses_are_blocked_by_an_indicator_of_who_may_make_them(ada: User, rita: User) -> None:
    (one, _), case = host("lab-1"), incident()
    one.notes["traces"] = {"203.0.113.7": ["connection of /tmp/x"]}
    answer(sweep_of(case, ada, ("address", "203.0.113.7")), one)
    found = list(SweepFinding.objects.all())
    (refused,) = remove_findings(found, reason="Cut it", actor=ada.actor, user=ada)
    assert not refused.ok
    (blocked,) = remove_findings(found, reason="Cut it", actor=rita.actor, user=rita)
    assert blocked.ok
    assert Indicator.objects.get().incident == case
    assert SweepFinding.objects.get().indicator == Indicator.objects.get()


def test_sweeping_again_tells_what_is_gone(ada: User) -> None:
    (one, _), (two, _), case = host("lab-1"), host("lab-2"), incident()
    one.files[BAD], two.files[BAD] = ["/a/1", "/a/2", "/a/3"], ["/b/1", "/b/2"]
    answer(sweep_of(case, ada), one, two)
    one.files[BAD], two.files[BAD] = ["/a/3", "/a/4"], ["/b/1"]
    again = answer(sweep_of(case, ada), one, two)
    told = compare(again, ada)
    assert told is not None
    assert told.in_words.startswith("3 of 5 gone since SWP-")
    assert [one.where for one in told.fresh] == ["/a/4"]
    gone = SweepFinding.objects.filter(state=FindingState.REMOVED).values_list("where", flat=True)
    assert sorted(gone) == ["/a/1", "/a/2", "/b/2"]


def test_what_a_device_could_not_be_asked_is_not_called_gone(ada: User) -> None:
    (one, _), (two, _), case = host("lab-1"), host("lab-2"), incident()
    one.files[BAD], two.files[BAD] = ["/a/1"], ["/b/1"]
    answer(sweep_of(case, ada), one, two)
    one.files[BAD] = []
    two.be_away()
    told = compare(answer(sweep_of(case, ada), one), ada)
    assert told is not None
    assert told.in_words.startswith("1 of 2 gone")
    assert "1 not known" in told.in_words
    assert SweepFinding.objects.get(where="/b/1").state == FindingState.FOUND


def test_an_answer_about_what_was_not_asked_is_not_believed(ada: User) -> None:
    (one, _), case = host("lab-1"), incident()
    hostile = [{"id": "99", "where": "/x"}, "no row", {"id": "1", "where": "\x00<b>/y</b>" + "z" * 5_000}]
    one.notes["sweep"] = {"found": hostile}
    answer(sweep_of(case, ada), one)
    finding = SweepFinding.objects.get()
    assert "<b>/y</b>" in finding.where
    assert "\x00" not in finding.where
    assert len(finding.where) <= 2_000


def test_what_is_accepted_says_by_whom_and_why(ada: User, rita: User) -> None:
    (one, _), case = host("lab-1"), incident()
    one.files[BAD] = ["/opt/tool"]
    answer(sweep_of(case, ada), one)
    with pytest.raises(Refused):
        accept_findings(list(SweepFinding.objects.all()), reason="Ours", actor=ada.actor, user=ada)
    accept_findings(list(SweepFinding.objects.all()), reason="A tool of ours", actor=rita.actor, user=rita)
    finding = SweepFinding.objects.get()
    assert (finding.state, finding.said) == (FindingState.ACCEPTED, "A tool of ours")
    assert AuditEvent.objects.filter(verb="finding.state", thread=case.thread, reason="A tool of ours").exists()


def test_an_acceptance_is_taken_back_with_a_reason(ada: User, rita: User) -> None:
    (one, _), case = host("lab-1"), incident()
    one.files[BAD] = ["/opt/tool"]
    answer(sweep_of(case, ada), one)
    found = list(SweepFinding.objects.all())
    with pytest.raises(ValidationError):
        reopen_findings(found, reason="Not ours", actor=rita.actor, user=rita)
    accept_findings(found, reason="A tool of ours", actor=rita.actor, user=rita)
    with pytest.raises(Refused):
        reopen_findings(found, reason="Not ours", actor=ada.actor, user=ada)
    assert reopen_findings(found, reason="Not ours", actor=rita.actor, user=rita) == 1
    finding = SweepFinding.objects.get()
    assert (finding.state, finding.said) == (FindingState.FOUND, "Not ours")
    assert AuditEvent.objects.filter(verb="finding.state", thread=case.thread, reason="Not ours").exists()


@pytest.mark.parametrize(("kind", "value"), [("path", "/opt/late"), ("persistence", "late")])
def test_what_is_found_by_its_place_is_removed_by_the_digest_that_the_device_tells(
    ada: User, rita: User, kind: str, value: str
) -> None:
    (one, device), case, content = host("lab-1"), incident(), "cd" * 32
    one.files[content] = ["/opt/late"]
    told = {"id": "1", "where": "/opt/late", "detail": "a file", "sha256": content}
    one.notes["sweep"] = {"found": [told, {**told, "where": "process 7"}]}
    answer(sweep_of(case, ada, (kind, value)), one)
    found = list(SweepFinding.objects.filter(where="/opt/late"))
    (removal,) = remove_findings(found, reason="Clean up", actor=ada.actor, user=ada)
    assert removal.run is not None, removal.message
    run = approve_run(removal.run, actor=rita.actor, user=rita)
    (child,) = run.children.all()
    assert (child.target_id, child.arguments["paths"]) == (device.pk, ["/opt/late"])
    work([run], one)
    assert one.files[content] == []
    assert SweepFinding.objects.get(where="/opt/late").state == FindingState.REMOVED


def test_a_file_is_taken_wherever_a_sweep_found_it(ada: User, rita: User) -> None:
    (one, _), case = host("lab-1"), incident()
    one.files[BAD] = ["/a/1", "/a/2"]
    answer(sweep_of(case, ada), one)
    (removal, _again) = remove_findings(list(SweepFinding.objects.all()), reason="x", actor=ada.actor, user=ada)
    assert removal.run is not None
    paths = approve_run(removal.run, actor=rita.actor, user=rita).children.get().arguments["paths"]
    assert set(paths) == {"/a/1", "/a/2"}


def test_where_another_device_had_it_is_tried_only_on_one_of_which_no_place_is_known(ada: User) -> None:
    (one, swept), (_, unknown), case = host("lab-1"), host("lab-2"), incident()
    one.files[BAD] = ["/a/1"]
    answer(sweep_of(case, ada), one)
    file = File.objects.get(sha256=BAD)
    saw(file, unknown)
    parts = ask(ada, "file.quarantine", file).children.all()
    assert {part.target_id: part.arguments["paths"] for part in parts} == {
        swept.pk: ["/a/1"], unknown.pk: ["/srv/drop/dropper"],
    }  # fmt: skip


def test_of_what_was_taken_in_part_each_place_says_for_itself_what_came_of_it(ada: User, rita: User) -> None:
    (one, _), case = host("lab-1"), incident()
    one.files[BAD] = ["/a/1", "/a/2"]
    answer(sweep_of(case, ada), one)
    one.refuses["/a/2"] = "What is at /a/2 now is another file."
    run = removed(ada, rita, one)
    assert run.children.get().status == RunStatus.PARTIALLY_SUCCEEDED
    assert dict(SweepFinding.objects.values_list("where", "state")) == {
        "/a/1": FindingState.REMOVED, "/a/2": FindingState.FOUND,
    }  # fmt: skip


def removed(ada: User, rita: User, *agents: SmallAgent) -> ActionRun:
    """All that is found, by one run."""
    found = SweepFinding.objects.filter(state=FindingState.FOUND)
    removal, *_more = remove_findings(list(found), reason="Clean up", actor=ada.actor, user=ada)
    assert removal.run is not None
    return carried_out(approve_run(removal.run, actor=rita.actor, user=rita), *agents)


def carried_out(run: ActionRun, *agents: SmallAgent) -> ActionRun:
    work([run], *agents)
    for child in run.children.all():
        quarantined.run_ended(child.pk, child.status)
    return run


def taken_back(run: ActionRun, ada: User, rita: User, *agents: SmallAgent) -> ActionRun:
    undo = undo_run(run, actor=ada.actor, user=ada, comment="Harmless")
    return carried_out(approve_run(undo, actor=rita.actor, user=rita), *agents)


def test_what_a_device_holds_already_is_one_row_and_comes_back_with_the_run_that_answered_for_it_last(
    ada: User, rita: User
) -> None:
    (one, _), case = host("lab-1"), incident()
    runs = []
    for path in ("/a/1", "/a/2"):
        one.files[BAD] = [path]
        answer(sweep_of(case, ada), one)
        runs.append(removed(ada, rita, one))
    parts = [run.children.get() for run in runs]
    assert [told["already"] for told in parts[1].result["taken"]] == [False, True]
    for part in parts:
        quarantined.run_ended(part.pk, part.status)
    rows = QuarantinedItem.objects.held()
    assert sorted(rows.values_list("path", "run")) == [("/a/1", parts[1].pk), ("/a/2", parts[1].pk)]
    back = taken_back(runs[1], ada, rita, one)
    assert (back.status, sorted(one.files[BAD]), rows.exists()) == (RunStatus.SUCCEEDED, ["/a/1", "/a/2"], False)
    for part in parts:
        quarantined.run_ended(part.pk, part.status)
    assert not rows.exists()
    assert without_given_back(parts[0])["token"]["items"] == []


def test_what_is_put_back_is_found_again_and_its_device_is_not_called_clean(ada: User, rita: User) -> None:
    one, device = host("lab-1")
    case = incident_naming(FileFactory.create(sha256=BAD, path="/srv/drop/dropper"), device)
    one.files[BAD] = ["/a/1", "/a/2"]
    answer(sweep_of(case, ada), one)
    run = removed(ada, rita, one)
    found = SweepFinding.objects.filter(state=FindingState.FOUND)
    assert not found.exists()
    copy = QuarantinedItem.objects.get(path="/a/1")
    asked = ask(ada, "file.restore", File.objects.get(sha256=BAD), copy=str(copy.pk))
    carried_out(approve_run(asked, actor=rita.actor, user=rita), one)
    assert [finding.where for finding in found.all()] == ["/a/1"]
    (recovery,) = start_recovery(case, devices=[device], actor=ada.actor, user=ada)
    with pytest.raises(Refused, match="still found 1 of the incident's traces"):
        set_step(recovery.steps.get(kind=StepKind.CLEANED), state="done", actor=ada.actor, user=ada)
    taken_back(run, ada, rita, one)
    assert sorted(finding.where for finding in found) == ["/a/1", "/a/2"]


def test_what_was_found_running_alone_is_found_again_when_its_file_is_put_back(ada: User, rita: User) -> None:
    (one, _), case = host("lab-1"), incident()
    one.files[BAD] = ["/a/1"]
    one.notes["sweep"] = {"found": [{"id": "1", "where": "process 7", "detail": "runs /a/1"}]}
    answer(sweep_of(case, ada), one)
    run = removed(ada, rita, one)
    assert SweepFinding.objects.get().state == FindingState.REMOVED
    taken_back(run, ada, rita, one)
    assert SweepFinding.objects.get().state == FindingState.FOUND


def test_what_a_device_could_not_look_through_is_told_and_nothing_of_it_is_called_gone(ada: User) -> None:
    (one, _), case = host("lab-1"), incident()
    one.files[BAD] = ["/a/1"]
    answer(sweep_of(case, ada), one)
    one.notes["sweep"] = {"found": [], "incomplete": {"files": "The time was over."}}
    sweep = answer(sweep_of(case, ada), one)
    part = sweep.parts.get()
    assert (part.missed, part.detail) == (["hash"], "Not looked through: files: The time was over.")
    assert SweepFinding.objects.get().state == FindingState.FOUND


def test_a_copy_in_quarantine_is_no_finding(ada: User) -> None:
    (one, _), case = host("lab-1"), incident()
    one.store["1" * 32] = (BAD, "/tmp/x")
    sweep = answer(sweep_of(case, ada), one)
    assert not SweepFinding.objects.exists()
    assert "quarantine" in sweep.parts.get().detail
