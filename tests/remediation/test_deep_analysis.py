"""Submitting files, the lease of the analysis host, what is kept of its report, and what follows of it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.models import DeviceGroup, User
from connectors.sandbox.limits import MAX_SAMPLE
from core import blobs, clock, options
from core.models import AuditEvent, Blob
from incidents.models import Alert, Evidence, File
from remediation.analysis_host import tell_supervisor
from remediation.analysis_report import clean_report
from remediation.analysis_settings import ON_THIS_HOST
from remediation.enums import AnalysisState, SampleSource
from remediation.models import DeepAnalysis, RunArtefact
from remediation.refused import Refused
from remediation.services.analysis import Sample, request_analysis
from remediation.services.analysis_settle import settle, things_in
from remediation.services.analysis_work import (
    LeaseLost,
    analyse_one_here,
    claim,
    sample_of,
    store_failure,
    store_report,
)
from remediation.services.set_indicator import create_indicator
from tests.factories.analyses import DROPPED, HOST, analysed, copy_of, report_of, submitted, told
from tests.factories.remediation import DeviceFactory, FileFactory, ask, company, incident_naming, saw

pytestmark = pytest.mark.django_db


def test_a_sample_goes_from_submitting_to_its_report(ada: User) -> None:
    made = submitted(ada, b"\x7fELF one")
    assert (made.state, made.file.sha256, made.source) == (AnalysisState.QUEUED, copy_of(made).sha256, "upload")
    order = claim(actor=HOST, host="throw-away-1")
    assert order is not None
    assert (order.analysis.pk, order.analysis.state, order.run_s) == (made.pk, AnalysisState.ANALYZING, 30)
    assert sample_of(made.pk, lease=order.lease) == b"\x7fELF one"
    done = store_report(made.pk, lease=order.lease, told=told(), actor=HOST)
    assert (done.state, done.host, done.gravest) == (AnalysisState.COMPLETED, "throw-away-1", "high")
    moves = AuditEvent.objects.filter(verb="analysis.state").order_by("id").values_list("actor_name", flat=True)
    assert list(moves) == [ada.actor.name, HOST.name, HOST.name]
    assert claim(actor=HOST, host="x") is None


def test_only_who_holds_the_lease_is_answered(ada: User) -> None:
    made = submitted(ada)
    order = claim(actor=HOST, host="x")
    assert order is not None
    for wrong in ("", "guess", order.lease + "x", "\x00"):
        with pytest.raises(LeaseLost):
            sample_of(made.pk, lease=wrong)
        with pytest.raises(LeaseLost):
            store_report(made.pk, lease=wrong, told=told(), actor=HOST)
    store_report(made.pk, lease=order.lease, told=told(), actor=HOST)
    with pytest.raises(LeaseLost):
        store_report(made.pk, lease=order.lease, told=told(behaviours=[]), actor=HOST)
    assert order.lease not in str(DeepAnalysis.objects.values().get(pk=made.pk))


def test_a_host_that_does_not_come_back_is_waited_for_twice(ada: User) -> None:
    made = submitted(ada)
    for expected in (AnalysisState.QUEUED, AnalysisState.FAILED):
        assert claim(actor=HOST, host="x") is not None
        settle()
        made.refresh_from_db()
        assert made.state == AnalysisState.ANALYZING  # its time is not over
        DeepAnalysis.objects.update(lease_until=clock.real_now() - timedelta(seconds=1))
        settle()
        made.refresh_from_db()
        assert made.state == expected
    assert made.error_code == "host_lost"


def test_a_second_analysis_waits_for_the_end_of_the_first_and_is_fresh(ada: User) -> None:
    first = submitted(ada)
    with pytest.raises(Refused, match="under way") as refused:
        request_analysis(first.file, reason="Again", actor=ada.actor, user=ada)
    assert refused.value.link == f"/actions/analyses/{first.pk}/"
    order = claim(actor=HOST, host="x")
    assert order is not None
    store_failure(first.pk, lease=order.lease, code="sandbox_failed", message="No space", actor=HOST)
    again = request_analysis(first.file, reason="Again", actor=ada.actor, user=ada)
    assert (again.source, again.state) == (SampleSource.STORED, AnalysisState.QUEUED)
    assert again.sample_id != first.sample_id
    assert DeepAnalysis.objects.filter(file=first.file).count() == 2


def test_who_may_not_submit_is_refused(mona: User, ada: User, eve: User) -> None:
    with pytest.raises(Refused, match="lacks the right"):
        submitted(mona)
    file = FileFactory.create()
    device = DeviceFactory.create()
    saw(file, device)
    Alert.objects.update(device_group_ids=[device.device_group_id])
    with pytest.raises(Refused, match="outside the scope"):
        request_analysis(file, reason="x", actor=eve.actor, user=eve)
    with pytest.raises(Refused, match="no copy"):
        request_analysis(file, reason="x", actor=ada.actor, user=ada)
    for content in (b"", bytes(MAX_SAMPLE + 1)):
        with pytest.raises(ValidationError):
            submitted(ada, content)


def test_a_copy_that_an_action_stored_is_used(ada: User) -> None:
    run = ask(ada, "device.collect_package", company().device())
    blob = blobs.keep(b"implant", name="implant", media_type="application/octet-stream")
    RunArtefact.objects.create(run=run, blob=blob, name="implant")
    file = FileFactory.create(sha256=blob.sha256)
    made = request_analysis(file, reason="Known?", actor=ada.actor, user=ada)
    assert blobs.read(copy_of(made)) == b"implant"
    assert made.sample_id != blob.pk  # it has a life of its own


def test_who_sees_the_file_but_not_the_device_does_not_see_the_report(ada: User, eve: User) -> None:
    device = DeviceFactory.create(device_group=DeviceGroup.objects.get(is_default=True))
    made = submitted(ada, device=device)
    assert File.objects.visible_to(eve).get(pk=made.file_id).display_name == made.file.sha256[:16]
    assert made.name == "dropper"
    assert not DeepAnalysis.objects.visible_to(eve).exists()
    assert DeepAnalysis.objects.visible_to(ada).get() == made


def test_a_sample_of_a_restricted_incident_is_for_its_people(ada: User, rita: User) -> None:
    incident = incident_naming(DeviceFactory.create())
    made = submitted(ada, incident=incident)
    incident.restricted = True
    incident.save(update_fields=["restricted"])
    incident.restricted_to.set([rita])
    assert [made] == list(DeepAnalysis.objects.visible_to(rita))
    assert not DeepAnalysis.objects.visible_to(ada).exists()
    assert AuditEvent.objects.filter(thread=f"incident:{incident.pk}", verb="analysis.state").count() == 1


def test_collecting_is_given_up_after_three_hours(ada: User) -> None:
    made = submitted(ada)
    run = ask(ada, "device.isolate", company(start_after_s="3600").device())
    DeepAnalysis.objects.update(
        state=AnalysisState.COLLECTING_SAMPLE, sample=None, run=run, collect_until=clock.now() + timedelta(hours=3)
    )
    assert settle() == 0
    DeepAnalysis.objects.update(collect_until=clock.now() - timedelta(seconds=1))
    settle()
    made.refresh_from_db()
    assert (made.state, made.error_code) == (AnalysisState.FAILED, "no_device")


@pytest.mark.parametrize("sent", [True, False])
def test_what_a_device_sends_is_analysed_when_it_is_the_file(ada: User, sent: bool) -> None:
    made = submitted(ada, b"wanted")
    run = ask(ada, "device.antivirus_scan", company().device(), scan_type="quick")
    run.status = "failed"
    run.save(update_fields=["status"])
    content = b"wanted" if sent else b"another file"
    blob = blobs.keep(content, name="x", media_type="application/octet-stream")
    RunArtefact.objects.create(run=run, blob=blob, name="x")
    later = clock.now() + timedelta(hours=3)
    DeepAnalysis.objects.update(state="collecting_sample", sample=None, run=run, collect_until=later)
    settle()
    made.refresh_from_db()
    assert made.state == (AnalysisState.QUEUED if sent else AnalysisState.FAILED)
    assert made.error_code == ("" if sent else "not_collected")


# ---- what follows of a report ----


def indicator(user: User, kind: str, value: str, action: str = "block") -> None:
    create_indicator(fields={"type": kind, "value": value, "action": action, "title": "Known server"}, reason="x",
                     actor=user.actor, user=user)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "value"),
    [("fileSha256", DROPPED), ("ipAddress", "203.0.113.5"), ("domainName", "c2.example"),
     ("url", "http://c2.example/gate")],
)  # fmt: skip
def test_what_is_under_an_indicator_raises_one_alert(ada: User, rita: User, kind: str, value: str) -> None:
    indicator(rita, kind, value)
    made = analysed(ada)
    assert settle() == 1
    assert settle() == 0
    made.refresh_from_db()
    assert [one["kind"] for one in made.matches] == [kind]
    alert = Alert.objects.get(source="deep-analysis")
    assert (made.alert_id, alert.severity) == (alert.pk, "high")
    assert Evidence.objects.filter(alert=alert, file=made.file).exists()


def test_what_is_allowed_or_unknown_raises_none(ada: User, rita: User) -> None:
    indicator(rita, "domainName", "c2.example", "allowed")
    indicator(rita, "ipAddress", "198.51.100.77")
    analysed(ada)
    assert settle() == 0
    assert not Alert.objects.exists()


def test_a_dropped_file_that_was_called_malicious_is_known(ada: User) -> None:
    known = FileFactory.create(sha256=DROPPED, key=f"sha256:{DROPPED}")
    saw(known, DeviceFactory.create())
    Evidence.objects.filter(file=known).update(verdict="malicious")
    made = analysed(ada)
    assert settle() == 1
    made.refresh_from_db()
    assert made.matches[0]["why"] == "An alert called this file malicious"


def test_an_address_that_the_sandbox_made_up_is_no_thing() -> None:
    found = things_in(clean_report(told()))
    assert ("ipAddress", "198.18.0.10") not in found
    assert ("ipAddress", "203.0.113.5") in found


# ---- a report is hostile ----


def test_a_report_keeps_the_portals_own_words() -> None:
    lying = told(behaviours=[{"key": "http", "title": "<script>", "severity": "harmless", "techniques": ["T0"],
                              "detail": "x\x00\x1b[2J" + "y" * 9_999, "times": 1e300, "at": -5},
                             {"key": "invented"}, "no object", None])  # fmt: skip
    kept = clean_report(lying)["behaviours"]
    assert [(one["title"], one["severity"], one["techniques"]) for one in kept] == [
        ("Talks HTTP", "medium", ["T1071.001"])
    ]
    assert len(kept[0]["detail"]) == 300
    assert "\x00" not in kept[0]["detail"]
    assert (kept[0]["times"], kept[0]["at"]) == (10**12, 0.0)


@pytest.mark.parametrize("wrong", [None, [], "x", {}, {"version": 2, "static": {}}, {"version": 1, "static": []}])
def test_what_is_no_report_is_refused(ada: User, wrong: Any) -> None:
    made = submitted(ada)
    order = claim(actor=HOST, host="x")
    assert order is not None
    with pytest.raises(ValidationError):
        store_report(made.pk, lease=order.lease, told=wrong, actor=HOST)
    made.refresh_from_db()
    assert made.state == AnalysisState.ANALYZING


def test_odd_shapes_leave_a_report_that_can_be_shown(ada: User) -> None:
    odd = told(processes=[{"pid": "x", "command": ["a"]}, 7] * 400, files=[{"change": "eaten"}, {"change": "created"}],
               network={"names": [{}] * 900, "connections": [{"address": "<b>"}]}, timeline="soon", cut=[1] * 99,
               dynamic={"ended": "<b>", "exit_code": "7", "seconds": float("inf"), "ran": "yes"})  # fmt: skip
    report = report_of(analysed(ada, report=odd))
    assert len(report["processes"]) == 250
    assert [one["change"] for one in report["files"]] == ["created"]
    assert (len(report["network"]["names"]), report["network"]["connections"]) == (200, [])
    assert (report["dynamic"]["ended"], report["dynamic"]["ran"], report["dynamic"]["seconds"]) == ("", False, 0.0)


def test_a_report_about_another_file_is_refused(ada: User) -> None:
    made = submitted(ada)
    order = claim(actor=HOST, host="x")
    assert order is not None
    other = told(static={**told()["static"], "sha256": "0" * 64})
    with pytest.raises(ValidationError, match="another file"):
        store_report(made.pk, lease=order.lease, told=other, actor=HOST)


# ---- on this host ----


def test_nothing_runs_here_until_an_administrator_says_so(ada: User) -> None:
    made = submitted(ada, b"MZ" + bytes(100), name="setup.exe")
    assert analyse_one_here() is False
    options.put(ON_THIS_HOST, value=True, actor=HOST)
    assert analyse_one_here() is True
    made.refresh_from_db()
    assert (made.state, made.host) == (AnalysisState.COMPLETED, "this host")
    assert report_of(made)["static"]["kind"] == "pe"
    assert "Windows" in report_of(made)["dynamic"]["why_not"]
    assert analyse_one_here() is False


def test_the_supervisor_is_told_while_the_option_is_on(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    tell_supervisor()
    assert not (tmp_path / "analysis-here").exists()
    options.put(ON_THIS_HOST, value=True, actor=HOST)
    tell_supervisor()
    assert (tmp_path / "analysis-here").exists()
    options.put(ON_THIS_HOST, value=False, actor=HOST)
    tell_supervisor()
    assert not (tmp_path / "analysis-here").exists()


def test_a_sample_is_kept_for_as_long_as_the_option_says(ada: User) -> None:
    options.put("analysis.keep_samples_days", 2, actor=HOST)
    made = submitted(ada)
    until = copy_of(made).keep_until
    assert until is not None
    assert timedelta(days=1) < until - clock.now() <= timedelta(days=2)
    Blob.objects.all().delete()
    made.refresh_from_db()
    assert made.sample is None
    assert claim(actor=HOST, host="x") is None


def test_a_sample_is_named_only_once_for_the_same_content(ada: User) -> None:
    first = request_analysis(Sample(b"same", "a"), reason="x", actor=ada.actor, user=ada)
    order = claim(actor=HOST, host="x")
    assert order is not None
    store_report(first.pk, lease=order.lease, told=told(), actor=HOST)
    second = request_analysis(Sample(b"same", "b"), reason="x", actor=ada.actor, user=ada)
    assert (first.file_id, second.name) == (second.file_id, "b")


def test_a_device_that_has_the_file_is_asked_for_it(ada: User) -> None:
    device = company(start_after_s="3600").device()
    file = FileFactory.create()
    saw(file, device)
    made = request_analysis(file, reason="Known?", actor=ada.actor, user=ada)
    assert (made.state, made.source, made.device) == (AnalysisState.COLLECTING_SAMPLE, SampleSource.DEVICE, device)
    assert made.run is not None
    assert (made.run.action, made.run.comment, made.run.is_open) == ("file.collect", "Known?", True)
    assert made.collect_until is not None
    assert timedelta(hours=2) < made.collect_until - clock.now() <= timedelta(hours=3)
    settle()
    made.refresh_from_db()
    assert made.state == AnalysisState.COLLECTING_SAMPLE


@pytest.mark.parametrize(
    ("head", "shown"),
    [("#!/bin/sh\nid", "#!/bin/sh\nid"), ("\N{REPLACEMENT CHARACTER}ELF" * 9, ""), ("MZ\x01\x02\x03", "")],
)
def test_the_first_characters_of_a_file_are_kept_when_they_are_text(ada: User, head: str, shown: str) -> None:
    files = [{**told()["files"][0], "head": head}]
    assert report_of(analysed(ada, report=told(files=files)))["files"][0]["head"] == shown
