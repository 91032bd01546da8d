"""Actions that endpoint agents carry out: from the request to what the device says of itself."""

import html
import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pyzipper
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import User
from connectors.models import Agent, AgentOrder, Delivery, WantedState
from connectors.services.agents.secret_words import with_sealed_password
from core import clock
from incidents.models import Alert, Device, Evidence, File
from remediation.models import ActionRun, ControlState, IsolationRule, RunArtefact, TrustedPrograms
from remediation.refused import Refused
from remediation.services import open_package as open_package_module
from remediation.services import scan_findings
from remediation.services.cautions import NO_EXCLUSION
from remediation.services.drift import look_at
from remediation.services.follow_containments import follow_containments
from remediation.services.frozen import reach_of
from remediation.services.open_package import ZIP, open_package, parts_of, read_part
from remediation.services.preview import preview_action
from remediation.services.undo import undo_run
from remediation.taken_back import taken_back
from tests.conftest import SignedIn
from tests.factories.people import DeviceGroupFactory, person
from tests.factories.remediation import DeviceFactory, FileFactory, approve, ask, saw
from tests.factories.small_agent import SmallAgent, device_with_agent, make_keys, settled

pytestmark = pytest.mark.django_db
Machine = tuple[Device, SmallAgent]


@pytest.fixture(autouse=True)
def keys(settings: Any, tmp_path: Path) -> None:
    make_keys(settings, tmp_path)


@pytest.fixture
def machine() -> Callable[..., Machine]:
    return device_with_agent


def asked(ada: User, rita: User, action: str, target: Device | File, **arguments: Any) -> ActionRun:
    run = ask(ada, action, target, **arguments)
    return approve(rita, run) if run.decision == "pending" else run


def done(ada: User, rita: User, action: str, target: Device | File, *machines: Machine, **arguments: str) -> ActionRun:
    return settled(asked(ada, rita, action, target, **arguments), *machines)


def lies_on(file: File, machine: Machine, path: str) -> None:
    device, small = machine
    small.files[file.sha256] = [*small.files.get(file.sha256, []), path]
    saw(file, device)
    Evidence.objects.filter(file=file, device=device, data={}).update(data={"path": path})


def test_isolation_is_obeyed_and_verified_and_released(machine: Any, ada: User, rita: User) -> None:
    here = machine()
    run = done(ada, rita, "device.isolate", here[0], here, isolation_type="full")
    assert (run.status, here[1].wanted["network"]["isolated"]) == ("succeeded", True)
    assert run.verification["observed"] == "isolated"
    assert done(ada, rita, "device.release", here[0], here).status == "succeeded"
    assert here[1].wanted["network"] == {"isolated": False}


def test_what_a_selective_isolation_leaves_open_is_told_when_it_is_chosen(machine: Any, ada: User) -> None:
    device = machine()[0]
    told = {chosen: preview_action("device.isolate", device, {"isolation_type": chosen}, ada).warnings
            for chosen in ("full", "selective")}  # fmt: skip
    assert NO_EXCLUSION in told["selective"]
    assert NO_EXCLUSION not in told["full"]


def test_a_selective_isolation_keeps_the_rules_of_the_moment(machine: Any, ada: User, rita: User) -> None:
    here, rule = (
        machine(),
        IsolationRule.objects.create(name="Proxy", networks=["192.0.2.8/32"], protocol="tcp", port=3128),
    )
    IsolationRule.objects.create(name="Of others", networks=["192.0.2.0/24"], device_group_ids=[10**6])
    run = ask(ada, "device.isolate", here[0], isolation_type="selective")
    rule.delete()
    settled(approve(rita, run), here)
    assert [one["name"] for one in run.arguments["exclusions"]] == ["Proxy"]
    assert here[1].wanted["network"]["exclusions"] == [
        {"network": "192.0.2.8/32", "protocol": "tcp", "port": 3128, "direction": "out"}
    ]


def test_a_file_is_quarantined_where_alerts_saw_it_and_restored(machine: Any, ada: User, rita: User) -> None:
    here, file = machine(), FileFactory.create()
    lies_on(file, here, "/srv/ann/dropper")
    run = done(ada, rita, "file.quarantine", file, here)
    assert run.children.get().arguments["paths"] == ["/srv/ann/dropper"]
    assert (run.status, here[1].files[file.sha256]) == ("succeeded", [])
    back = undo_run(run, actor=ada.actor, user=ada, comment="It was ours")
    settled(approve(rita, back), here)
    back.refresh_from_db()
    assert (back.status, here[1].files[file.sha256]) == ("succeeded", ["/srv/ann/dropper"])


