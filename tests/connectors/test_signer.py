"""The signer believes what it signed before and who vouches for an order, and no row of a table."""

import base64
import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.exceptions import ValidationError

from connectors.enums import AgentState, OrderKind, OrderState
from connectors.models import Agent, AgentOrder, Connection, SignedList, WantedState
from connectors.services.agents.heartbeat import work_for
from connectors.services.agents.orders import give_order
from connectors.services.agents.release import code_of, make_release_code
from connectors.signing import vouching
from connectors.signing.envelope import COMMAND, DESIRED, INDICATOR_LIST, RELEASE, digest_of, seal
from connectors.signing.keys import NoKeys, SignerFolder, signing_key
from connectors.signing.sign import sign_waiting
from connectors.signing.vouching import NotVouched, Wish
from core import clock
from tests.factories.agents import SETTER, Machine, give_keys, inside, joined

pytestmark = pytest.mark.django_db
ISOLATED = {"isolated": True, "type": "full", "exclusions": [], "expires_s": 3_600}
RELEASED = {"isolated": False}
TOMORROW = clock.real_now() + timedelta(days=1)


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> SignerFolder:
    return give_keys(settings, tmp_path)


@pytest.fixture
def ends() -> dict[str, datetime | None]:
    """Key of an order -> how long the room that gave it says it is good for; tomorrow for all others."""
    return {}


@pytest.fixture
def wishes(monkeypatch: pytest.MonkeyPatch, ends: dict[str, datetime | None]) -> dict[str, Wish]:
    """Key of an order -> what the room that gave it says it wanted; an order that is not here is not vouched for."""
    found: dict[str, Wish] = {}

    def vouch(order: AgentOrder) -> Wish:
        if order.key not in found:
            raise NotVouched("no_delivery", "Nothing stands behind it.")
        return replace(found[order.key], expires=ends.get(order.key, TOMORROW))

    monkeypatch.setitem(vouching._vouchers, "test", vouch)
    return found


@pytest.fixture
def agent(folder: SignerFolder, wishes: dict[str, Wish]) -> Agent:
    return joined(Machine())


def give(agent: Agent | None, key: str = "k", **fields: Any) -> AgentOrder:
    expires = clock.real_now() + timedelta(hours=1)
    return give_order(agent, key=key, reference="test:1", **{"expires": expires, "action": "a", **fields})


def want(wishes: dict[str, Wish], agent: Agent, key: str, value: dict[str, Any], facet: str = "network") -> AgentOrder:
    """An order about the wanted state, with somebody who vouches for it."""
    wishes[key] = Wish(agent.device_id, "device.isolate", facet=facet, value=value)
    return give(agent, key, kind=OrderKind.STATE, facet=facet, value=value)


def signed(order: AgentOrder) -> AgentOrder:
    sign_waiting()
    order.refresh_from_db()
    return order


def test_a_command_is_made_of_what_its_giver_says_not_of_its_row(agent: Agent, wishes: dict[str, Wish]) -> None:
    order = give(agent, action="device.offboard", arguments={"paths": ["/etc"]}, effect="once")
    wishes["k"] = Wish(agent.device_id, "device.antivirus_scan", {"scan_type": "quick"}, "collect")
    told = inside(signed(order).envelope, COMMAND)
    assert (told["id"], told["device"], told["action"], told["effect"]) == (
        "k", agent.device_id, "device.antivirus_scan", "collect",
    )  # fmt: skip
    assert told["arguments"] == {"scan_type": "quick"}
    assert (told["expires"], told["run_s"]) == (TOMORROW.timestamp(), 3_600)


