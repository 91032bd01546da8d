"""One file, many devices: a parent run whose outcome is derived from its parts."""

import pytest
from django.test import Client

from accounts.models import DeviceGroup, User
from connectors.kinds.simulator import world
from incidents.models import Device, Evidence, File
from remediation.models import ActionRun
from remediation.policy import reach
from remediation.refused import Refused
from remediation.services.cancel import cancel_run
from remediation.services.carry_out import carry_out
from remediation.services.decide import approve_run, reject_run
from remediation.services.preview import preview_action
from remediation.services.undo import undo_run
from remediation.taken_back import taken_back
from tests.conftest import SignedIn
from tests.factories.api import caller
from tests.factories.people import DeviceGroupFactory, person
from tests.factories.remediation import (
    Company,
    DeviceFactory,
    FileFactory,
    approve,
    ask,
    company,
    done,
    incident_naming,
    saw,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(db: None) -> Company:
    return company()


@pytest.fixture
def file(db: None) -> File:
    return FileFactory.create()


def with_file(place: Company, file: File, *devices: Device) -> None:
    for device in devices:
        world.put_file(place.connection, device.key, file.key, name=file.display_name, running=True)
    saw(file, *devices)


def parts(run: ActionRun) -> dict[str, str]:
    return dict(run.children.values_list("target_name", "status"))


def test_every_device_that_saw_the_file_gets_its_own_run(place: Company, file: File, ada: User, rita: User) -> None:
    devices = [place.device(), place.device()]
    with_file(place, file, *devices)
    run = done(ada, rita, "file.quarantine", file)
    assert (run.status, run.status_detail) == ("succeeded", "2 of 2 devices quarantined")
    assert {place.state(device)["files"][file.key]["state"] for device in devices} == {"quarantined"}


def test_the_parent_counts_what_was_verified(place: Company, file: File, ada: User, rita: User) -> None:
    good, bad, unbound = place.device(), place.device(refuses="Disk full."), DeviceFactory.create()
    with_file(place, file, good, bad)
    saw(file, unbound)
    run = done(ada, rita, "file.quarantine", file)
    assert run.status == "partially_succeeded"
    assert run.result == {"total": 3, "verified": 1, "open": 0, "skipped": 1, "failed": 1}
    assert parts(run) == {str(good): "succeeded", str(bad): "failed", str(unbound): "skipped"}


def test_the_parent_stays_open_while_a_device_is_offline(place: Company, file: File, ada: User, rita: User) -> None:
    here, away = place.device(), place.device(offline=True)
    with_file(place, file, here)
    saw(file, away)
    run = done(ada, rita, "file.quarantine", file)
    assert (run.status, run.status_detail) == ("started", "1 of 2 devices quarantined")
    cancel_run(run, actor=rita.actor, user=rita)
    assert run.status == "partially_succeeded"


def test_no_device_at_all_is_a_refusal(file: File, ada: User) -> None:
    with pytest.raises(Refused) as refused:
        ask(ada, "file.quarantine", file)
    assert refused.value.code == "nothing_to_do"


def test_only_unbound_devices_are_a_refusal(file: File, ada: User) -> None:
    saw(file, DeviceFactory.create())
    with pytest.raises(Refused) as refused:
        ask(ada, "file.quarantine", file)
    assert refused.value.code == "not_bound"


def test_too_many_devices_are_a_refusal(place: Company, file: File, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "MAX_DEVICES", 1)
    saw(file, place.device(), place.device())
    with pytest.raises(Refused) as refused:
        ask(ada, "file.quarantine", file)
    assert refused.value.code == "cap_reached"


def test_devices_outside_the_scope_are_left_out_and_counted(place: Company, file: File) -> None:
    near_group, far_group = DeviceGroupFactory.create(), DeviceGroupFactory.create()
    near, far = place.device(group=near_group), place.device(group=far_group)
    with_file(place, file, near, far)
    nora = person("nora", "analyst", groups=[near_group])
    assert any("1 more devices" in text for text in preview_action("file.quarantine", file, {}, nora).warnings)
    run = ask(nora, "file.quarantine", file)
    assert list(parts(run)) == [str(near)]


def test_a_decider_must_reach_every_device(place: Company, file: File, ada: User) -> None:
    one, other = DeviceGroupFactory.create(), DeviceGroupFactory.create()
    with_file(place, file, place.device(group=one), place.device(group=other))
    run = ask(ada, "file.quarantine", file)
    half = person("half", "responder", groups=[one])
    with pytest.raises(Refused) as refused:
        approve_run(run, actor=half.actor, user=half)
    assert refused.value.code == "out_of_scope"


def test_a_part_is_not_decided_on_by_itself(place: Company, file: File, ada: User, rita: User) -> None:
    with_file(place, file, place.device())
    part = ask(ada, "file.quarantine", file).children.get()
    with pytest.raises(Refused):
        approve(rita, part)


def test_a_rejection_closes_every_part(place: Company, file: File, ada: User, rita: User) -> None:
    with_file(place, file, place.device(), place.device())
    run = reject_run(ask(ada, "file.quarantine", file), actor=rita.actor, user=rita, comment="No")
    assert set(parts(run).values()) == {"cancelled"}


def test_undoing_the_whole_restores_every_device_where_it_worked(
    place: Company, file: File, ada: User, rita: User
) -> None:
    good, bad = place.device(), place.device(refuses="Disk full.")
    with_file(place, file, good, bad)
    run = done(ada, rita, "file.quarantine", file)
    back = carry_out(approve(rita, undo_run(run, actor=ada.actor, user=ada, comment="Ours after all")))
    assert (back.status, parts(back)) == ("succeeded", {str(good): "succeeded"})
    assert back.children.get().undoes == run.children.get(target_id=good.pk)
    assert place.state(good)["files"][file.key]["state"] == "present"


def test_one_part_can_be_undone_by_itself(place: Company, file: File, ada: User, rita: User) -> None:
    one, other = place.device(), place.device()
    with_file(place, file, one, other)
    run = done(ada, rita, "file.quarantine", file)
    part = run.children.get(target_id=one.pk)
    back = carry_out(approve(rita, undo_run(part, actor=ada.actor, user=ada, comment="Needed here")))
    assert (back.status, back.undoes, back.parent) == ("succeeded", part, None)
    states = {device: place.state(device)["files"][file.key]["state"] for device in (one, other)}
    assert states == {one: "present", other: "quarantined"}
    rest = ask(ada, "file.restore", file)
    assert list(parts(rest)) == [str(other)]


def test_a_part_taken_back_by_somebody_with_half_the_scope_leaves_the_rest_to_others(
    place: Company, file: File, ada: User, rita: User
) -> None:
    group = DeviceGroupFactory.create()
    near, far = place.device(group=group), place.device()
    with_file(place, file, near, far)
    run = done(ada, rita, "file.quarantine", file)
    half = person("half", "analyst", groups=[group])
    first = carry_out(approve(rita, undo_run(run, actor=half.actor, user=half, comment="Ours after all")))
    assert parts(first) == {str(near): "succeeded"}
    assert taken_back(run).state == "partly_undone"
    with pytest.raises(Refused, match="outside your scope"):
        undo_run(run, actor=half.actor, user=half, comment="Once more")
    assert caller(ada).get(f"/actions/{run.pk}").body["undone_by"] is None
    assert caller(ada).get(f"/actions/{run.pk}").body["undo_state"] == "partly_undone"
    rest = carry_out(approve(rita, undo_run(run, actor=ada.actor, user=ada, comment="The others too")))
    assert parts(rest) == {str(far): "succeeded"}
    body = caller(ada).get(f"/actions/{run.pk}").body
    assert (body["undo_state"], body["undone_by"]) == ("undone", str(rest.pk))
    with pytest.raises(Refused) as refused:
        undo_run(run, actor=ada.actor, user=ada, comment="Again")
    assert (refused.value.code, refused.value.run) == ("not_undoable", rest)


def test_the_story_of_the_whole_says_how_much_is_taken_back(
    place: Company, file: File, ada: User, rita: User, client: Client, signed_in: SignedIn
) -> None:
    one, other = place.device(), place.device()
    with_file(place, file, one, other)
    run = done(ada, rita, "file.quarantine", file)
    page = signed_in(client, ada)
    for device, title in ((one, "Partly undone"), (other, "Undone")):
        part = run.children.get(target_id=device.pk)
        carry_out(approve(rita, undo_run(part, actor=ada.actor, user=ada, comment="Needed here")))
        assert title in page.get(f"/actions/{run.pk}/").text
    assert "2 of 2 devices taken back" in page.get(f"/actions/{run.pk}/").text


def test_a_part_whose_undo_failed_is_still_to_be_taken_back(place: Company, file: File, ada: User, rita: User) -> None:
    good, bad = place.device(), place.device()
    with_file(place, file, good, bad)
    run = done(ada, rita, "file.quarantine", file)
    world.set_behaviour(place.connection, "device", bad.key, refuses="Disk full.")
    back = carry_out(approve(rita, undo_run(run, actor=ada.actor, user=ada, comment="Ours after all")))
    assert (back.status, taken_back(run).state) == ("partially_succeeded", "partly_undone")
    world.set_behaviour(place.connection, "device", bad.key, refuses="")
    again = carry_out(approve(rita, undo_run(run, actor=ada.actor, user=ada, comment="The disk has room")))
    assert (parts(again), taken_back(run).state) == ({str(bad): "succeeded"}, "undone")


def test_a_file_that_is_given_back_says_nothing_of_its_devices(
    place: Company, file: File, ada: User, rita: User
) -> None:  # fmt: skip
    one, other = place.device(), place.device()
    with_file(place, file, one, other)
    case = incident_naming(one, other, file)
    run = done(ada, rita, "file.quarantine", file, incident=case)
    part = run.children.get(target_id=one.pk)
    carry_out(approve(rita, undo_run(part, actor=ada.actor, user=ada, comment="Needed here")))
    done(ada, rita, "file.restore", file, incident=case)
    assert taken_back(run).state == "undone"
    named = Evidence.objects.filter(alert__incident=case)
    assert set(named.filter(type="device").values_list("remediation_status", flat=True)) == {"none"}
    assert named.get(type="file").remediation_status == "unremediated"


def test_two_files_on_one_device_do_not_wait_for_each_other(place: Company, ada: User) -> None:
    device = place.device()
    first, second = FileFactory.create(), FileFactory.create()
    with_file(place, first, device)
    with_file(place, second, device)
    assert ask(ada, "file.quarantine", first).pk != ask(ada, "file.quarantine", second).pk


def test_a_file_alone_beside_two_devices_is_not_guessed_about(place: Company, file: File, ada: User) -> None:
    incident_naming(file, place.device(), place.device())
    with pytest.raises(Refused) as refused:
        ask(ada, "file.quarantine", file)
    assert refused.value.code == "nothing_to_do"


def test_the_parent_carries_the_scope_of_all_its_devices(place: Company, file: File, ada: User) -> None:
    group = DeviceGroupFactory.create()
    with_file(place, file, place.device(group=group), place.device())
    default = DeviceGroup.objects.get(is_default=True)
    assert set(ask(ada, "file.quarantine", file).device_group_ids) == {group.pk, default.pk}
