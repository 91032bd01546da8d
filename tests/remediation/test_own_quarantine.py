"""What a device took away by itself, because an indicator asks for it, is in the list and comes back by an ordinary
action that can be taken back."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from connectors.kinds.endpoint_agent import wishes
from connectors.models import Agent, Delivery
from incidents.models import Device, File
from remediation.enums import IndicatorAction, IndicatorType
from remediation.models import ActionRun, Custody, Indicator, QuarantinedItem
from remediation.refused import Refused
from remediation.services import own_quarantine
from remediation.services.carry_out import carry_out
from remediation.services.own_quarantine import agent_told
from remediation.services.quarantined import run_ended
from remediation.services.remove_indicator import remove_indicator
from remediation.services.set_indicator import create_indicator
from remediation.services.undo import undo_run
from tests.conftest import SignedIn
from tests.factories.api import caller
from tests.factories.remediation import approve, ask
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