@pytest.mark.parametrize("by", [timedelta(days=300), timedelta(days=-300)], ids=["prolonged", "shortened"])
def test_nobody_moves_the_times_of_a_command_by_its_row(agent: Agent, wishes: dict[str, Wish], by: timedelta) -> None:
    order = give(agent)
    wishes["k"] = Wish(agent.device_id, "a", run_s=90)
    AgentOrder.objects.filter(pk=order.pk).update(
        expires=clock.real_now() + by, run_s=600_000, created=clock.real_now() + by, signed_at=clock.real_now() + by
    )
    told = inside(signed(order).envelope, COMMAND)
    assert (told["expires"], told["run_s"]) == (TOMORROW.timestamp(), 90)
    assert abs(told["not_before"] - clock.real_now().timestamp()) < 600
    assert (order.expires, order.run_s) == (TOMORROW, 90)


@pytest.mark.parametrize(("after", "code"), [(timedelta(seconds=-1), "expired"), (None, "no_end")])
def test_what_is_over_for_its_giver_is_not_signed(
    agent: Agent, wishes: dict[str, Wish], ends: dict[str, datetime | None], after: timedelta | None, code: str
) -> None:
    order = give(agent)
    wishes["k"], ends["k"] = Wish(agent.device_id, "a"), None if after is None else clock.real_now() + after
    assert signed(order).error_code == code
    assert (order.envelope, order.signed_at) == ({}, None)


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"reference": "delivery:77"}, "no_delivery"),
        ({"reference": "nobody:1"}, "nobody_vouches"),
        ({"reference": ""}, "nobody_vouches"),
        ({"key": "other"}, "no_delivery"),
    ],
)
def test_a_row_that_somebody_wrote_is_not_signed(
    agent: Agent, wishes: dict[str, Wish], columns: dict[str, Any], code: str
) -> None:
    order = give(agent)
    wishes["k"] = Wish(agent.device_id, "a")
    AgentOrder.objects.filter(pk=order.pk).update(**columns)
    signed(order)
    assert (order.error_code, order.envelope, order.signed_at) == (code, {}, None)
    assert order.state == OrderState.FAILED


def test_an_order_turned_to_another_device_is_not_signed(agent: Agent, wishes: dict[str, Wish]) -> None:
    order = give(agent)
    wishes["k"] = Wish(agent.device_id, "a")
    AgentOrder.objects.filter(pk=order.pk).update(agent=joined(Machine()))
    assert signed(order).error_code == "another_device"


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"state": AgentState.REVOKED}, "not_approved"),
        ({"state": AgentState.PENDING}, "not_approved"),
        ({"cloned_at": clock.real_now()}, "cloned"),
    ],
)
def test_nothing_is_signed_for_a_device_that_is_not_trusted(
    agent: Agent, wishes: dict[str, Wish], columns: dict[str, Any], code: str
) -> None:
    order = give(agent)
    wishes["k"] = Wish(agent.device_id, "a")
    Agent.objects.filter(pk=agent.pk).update(**columns)
    assert signed(order).error_code == code


def test_an_order_is_signed_once(agent: Agent, wishes: dict[str, Wish]) -> None:
    order = give(agent)
    wishes["k"] = Wish(agent.device_id, "a")
    envelope = signed(order).envelope
    assert give(agent).pk == order.pk
    assert signed(order).envelope == envelope


def test_a_process_without_the_key_signs_nothing(agent: Agent, folder: SignerFolder) -> None:
    folder.signing.unlink()
    give(agent)
    with pytest.raises(NoKeys):
        sign_waiting()


# ---- wanted state ----


def test_the_newest_of_two_instructions_that_race_wins(agent: Agent, wishes: dict[str, Wish]) -> None:
    first, second = want(wishes, agent, "1", ISOLATED), want(wishes, agent, "2", RELEASED)
    signed(second)
    first.refresh_from_db()
    assert (first.state, first.error_code) == (OrderState.CANCELLED, "overtaken")
    told = inside(WantedState.objects.get().envelope, DESIRED)
    assert (told["facets"]["network"], told["generation"]) == (RELEASED, second.generation)
    assert first.generation is not None
    assert second.generation == first.generation + 1