def test_a_protected_file_is_refused_with_the_device_s_reason(machine: Any, ada: User, rita: User) -> None:
    good, other, file = machine(), machine(), FileFactory.create()
    for one in (good, other):
        lies_on(file, one, "/usr/bin/tool")
    other[1].refuses["/usr/bin/tool"] = "It belongs to the package coreutils."
    run = done(ada, rita, "file.quarantine", file, good, other)
    assert run.status == "partially_succeeded"
    assert "coreutils" in run.children.get(target_id=other[0].pk).status_detail


def test_a_file_without_its_sha256_is_not_for_agents(machine: Any, ada: User) -> None:
    here, file = machine(), FileFactory.create(sha256="", sha1="a" * 40, key="sha1:" + "a" * 40)
    saw(file, here[0])
    with pytest.raises(Refused, match="SHA-256"):
        ask(ada, "file.quarantine", file)


def test_a_collected_file_leaves_only_in_a_zip_of_ones_own(machine: Any, ada: User, rita: User) -> None:
    here, file = machine(), FileFactory.create()
    lies_on(file, here, "/srv/ann/dropper")
    run = done(ada, rita, "file.collect", file, here)
    assert run.status == "succeeded"
    artefact = run.children.get().artefacts.get(name="collected")
    with pytest.raises(ValidationError, match="password"):
        open_package(artefact, part="", reason="Analysis", actor=ada.actor, user=ada, password="short")
    pieces = open_package(artefact, part="", reason="Analysis", actor=ada.actor, user=ada, password="long enough")
    content = b"".join(pieces)
    with pyzipper.AESZipFile(io.BytesIO(content)) as archive:
        archive.setpassword(b"long enough")
        assert archive.read("collected") == b"contents of /srv/ann/dropper"


