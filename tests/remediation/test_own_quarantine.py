"""What a device took away by itself, because an indicator asks for it, is in the list and comes back by an ordinary
action that can be taken back."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import DeviceGroup, User
from connectors.kinds.endpoint_agent import wishes
from connectors.models import Agent, Delivery
from incidents.models import Device, File, Incident
from remediation.enums import IndicatorAction, IndicatorType
from remediation.models import ActionRun, Custody, Indicator, QuarantinedItem
from remediation.refused import Refused
from remediation.services import own_quarantine
from remediation.services.carry_out import carry_out
from remediation.services.own_quarantine import agent_told
from remediation.services.quarantined import drifts_of, run_ended
from remediation.services.remove_indicator import remove_indicator
from remediation.services.set_indicator import create_indicator
from remediation.services.undo import undo_run
from remediation.taken_back import taken_back
from tests.conftest import SignedIn
from tests.factories.api import caller
from tests.factories.remediation import FileFactory, approve, ask, incident_naming, saw
from tests.factories.small_agent import SmallAgent, device_with_agent, make_keys, sign_all

pytestmark = pytest.mark.django_db
SHA256, PATH = "ab" * 32, "/home/lab/fresh"
Machine = tuple[Device, SmallAgent]


@pytest.fixture(autouse=True)
def keys(settings: Any, tmp_path: Path) -> None:
    make_keys(settings, tmp_path)


@pytest.fixture
def machine() -> Machine:
    return device_with_agent()


@pytest.fixture
def taker(rita: User) -> Indicator:
    fields = {"type": IndicatorType.SHA256, "value": SHA256, "action": IndicatorAction.BLOCK_AND_REMEDIATE,
              "title": "Loader"}  # fmt: skip
    return create_indicator(fields=fields, reason="Seen", actor=rita.actor, user=rita)


def take(machine: Machine, indicator: Indicator, path: str = PATH) -> QuarantinedItem:
    item = machine[1].take_by_itself(SHA256, path, indicator.remote_key)
    agent_told(agent_id=machine[1].agent.pk)
    return QuarantinedItem.objects.get(item=item)


def file_of(item: QuarantinedItem) -> File:
    assert item.file is not None
    return item.file


def settled(run: ActionRun, small: SmallAgent) -> ActionRun:
    for _ in range(3):
        carry_out(run)
        sign_all()
        small.turn()
    for child in run.children.all():
        run_ended(child.pk, child.status)
    agent_told(agent_id=small.agent.pk)
    run.refresh_from_db()
    return run


def test_it_stands_in_the_list_with_what_asked_for_it(
    client: Client, signed_in: SignedIn, machine: Machine, taker: Indicator, ada: User
) -> None:
    item = take(machine, taker)
    agent_told(agent_id=machine[1].agent.pk)
    assert (item.run, item.indicator, item.name, item.path) == (None, taker, "fresh", PATH)
    assert Custody.objects.get(reference=f"quarantined:{item.pk}").device == machine[0]
    page = signed_in(client, ada).get("/actions/quarantine/").content.decode()
    assert f'by the device, as <a href="/indicators/{taker.pk}/">{taker.number}</a> asks' in page
    assert f"/actions/ask/file/{item.file_id}/file.restore/" in page
    row = caller(ada).get("/quarantine").body["results"][0]
    assert (row["run_id"], row["indicator_id"]) == (None, str(taker.pk))


def test_it_comes_back_by_an_approved_action_and_can_be_taken_again(
    machine: Machine, taker: Indicator, ada: User, rita: User
) -> None:
    item = take(machine, taker)
    remove_indicator(taker, reason="Harmless", actor=rita.actor, user=rita)
    file = file_of(item)
    run = ask(ada, "file.restore", file)
    assert run.decision == "pending"
    back = settled(approve(rita, run), machine[1])
    assert (back.status, machine[1].files[SHA256]) == ("succeeded", [PATH])
    item.refresh_from_db()
    assert item.released is not None
    assert (item.released_by, Custody.objects.get(reference=f"quarantined:{item.pk}").gone is None) == (
        back.children.get(), False,
    )  # fmt: skip
    again = settled(approve(rita, undo_run(back, actor=ada.actor, user=ada, comment="It was bad")), machine[1])
    assert (again.status, machine[1].files[SHA256]) == ("succeeded", [])


def test_two_copies_come_back_together(machine: Machine, taker: Indicator, ada: User, rita: User) -> None:
    item = take(machine, taker)
    take(machine, taker, "/home/lab/second")
    remove_indicator(taker, reason="Harmless", actor=rita.actor, user=rita)
    back = settled(approve(rita, ask(ada, "file.restore", file_of(item))), machine[1])
    assert (back.status, sorted(machine[1].files[SHA256])) == ("succeeded", [PATH, "/home/lab/second"])
    assert not QuarantinedItem.objects.held().exists()


def two_copies(machine: Machine, taker: Indicator, rita: User) -> tuple[QuarantinedItem, QuarantinedItem]:
    found = take(machine, taker), take(machine, taker, "/home/lab/second")
    remove_indicator(taker, reason="Harmless", actor=rita.actor, user=rita)
    return found


def test_one_copy_comes_back_and_the_other_stays(machine: Machine, taker: Indicator, ada: User, rita: User) -> None:
    elsewhere = device_with_agent()
    one, other = two_copies(machine, taker, rita)
    third = elsewhere[1].take_by_itself(SHA256, PATH, taker.remote_key)
    agent_told(agent_id=elsewhere[1].agent.pk)
    back = settled(approve(rita, ask(ada, "file.restore", file_of(one), copy=str(one.pk))), machine[1])
    assert (back.status, back.result["total"], machine[1].files[SHA256]) == ("succeeded", 1, [PATH])
    held = QuarantinedItem.objects.held()
    assert {row.item for row in held} == {other.item, third}
    assert drifts_of(list(held)) == {}
    again = settled(approve(rita, undo_run(back, actor=ada.actor, user=ada, comment="It was bad")), machine[1])
    assert (again.status, machine[1].files[SHA256]) == ("succeeded", [])
    late = settled(approve(rita, undo_run(again, actor=ada.actor, user=ada, comment="It was not")), machine[1])
    assert (late.status, machine[1].files[SHA256]) == ("succeeded", [PATH])


def test_the_list_and_the_dialog_offer_one_copy_or_all(
    client: Client, signed_in: SignedIn, machine: Machine, taker: Indicator, ada: User, rita: User
) -> None:
    one, other = two_copies(machine, taker, rita)
    address = f"/actions/ask/file/{one.file_id}/file.restore/?copy={one.pk}"
    assert address in signed_in(client, ada).get("/actions/quarantine/").content.decode()
    page = client.get(address).content.decode()
    assert "Every copy, on every device" in page
    assert f"{machine[0]}: {other.path}" in page
    assert "1 known copy" in page
    assert "Only the copy that is chosen comes back" in page
    assert "Its id in the quarantine list" not in page
    assert "2 known copies" in client.get(address.partition("?")[0]).content.decode()
    assert client.post(address, {"copy": str(one.pk), "reason": "Ours"}).status_code in {200, 302, 204}
    assert [child.arguments["items"] for child in ActionRun.objects.get(parent=None).children.all()] == [[one.item]]


def test_who_does_not_see_the_copy_hears_of_none(
    machine: Machine, taker: Indicator, ada: User, eve: User, rita: User
) -> None:  # fmt: skip
    mine = device_with_agent(device_group=DeviceGroup.objects.get(name="Elsewhere"))
    one, _ = two_copies(machine, taker, rita)
    here = mine[1].take_by_itself(SHA256, PATH, "")
    agent_told(agent_id=mine[1].agent.pk)
    api, wanted = caller(eve), {"action": "file.restore", "target": {"kind": "file", "id": str(one.file_id)}}
    said = [api.post("/actions", {**wanted, "arguments": {"copy": number}, "comment": "Ours"})
            for number in (str(one.pk), "999999", "x")]  # fmt: skip
    assert {(answer.status, answer.body["error"]["message"]) for answer in said} == {
        (422, f"{file_of(one)} has no copy of this number in quarantine.")
    }
    own = QuarantinedItem.objects.get(item=here, device=mine[0])
    made = api.post("/actions", {**wanted, "arguments": {"copy": str(own.pk)}, "comment": "Ours"})
    assert made.status == 201, made.body


@pytest.mark.parametrize("by_undo", [True, False])
def test_copies_that_a_run_took_come_back_one_by_one(machine: Machine, ada: User, rita: User, by_undo: bool) -> None:
    paths = [PATH, "/home/lab/second", "/home/lab/third"]
    file = FileFactory.create(sha256=SHA256, path=PATH)
    saw(file, machine[0])
    machine[1].files[SHA256] = list(paths)
    taken = settled(approve(rita, ask(ada, "file.quarantine", file)), machine[1])
    rows = {row.path: row for row in QuarantinedItem.objects.held()}
    assert set(rows) == set(paths)
    for path in paths[:2]:
        back = settled(approve(rita, ask(ada, "file.restore", file, copy=str(rows[path].pk))), machine[1])
        assert (back.status, taken_back(taken).is_claimed) == ("succeeded", False)
    undone = undo_run(taken, actor=ada.actor, user=ada, comment="All") if by_undo else ask(ada, "file.restore", file)
    rest = settled(approve(rita, undone), machine[1])
    assert (rest.status, machine[1].files[SHA256], taken_back(taken).is_claimed) == ("succeeded", paths, True)


@pytest.mark.parametrize("list_is_late", [True, False])
def test_what_came_back_copy_by_copy_contains_no_longer(
    machine: Machine, ada: User, rita: User, list_is_late: bool
) -> None:  # fmt: skip
    file, incident = FileFactory.create(sha256=SHA256, path=PATH), incident_naming(machine[0])
    saw(file, machine[0])
    machine[1].files[SHA256] = [PATH, "/home/lab/second"]
    settled(approve(rita, ask(ada, "file.quarantine", file, incident=incident)), machine[1])
    first, last = QuarantinedItem.objects.held().order_by("pk")
    back = settled(approve(rita, ask(ada, "file.restore", file, copy=str(first.pk))), machine[1])
    incident.refresh_from_db()
    assert incident.contained_at is not None
    if list_is_late:
        QuarantinedItem.objects.filter(pk=first.pk).update(released=None, released_by=None)
    rest = ask(ada, "file.restore", file, copy=str(last.pk))
    assert (rest.children.get().undoes is None) == list_is_late
    for child in back.children.all():
        run_ended(child.pk, child.status)
    settled(approve(rita, rest), machine[1])
    told = Incident.objects.get(pk=incident.pk)
    assert (told.contained_at, QuarantinedItem.objects.held().exists()) == (None, False)


def test_a_quarantine_whose_copies_a_later_one_answered_for_contains_no_longer(
    machine: Machine, ada: User, rita: User
) -> None:  # fmt: skip
    file, incident = FileFactory.create(sha256=SHA256, path=PATH), incident_naming(machine[0])
    saw(file, machine[0])
    for path in (PATH, "/home/lab/second"):
        machine[1].files[SHA256] = [path]
        run = settled(approve(rita, ask(ada, "file.quarantine", file, incident=incident)), machine[1])
    QuarantinedItem.objects.held().update(run=run.children.get())
    for copy in QuarantinedItem.objects.held().order_by("pk"):
        incident.refresh_from_db()
        assert incident.contained_at is not None
        settled(approve(rita, ask(ada, "file.restore", file, copy=str(copy.pk))), machine[1])
    incident.refresh_from_db()
    assert (incident.contained_at, QuarantinedItem.objects.held().exists()) == (None, False)


def test_all_that_was_taken_comes_back_whoever_took_it(
    machine: Machine, taker: Indicator, ada: User, rita: User
) -> None:  # fmt: skip
    ordered = device_with_agent()
    file = file_of(take(machine, taker))
    remove_indicator(taker, reason="Harmless", actor=rita.actor, user=rita)
    saw(file, ordered[0])
    ordered[1].files[SHA256] = [PATH]
    taken = settled(approve(rita, ask(ada, "file.quarantine", file)), ordered[1])
    assert QuarantinedItem.objects.held().count() == 2
    run = approve(rita, ask(ada, "file.restore", file))
    settled(run, ordered[1])
    back = settled(run, machine[1])
    assert (back.status, machine[1].files[SHA256], ordered[1].files[SHA256]) == ("succeeded", [PATH], [PATH])
    assert taken_back(taken).is_claimed
    assert not QuarantinedItem.objects.held().exists()


def test_the_last_copy_of_a_run_takes_the_run_back(machine: Machine, ada: User, rita: User) -> None:
    file = FileFactory.create(sha256=SHA256, path=PATH)
    saw(file, machine[0])
    machine[1].files[SHA256] = [PATH]
    taken = settled(approve(rita, ask(ada, "file.quarantine", file)), machine[1])
    item = QuarantinedItem.objects.held().get()
    back = settled(approve(rita, ask(ada, "file.restore", file, copy=str(item.pk))), machine[1])
    assert (back.status, taken_back(taken).is_claimed) == ("succeeded", True)


def test_while_the_indicator_is_in_force_it_is_refused(machine: Machine, taker: Indicator, ada: User) -> None:
    item = take(machine, taker)
    with pytest.raises(Refused, match=f"{taker.number} takes it away there again: remove that first"):
        ask(ada, "file.restore", file_of(item))


def test_the_page_of_the_file_offers_it(
    client: Client, signed_in: SignedIn, machine: Machine, taker: Indicator, ada: User
) -> None:
    item = take(machine, taker)
    page = signed_in(client, ada).get(f"/files/{item.file_id}/").content.decode()
    assert "file.restore/" in page


def test_what_is_given_back_on_the_host_leaves_the_list(machine: Machine, taker: Indicator) -> None:
    item = take(machine, taker)
    machine[1].store.clear()
    machine[1].tell()
    agent_told(agent_id=machine[1].agent.pk)
    item.refresh_from_db()
    assert (item.released is not None, item.released_by) == (True, None)
    assert Custody.objects.get(reference=f"quarantined:{item.pk}").gone is not None


def test_an_older_agent_that_tells_of_none_changes_nothing(machine: Machine, taker: Indicator) -> None:
    item = take(machine, taker)
    told(machine, None)
    item.refresh_from_db()
    assert item.released is None


def told(machine: Machine, items: Any) -> None:
    files = {"files": {"value": "watched", "evidence": {"files": {}, **({} if items is None else {"items": items})}}}
    Agent.objects.filter(pk=machine[1].agent.pk).update(status={"observed": files})
    agent_told(agent_id=machine[1].agent.pk)


GOOD = {"item": "ab" * 12, "path": "/x", "sha256": "cd" * 32}
HOSTILE = {
    "no-list": "x", "no-thing": [1, None, "x"], "no-item": [{**GOOD, "item": "../../etc"}],
    "no-digest": [{**GOOD, "sha256": "x"}], "no-path": [{**GOOD, "path": "x"}], "types": [{**GOOD, "path": 5}],
}  # fmt: skip


@pytest.mark.parametrize("items", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_cannot_be_is_not_kept(machine: Machine, items: Any) -> None:
    told(machine, items)
    assert not QuarantinedItem.objects.exists()


def test_odd_sizes_and_times_are_kept_as_unknown(machine: Machine) -> None:
    told(machine, [{**GOOD, "size": -1, "stored": 1e300, "indicator": {"a": 1}}])
    item = QuarantinedItem.objects.get()
    assert (item.size, item.indicator, item.since.year < 2100) == (None, None, True)


def test_a_device_that_tells_of_ever_new_ones_is_bounded(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_quarantine, "MOST_OF_ONE", 5)
    for place in range(0, 9, 3):
        told(machine, [{**GOOD, "item": f"{number:024x}"} for number in range(place, place + 3)])
    assert QuarantinedItem.objects.count() == 5


def test_who_does_not_see_the_device_does_not_see_it(machine: Machine, taker: Indicator, eve: User) -> None:
    take(machine, taker)
    assert not QuarantinedItem.objects.visible_to(eve).exists()


def test_a_device_does_not_name_an_indicator_of_other_groups(machine: Machine, taker: Indicator) -> None:
    Indicator.objects.filter(pk=taker.pk).update(device_group_ids=[machine[0].device_group_id + 1])
    assert take(machine, taker).indicator is None


def test_of_very_many_copies_so_many_come_back_as_a_device_gives_back_at_once(
    machine: Machine, taker: Indicator, ada: User, rita: User
) -> None:
    file = file_of(take(machine, taker))
    rows = [
        QuarantinedItem(device=machine[0], file=file, item=f"{number + 999:024x}", path="/x") for number in range(300)
    ]
    QuarantinedItem.objects.bulk_create(rows)
    remove_indicator(taker, reason="Harmless", actor=rita.actor, user=rita)
    items = ask(ada, "file.restore", file).children.get().arguments["items"]
    assert len(items) == 200
    earlier = {"token": {"items": [f"{number:08x}" for number in range(90)]}}
    delivery = Delivery(action="file.restore", arguments={"file_key": file.key, "items": items}, reverses=earlier)
    assert len(wishes._restore(delivery).arguments["items"]) == 200


def test_who_decides_on_one_copy_reads_where_it_lies(
    client: Client, signed_in: SignedIn, machine: Machine, taker: Indicator, ada: User, rita: User
) -> None:
    one, _ = two_copies(machine, taker, rita)
    run = ask(ada, "file.restore", file_of(one), copy=str(one.pk))
    dialog = signed_in(client, rita).get(f"/actions/{run.pk}/approve/").content.decode()
    where = f"<dt>Which copy</dt><dd><bdi>{machine[0]}: {one.path}</bdi></dd>"
    assert where in dialog
    assert f"1 device ({machine[0]}), 1 known copy." in dialog
    assert where in client.get(f"/actions/{run.pk}/").content.decode()
    assert where in client.get(f"/actions/{run.pk}/reject/").content.decode()