def test_parts_of_the_wanted_state_stand_beside_each_other(agent: Agent, wishes: dict[str, Wish]) -> None:
    signed(want(wishes, agent, "1", ISOLATED))
    order = signed(want(wishes, agent, "2", {"mode": "audit"}, facet="execution"))
    facets = inside(WantedState.objects.get().envelope, DESIRED)["facets"]
    assert facets == {"network": ISOLATED, "execution": {"mode": "audit"}}
    assert order.state == OrderState.READY


def test_a_facet_that_somebody_wrote_into_the_row_is_not_carried_along(agent: Agent, wishes: dict[str, Wish]) -> None:
    signed(want(wishes, agent, "1", ISOLATED))
    WantedState.objects.update(facets={"network": RELEASED})
    signed(want(wishes, agent, "2", {"mode": "audit"}, facet="execution"))
    assert inside(WantedState.objects.get().envelope, DESIRED)["facets"]["network"] == ISOLATED


@pytest.mark.parametrize("whose", ["nobody's", "another device's"])
def test_a_kept_state_that_was_not_signed_for_this_device_ends_the_order(
    agent: Agent, wishes: dict[str, Wish], folder: SignerFolder, whose: str
) -> None:
    signed(want(wishes, agent, "1", ISOLATED))
    key = Ed25519PrivateKey.generate() if whose == "nobody's" else signing_key(folder)
    device = agent.device_id if whose == "nobody's" else "0" * 64
    forged = seal(DESIRED, {"device": device, "generation": 9, "facets": {"network": RELEASED}}, key)
    WantedState.objects.update(envelope=forged)
    assert signed(want(wishes, agent, "2", {"mode": "audit"}, facet="execution")).error_code == "state_changed"


def test_a_new_state_is_above_what_the_device_obeys(agent: Agent, wishes: dict[str, Wish]) -> None:
    Agent.objects.filter(pk=agent.pk).update(generation=41)
    assert signed(want(wishes, agent, "1", ISOLATED)).generation == 42


def test_nothing_is_wanted_of_a_device_that_disagrees_since_a_restore(agent: Agent, wishes: dict[str, Wish]) -> None:
    signed(want(wishes, agent, "1", ISOLATED))
    Agent.objects.filter(pk=agent.pk).update(ahead=True)
    assert signed(want(wishes, agent, "2", RELEASED)).error_code == "device_ahead"
    assert work_for(agent.pk, generation=0, keys_version=10**9).desired is None


# ---- the list of indicators ----


def entry(key: str, action: str = "block") -> dict[str, Any]:
    return {"key": key, "type": "ip", "value": "203.0.113.9", "action": action, "groups": [], "expires": None,
            "title": "", "digest": "d"}  # fmt: skip


def change(wishes: dict[str, Wish], agent: Agent, key: str, **told: Any) -> AgentOrder:
    given = {"set": [], "remove": [], **told}
    wishes[key] = Wish("", "indicators.apply", given, connection_id=agent.connection_id)
    return signed(give(None, key, kind=OrderKind.INDICATORS, value={"connection_id": agent.connection_id}))


def test_nobody_turns_a_change_to_another_connection_s_list_by_its_row(agent: Agent, wishes: dict[str, Wish]) -> None:
    other = Connection.objects.create(name="Another", kind="endpoint_agent")
    wishes["1"] = Wish("", "indicators.apply", {"set": [entry("a")]}, connection_id=agent.connection_id)
    order = signed(give(None, "1", kind=OrderKind.INDICATORS, value={"connection_id": other.pk}))
    assert order.state == OrderState.SUCCEEDED
    assert SignedList.objects.get().connection_id == agent.connection_id


def test_a_change_of_nobody_s_list_is_not_signed(agent: Agent, wishes: dict[str, Wish]) -> None:
    wishes["1"] = Wish("", "indicators.apply", {"set": [entry("a")]})
    order = signed(give(None, "1", kind=OrderKind.INDICATORS, value={"connection_id": agent.connection_id}))
    assert (order.error_code, SignedList.objects.count()) == ("no_connection", 0)