def test_whatever_a_device_calls_a_file_it_leaves_locked(
    machine: Any, ada: User, rita: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, file = machine(), FileFactory.create()
    lies_on(file, here, "/srv/ann/dropper")
    send = SmallAgent._send
    monkeypatch.setattr(SmallAgent, "_send", lambda one, content, name, *_: send(one, content, name, "application/zip"))
    collected = done(ada, rita, "file.collect", file, here).children.get()
    here[1].notes["package_content"] = {"bytes": a_package(users=[]), "password": ""}
    package = done(ada, rita, "device.collect_package", here[0], here)
    for artefact in RunArtefact.objects.filter(run__in=[collected, package], blob__media_type="application/zip"):
        with pytest.raises(ValidationError, match="password"):
            open_package(artefact, part="", reason="Analysis", actor=ada.actor, user=ada)
    assert RunArtefact.objects.filter(blob__media_type="application/zip").count() == 2


@pytest.mark.parametrize("remark", [b"", b"a remark", b"x" * 65_535])
def test_a_package_with_too_long_an_index_is_not_opened(
    machine: Any, ada: User, rita: User, monkeypatch: pytest.MonkeyPatch, remark: bytes
) -> None:
    here, content = machine(), io.BytesIO()
    with pyzipper.AESZipFile(content, "w", encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(b"of the device")
        archive.writestr("users.jsonl", "{}")
        archive.comment = remark
    here[1].notes["package_content"] = {"bytes": content.getvalue(), "password": "of the device"}
    artefact = done(ada, rita, "device.collect_package", here[0], here).artefacts.get(blob__media_type=ZIP)
    assert [part.name for part in parts_of(artefact)] == ["users.jsonl"]
    assert read_part(artefact, "users.jsonl") == "{}"
    monkeypatch.setattr(open_package_module, "MOST_INDEX", 40)
    assert parts_of(artefact) == []
    with pytest.raises(LookupError):
        read_part(artefact, "users.jsonl")
    with pytest.raises(LookupError):
        open_package(artefact, part="", reason="Analysis", actor=ada.actor, user=ada, password="long enough")


def test_a_device_seals_no_password_itself() -> None:
    assert with_sealed_password({"sealed_password": "AAAA", "a": 1}) == {"a": 1}
    assert set(with_sealed_password({"sealed_password": "AAAA", "password": "x"})) == {"sealed_password"}
    assert with_sealed_password({"sealed_password": "AAAA", "password": "x"})["sealed_password"] != "AAAA"


def a_package(**steps: list[dict[str, Any]]) -> bytes:
    packed = io.BytesIO()
    with pyzipper.AESZipFile(packed, "w", encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(b"of the device")
        for name, rows in steps.items():
            archive.writestr(f"{name}.jsonl", "\n".join(json.dumps(row) for row in rows))
    return packed.getvalue()


def test_a_package_opens_in_the_portal_with_the_word_that_came_with_it(machine: Any, ada: User, rita: User) -> None:
    here = machine()
    here[1].notes["package_content"] = {"bytes": a_package(users=[{"name": "ann"}]), "password": "of the device"}
    run = done(ada, rita, "device.collect_package", here[0], here)
    artefact = run.artefacts.get(name="investigation-package.zip")
    shown = b"".join(open_package(artefact, part="users.jsonl", reason="Look", actor=ada.actor, user=ada))
    assert b"ann" in shown
    kept = json.dumps([*Delivery.objects.values_list("result", flat=True),
                       *AgentOrder.objects.values_list("result", flat=True), run.result])  # fmt: skip
    assert "of the device" not in kept


def test_programs_are_watched_first_and_then_held(machine: Any, ada: User, rita: User) -> None:
    here = machine()
    TrustedPrograms.objects.create(device_group=here[0].device_group, folders=["/opt/ours"])
    run = done(ada, rita, "device.restrict_execution", here[0], here)
    assert (run.status, run.verification["observed"]) == ("succeeded", "audited")
    assert here[1].wanted["execution"]["folders"] == ["/opt/ours"]
    held = done(ada, rita, "device.restrict_execution", here[0], here, mode="restricted", days="1")
    assert (held.status, held.verification["observed"]) == ("succeeded", "restricted")
    assert done(ada, rita, "device.unrestrict_execution", here[0], here).status == "succeeded"


@pytest.mark.parametrize("paths", ["", "relative/path", "/a/../b"])
def test_a_custom_scan_names_full_paths(machine: Any, ada: User, paths: str) -> None:
    with pytest.raises(ValidationError):
        ask(ada, "device.antivirus_scan", machine()[0], scan_type="custom", paths=paths)


def test_a_custom_scan_examines_what_was_named(machine: Any, ada: User, rita: User) -> None:
    here = machine()
    run = done(ada, rita, "device.antivirus_scan", here[0], here, scan_type="custom", paths="/srv\n/opt/x")
    assert here[1].commands[-1]["arguments"] == {"scan_type": "custom", "paths": ["/srv", "/opt/x"]}
    assert run.status == "succeeded"


def test_offboarding_ends_the_agent_s_place(machine: Any, ada: User, adam: User) -> None:
    here, other = machine(), person("bert", "admin")
    with pytest.raises(Refused):
        ask(ada, "device.offboard", here[0])
    run = settled(approve(other, ask(adam, "device.offboard", here[0])), here)
    assert run.status == "succeeded"
    assert Agent.objects.get(pk=here[1].agent.pk).state == "offboarded"


def unmanaged(**columns: Any) -> Device:
    return DeviceFactory.create(**{"ip_addresses": ["192.0.2.77"], "mac_addresses": ["02:00:00:00:00:77"], **columns})


def test_a_device_without_an_agent_is_contained_by_the_others(machine: Any, ada: User, rita: User) -> None:
    peers, stranger = [machine(), machine()], unmanaged()
    run = done(ada, rita, "device.contain", stranger, *peers)
    assert (run.status, run.status_detail) == ("succeeded", "2 of 2 devices enforce it")
    entry = peers[0][1].wanted["contain"]["entries"][0]
    assert (entry["addresses"], entry["macs"]) == (["192.0.2.77"], ["02:00:00:00:00:77"])
    back = undo_run(run, actor=ada.actor, user=ada, comment="Cleaned")
    settled(approve(rita, back), *peers)
    back.refresh_from_db()
    assert back.status == "succeeded"
    assert [small.wanted["contain"]["entries"] for _, small in peers] == [[], []]


def test_one_containment_leaves_the_other_as_it_is(machine: Any, ada: User, rita: User) -> None:
    peer, first, second = machine(), unmanaged(), unmanaged(ip_addresses=["192.0.2.78"])
    done(ada, rita, "device.contain", first, peer)
    done(ada, rita, "device.contain", second, peer)
    assert len(peer[1].wanted["contain"]["entries"]) == 2
    done(ada, rita, "device.uncontain", first, peer)
    assert [one["id"] for one in peer[1].wanted["contain"]["entries"]] == [f"device:{second.pk}"]


WHY = "The device refused: 192.0.2.77: It is the gateway"


def test_a_peer_that_refuses_says_why_and_the_others_enforce(machine: Any, ada: User, rita: User) -> None:
    willing, unwilling, stranger = machine(), machine(), unmanaged(mac_addresses=[])
    unwilling[1].refuses["192.0.2.77"] = "It is the gateway."
    run = done(ada, rita, "device.contain", stranger, willing, unwilling)
    assert (run.status, run.status_detail) == ("partially_succeeded", f"1 of 2 devices enforce it. {WHY}")
    assert "gateway" in run.children.get(target_id=unwilling[0].pk).status_detail


def test_who_has_an_agent_is_isolated_and_not_contained(machine: Any, ada: User) -> None:
    with pytest.raises(Refused, match="isolate it instead"):
        ask(ada, "device.contain", machine()[0])


def test_containment_may_be_for_the_group_alone(machine: Any, ada: User, rita: User) -> None:
    near, far = machine(), machine(device_group=DeviceGroupFactory.create())
    run = done(ada, rita, "device.contain", unmanaged(), near, far, peers="group")
    assert [child.target_id for child in run.children.all()] == [near[0].pk]


def test_the_dialog_of_containment_opens(client: Client, signed_in: SignedIn, machine: Any, ada: User) -> None:
    machine()
    page = signed_in(client, ada).get(f"/actions/ask/device/{unmanaged().pk}/device.contain/")
    assert page.status_code == 200
    assert "Devices with an agent drop all traffic" in page.content.decode()


def test_a_wanted_state_of_a_forged_row_is_not_composed(machine: Any, ada: User, rita: User) -> None:
    peer, stranger = machine(), unmanaged()
    run = done(ada, rita, "device.contain", stranger, peer)
    WantedState.objects.update(facets={"contain": {"entries": []}, "network": {"isolated": True}})
    done(ada, rita, "device.contain", unmanaged(ip_addresses=["192.0.2.78"]), peer)
    assert len(peer[1].wanted["contain"]["entries"]) == 2
    assert "network" not in peer[1].wanted
    assert run.status == "succeeded"


def test_a_device_that_joins_later_enforces_it_too(machine: Any, ada: User, rita: User) -> None:
    first, stranger = machine(), unmanaged()
    run = done(ada, rita, "device.contain", stranger, first)
    later = machine()
    assert follow_containments() == 1
    settled(run, first, later)
    for child in run.children.all():
        settled(child, first, later)
    run.refresh_from_db()
    assert run.status_detail == "2 of 2 devices enforce it"
    assert later[1].wanted["contain"]["entries"][0]["id"] == f"device:{stranger.pk}"
    assert follow_containments() == 0


def test_an_address_that_it_takes_later_is_cut_too(machine: Any, ada: User, rita: User) -> None:
    peer, stranger = machine(), unmanaged()
    run = done(ada, rita, "device.contain", stranger, peer)
    Device.objects.filter(pk=stranger.pk).update(ip_addresses=["192.0.2.99"])
    assert follow_containments() == 1
    settled(run.children.latest("pk"), peer)
    assert [one["addresses"] for one in peer[1].wanted["contain"]["entries"]] == [["192.0.2.99"]]


def test_a_containment_that_was_asked_anew_is_taken_back_whole(machine: Any, ada: User, rita: User) -> None:
    peer, other, stranger = machine(), machine(), unmanaged()
    run = done(ada, rita, "device.contain", stranger, peer, other)
    Device.objects.filter(pk=stranger.pk).update(ip_addresses=["192.0.2.99"])
    follow_containments()
    for child in run.children.all():
        settled(child, peer, other)
    assert run.children.filter(status="succeeded").count() == 4
    assert taken_back(run).state == "none"
    back = undo_run(run, actor=ada.actor, user=ada, comment="Cleaned")
    settled(approve(rita, back), peer, other)
    assert [small.wanted["contain"]["entries"] for _, small in (peer, other)] == [[], []]
    assert taken_back(run).state == "undone"


def test_what_a_scan_finds_is_an_alert(machine: Any, ada: User, rita: User) -> None:
    here = machine()
    threat = {"path": "/srv/x", "sha256": "b" * 64, "name": "Test.Threat", "engine": "clamav"}
    here[1].notes["found"] = {"all": [threat]}
    run = done(ada, rita, "device.antivirus_scan", here[0], here)
    scan_findings.run_ended(run.pk)
    scan_findings.run_ended(run.pk)
    assert "Test.Threat" in Alert.objects.get(provider_alert_id=f"scan-{run.pk}").title


def test_the_run_s_page_tells_what_the_device_answered(
    client: Client, signed_in: SignedIn, machine: Any, ada: User, rita: User
) -> None:
    here, file = machine(), FileFactory.create()
    lies_on(file, here, "/srv/ann/dropper")
    here[1].notes["persistence"] = {"all": [{"kind": "cron", "path": "/etc/cron.d/x", "item": "1"}]}
    run = done(ada, rita, "file.quarantine", file, here)
    child = signed_in(client, ada).get(f"/actions/{run.children.get().pk}/").content.decode()
    assert "1 autostart entry" in child
    assert "/srv/ann/dropper" in child
    assert "Success" in client.get(f"/actions/{run.pk}/").content.decode()


def test_two_packages_of_a_device_are_compared(
    client: Client, signed_in: SignedIn, machine: Any, ada: User, rita: User
) -> None:
    here, kept = machine(), []
    manifest: list[dict[str, Any]] = [{"steps": []}]
    for name in ("ann", "mallory"):
        content = a_package(users=[{"name": name, "uid": 1}], processes=[{"exe": "/usr/bin/x", "sha256": name}])
        here[1].notes["package_content"] = {"bytes": with_manifest(content, manifest), "password": "of the device"}
        run = done(ada, rita, "device.collect_package", here[0], here)
        kept.append(run.artefacts.get(name="investigation-package.zip"))
    address = f"/actions/{kept[1].run_id}/packages/{kept[1].pk}/compare/"
    page = signed_in(client, ada).post(address, {"earlier": kept[0].pk, "reason": "What is new"})
    text = page.content.decode()
    assert page.status_code == 200
    assert "mallory (uid 1" in text
    assert "ann (uid 1" in text
    assert "Changed" in text


def with_manifest(content: bytes, manifest: list[dict[str, Any]]) -> bytes:
    packed = io.BytesIO(content)
    with pyzipper.AESZipFile(packed, "a", encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(b"of the device")
        archive.writestr("manifest.json", json.dumps(manifest))
    return packed.getvalue()


def test_a_contained_device_shows_it_and_its_end_by_itself_is_no_drift(machine: Any, ada: User, rita: User) -> None:
    peer, stranger = machine(), unmanaged()
    run = done(ada, rita, "device.contain", stranger, peer, days="1")
    stranger.refresh_from_db()
    assert stranger.mitigation["contain"]["state"] == "contained"
    state = ControlState.objects.get(facet="contain")
    peer[1].wanted["contain"]["entries"] = []  # as the kernel lets it go
    peer[1].tell()
    assert look_at(state).is_drifting
    ActionRun.objects.filter(pk__in=[run.pk, state.run_id]).update(created=clock.now() - timedelta(days=2))
    assert not look_at(state).is_drifting


def test_who_decides_reads_what_the_asker_read(
    client: Client, ada: User, rita: User, signed_in: SignedIn, machine: Callable[..., Machine]
) -> None:
    here, file = machine(), FileFactory.create()
    asked_for = preview_action("device.isolate", here[0], {"isolation_type": "selective"}, ada)
    run = ask(ada, "device.isolate", here[0], isolation_type="selective")
    dialog = html.unescape(signed_in(client, rita).get(f"/actions/{run.pk}/approve/").content.decode())
    assert "<dt>Isolation type</dt><dd><bdi>Selective</bdi></dd>" in dialog
    assert len(asked_for.warnings) > 2
    assert [text for text in asked_for.warnings if text not in dialog] == []
    lies_on(file, here, "/home/lab/dropper")
    reach = preview_action("file.quarantine", file, {}, ada).reach
    run = ask(ada, "file.quarantine", file)
    dialog = html.unescape(client.get(f"/actions/{run.pk}/approve/").content.decode())
    assert (reach, reach in dialog) == (f"1 device ({here[0]}), 1 known copy.", True)


def test_of_devices_that_the_decider_does_not_see_only_the_number_is_told(
    ada: User, machine: Callable[..., Machine]
) -> None:
    shown, hidden = machine(), machine(device_group=DeviceGroupFactory.create())
    file = FileFactory.create()
    saw(file, shown[0], hidden[0])
    run = ask(ada, "file.quarantine", file)
    part = person("una", "responder", groups=[shown[0].device_group])
    assert reach_of(run, part).startswith(f"2 devices ({shown[0]} and 1 more)")