def test_the_list_grows_shrinks_and_is_signed_each_time(agent: Agent, wishes: dict[str, Wish]) -> None:
    change(wishes, agent, "1", set=[entry("a"), entry("b")])
    order = change(wishes, agent, "2", set=[entry("b", "allow")], remove=["a"])
    kept = SignedList.objects.get()
    told = inside(kept.envelope, INDICATOR_LIST)
    assert (order.state, told["version"]) == (OrderState.SUCCEEDED, 2)
    assert [(one["key"], one["action"]) for one in told["entries"]] == [("b", "allow")]
    assert (kept.digest, order.result["digest"]) == (digest_of(kept.envelope), kept.digest)


def test_an_entry_that_somebody_wrote_into_the_list_is_not_signed(agent: Agent, wishes: dict[str, Wish]) -> None:
    change(wishes, agent, "1", set=[entry("a")])
    SignedList.objects.update(entries={"a": entry("a"), "evil": entry("evil", "allow")})
    change(wishes, agent, "2", set=[entry("b")])
    told = inside(SignedList.objects.get().envelope, INDICATOR_LIST)
    assert [one["key"] for one in told["entries"]] == ["a", "b"]


def test_a_list_that_was_not_signed_ends_the_order(agent: Agent, wishes: dict[str, Wish]) -> None:
    change(wishes, agent, "1", set=[entry("a")])
    forged = seal(INDICATOR_LIST, {"version": 9, "entries": []}, Ed25519PrivateKey.generate())
    SignedList.objects.update(envelope=forged)
    assert change(wishes, agent, "2", set=[entry("b")]).error_code == "list_changed"


# ---- release codes ----


def test_a_release_code_is_for_one_device_and_three_days(agent: Agent) -> None:
    order = make_release_code(agent, actor=SETTER, reason="It hears nothing")
    assert code_of(order) == ""
    told = inside(signed(order).envelope, RELEASE)
    assert (told["id"], told["device"], told["facet"]) == (order.key, agent.device_id, "network")
    assert 0 < told["expires"] - clock.real_now().timestamp() <= timedelta(days=3).total_seconds()
    word = code_of(order)
    assert json.loads(base64.urlsafe_b64decode(word + "=" * (-len(word) % 4))) == order.envelope
    assert work_for(agent.pk, generation=0, keys_version=10**9).commands == []
    AgentOrder.objects.filter(pk=order.pk).update(expires=clock.real_now())
    order.refresh_from_db()
    assert code_of(order) == ""


@pytest.mark.parametrize("state", [AgentState.REVOKED, AgentState.OFFBOARDED])
def test_also_a_device_that_left_can_be_let_go(agent: Agent, state: AgentState) -> None:
    Agent.objects.filter(pk=agent.pk).update(state=state, cloned_at=clock.real_now())
    agent.refresh_from_db()
    assert code_of(signed(make_release_code(agent, actor=SETTER, reason="Gone"))) != ""


def test_a_device_that_never_obeyed_needs_none(agent: Agent) -> None:
    agent.state = AgentState.PENDING
    with pytest.raises(ValidationError):
        make_release_code(agent, actor=SETTER, reason="Gone")


@pytest.mark.parametrize("what", ["device", "expires", "seal", "key", "agent", "all"])
def test_a_code_that_no_administrator_asked_for_is_not_signed(agent: Agent, what: str) -> None:
    order = make_release_code(agent, actor=SETTER, reason="It hears nothing")
    other = joined(Machine())
    told = order.value["told"]
    changed: dict[str, dict[str, Any]] = {
        "device": {"value": {**order.value, "told": {**told, "device": other.device_id}}, "agent": other},
        "expires": {"value": {**order.value, "told": {**told, "expires": told["expires"] + 10**8}}},
        "seal": {"value": {**order.value, "seal": "0" * 64}},
        "key": {"key": "release-other"},
        "agent": {"agent": other},
        "all": {"value": {}},
    }
    AgentOrder.objects.filter(pk=order.pk).update(**changed[what])
    assert signed(order).error_code == "seal_broken"
    assert code_of(order) == ""
