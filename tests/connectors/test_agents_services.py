"""How machines join, are decided on, are heard and fall silent; what is kept of what they tell."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from accounts.models import DeviceGroup, User
from connectors.enums import AgentState, OrderKind, OrderState
from connectors.models import Agent, AgentOrder, WantedState
from connectors.services.after_restore import hold_agent_orders
from connectors.services.agents.decide import believe_after_clone, decide_agent, insist_after_restore
from connectors.services.agents.enrol import EnrolmentRefused, enrol
from connectors.services.agents.heartbeat import alarm_of_clone, anything_for, take_results, take_status, work_for
from connectors.services.agents.orders import give_order
from connectors.services.agents.policy import set_policy
from connectors.services.agents.silence import tell_of_silence
from connectors.services.agents.tokens import make_token, withdraw_token
from core import clock, erasure
from core.lifecycle import IllegalMove
from core.models import AuditEvent, OutboxEvent
from incidents.models import Alert, Device
from incidents.services.agents import agent_changed, agent_silent
from notifications.models import Message
from notifications.services import agent_news
from tests.connectors.agent_orders import ready_command
from tests.factories.agents import INVENTORY, SETTER, Machine, give_authority, give_keys, joined, plain_agent, token
from tests.factories.remediation import incident_naming

pytestmark = pytest.mark.django_db
NO_KEYS = 10**9


@pytest.fixture(autouse=True)
def keys(settings: Any, tmp_path: Path) -> None:
    give_keys(settings, tmp_path)


def hear(agent: Agent, told: dict[str, Any], inventory: dict[str, Any] | None = None) -> None:
    take_status(agent.pk, told=told, inventory=inventory, actor=SETTER)


def verbs(agent: Agent) -> list[str]:
    return list(AuditEvent.objects.filter(subject=agent.thread).order_by("id").values_list("verb", flat=True))


# ---- joining ----


def test_a_token_is_for_one_machine(adam: User) -> None:
    _, secret = token()
    first = Machine()
    agent = first.joins(secret)
    assert (agent.state, agent.name, agent.device_id) == ("pending", "web-1", first.device_id)
    assert first.joins(secret).pk == agent.pk  # a lost answer costs nothing
    with pytest.raises(EnrolmentRefused, match="used already"):
        Machine().joins(secret)
    assert Agent.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"expires": clock.real_now() - timedelta(seconds=1)}, "expired"),
        ({"withdrawn_at": clock.real_now()}, "not known, or it was withdrawn"),
    ],
)
def test_a_token_that_ended_lets_nobody_in(fields: dict[str, Any], words: str) -> None:
    _, secret = token(**fields)
    with pytest.raises(EnrolmentRefused, match=words):
        Machine().joins(secret)


@pytest.mark.parametrize("wrong", ["other secret", "other key", "no proof", "no key"])
def test_a_key_has_to_be_proved(wrong: str) -> None:
    _, secret = token()
    mine, other = Machine(), Machine()
    proof = {"other secret": mine.proof("x"), "other key": other.proof(secret), "no proof": "####", "no key": ""}[wrong]
    key = "####" if wrong == "no key" else mine.public
    with pytest.raises(EnrolmentRefused, match="did not prove"):
        enrol(secret=secret, public_key=key, proof=proof, inventory={})
    assert not Agent.objects.exists()


def test_a_machine_that_has_joined_needs_no_second_token() -> None:
    machine = Machine()
    machine.joins(token()[1])
    second, secret = token()
    with pytest.raises(EnrolmentRefused, match="has joined already"):
        machine.joins(secret)
    second.refresh_from_db()
    assert second.used_at is None


def test_whoever_makes_a_token_that_approves_decides_beforehand(adam: User) -> None:
    give_authority()
    group = DeviceGroup.objects.get(is_default=True)
    made = make_token(name="Web", group=group, life=timedelta(hours=1), actor=adam.actor, approve_at_once=True)
    assert made.text.startswith("soce_")
    assert made.text in made.command
    agent = Machine().joins(made.text.partition(".")[0])
    assert agent.state == AgentState.APPROVED
    assert (agent.decided_by or {})["person_id"] == adam.pk
    assert made.text not in str(list(AuditEvent.objects.values_list("data", flat=True)))


def test_withdrawing_leaves_who_has_joined(adam: User) -> None:
    kept, secret = token()
    agent = Machine().joins(secret)
    withdraw_token(kept, actor=adam.actor)
    agent.refresh_from_db()
    assert agent.state == AgentState.PENDING


# ---- deciding ----


def test_an_approved_machine_becomes_a_device_of_its_group() -> None:
    agent = joined()
    agent_changed(agent_id=agent.pk)
    device = Device.objects.get()
    assert (device.display_name.lower().startswith("web-1"), device.os_version) == (True, "12")
    assert device.ip_addresses == ["192.0.2.11"]
    assert device.device_group_id == agent.device_group_id


def test_two_machines_of_one_name_are_two_devices() -> None:
    agents = [joined(), joined()]
    for agent in agents:
        agent_changed(agent_id=agent.pk)
        agent_changed(agent_id=agent.pk)
    bound = {one: Device.objects.get(bindings__remote_id=one.device_id).pk for one in agents}
    assert len(set(bound.values())) == Device.objects.count() == 2


@pytest.mark.parametrize(("left", "same"), [(AgentState.OFFBOARDED, True), (AgentState.REVOKED, False)])
def test_a_machine_that_left_and_joins_anew_is_the_device_it_was(left: AgentState, same: bool) -> None:
    before, after = joined(), joined()
    agent_changed(agent_id=before.pk)
    device = Device.objects.get(bindings__remote_id=before.device_id)
    decide_agent(before, to=left, actor=SETTER, reason="Moved")
    agent_changed(agent_id=before.pk)
    agent_changed(agent_id=after.pk)
    assert (Device.objects.get(bindings__remote_id=after.device_id) == device) is same
    assert device.bindings.count() == 1


def test_what_waits_for_a_revoked_agent_ends() -> None:
    agent = joined()
    waiting = ready_command(agent)
    decide_agent(agent, to=AgentState.REVOKED, actor=SETTER, reason="Stolen")
    waiting.refresh_from_db()
    assert (waiting.state, waiting.error_code) == (OrderState.FAILED, "agent_gone")
    with pytest.raises(IllegalMove):
        decide_agent(agent, to=AgentState.REJECTED, actor=SETTER, reason="?")


# ---- hearing ----


DEEP: dict[str, Any] = {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": 1}}}}}}}}
HOSTILE: list[Any] = ["<script>alert(1)</script>", DEEP, "x" * 9_999,
                      "\x00\ud800", float("inf"), float("nan"), 10**40, [1] * 99_999, None, True, -1]  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: type(value).__name__)
def test_whatever_a_device_tells_is_bounded_and_breaks_nothing(value: Any) -> None:
    agent = joined()
    names = ("version", "generation", "observed", "keys_version", "capabilities", "journal_depth", "health", "boot")
    inventory = {**dict.fromkeys(INVENTORY, value), "more": value}
    hear(agent, dict.fromkeys(names, value), inventory)
    hear(agent, {"observed": {"network": value}, "health": {"clock": value}}, {"system": {"host_name": value}})
    agent.refresh_from_db()
    assert "more" not in agent.inventory
    assert len(str(agent.status)) < 200_000
    assert len(agent.name) <= 255


def test_results_are_taken_of_the_device_s_own_orders_alone() -> None:
    mine, hostile = joined(), joined()
    order = ready_command(mine)
    told = [{"id": order.key, "state": "succeeded", "result": {}}, "x", {"id": 3}, {"id": "unknown"}]
    assert take_results(hostile.pk, told) == [order.key, "unknown"]
    order.refresh_from_db()
    assert order.state == OrderState.READY


def test_a_result_that_came_is_not_replaced_by_another() -> None:
    agent = joined()
    order = ready_command(agent)
    for state in ("succeeded", "failed"):
        take_results(agent.pk, [{"id": order.key, "state": state, "result": {}}])
    order.refresh_from_db()
    assert order.state == OrderState.SUCCEEDED


def test_an_order_that_the_device_has_no_room_for_says_so_until_it_has() -> None:
    agent = joined()
    order = ready_command(agent)
    waiting = [{"id": order.key, "code": "no_room", "detail": "The journal of this agent takes nothing: full"}]
    work_for(agent.pk, generation=0, keys_version=NO_KEYS)
    hear(agent, {"generation": 0, "waiting": waiting})
    order.refresh_from_db()
    assert (order.state, order.error_code, order.error) == (OrderState.HANDED, "no_room", waiting[0]["detail"])
    hear(agent, {"generation": 0, "waiting": []})
    order.refresh_from_db()
    assert (order.error_code, order.error) == ("", "")
    take_results(agent.pk, [{"id": order.key, "state": "succeeded", "result": {}}])
    order.refresh_from_db()
    assert order.state == OrderState.SUCCEEDED


def test_an_order_that_there_never_was_room_for_was_not_begun() -> None:
    agent, other = joined(), joined()
    order = ready_command(agent)
    waiting = [{"id": order.key, "code": "no_room", "detail": "full"}, "no row", {"id": 7}]
    work_for(agent.pk, generation=0, keys_version=NO_KEYS)
    hear(other, {"generation": 0, "waiting": waiting})
    order.refresh_from_db()
    assert order.error_code == ""
    hear(agent, {"generation": 0, "waiting": waiting})
    AgentOrder.objects.filter(pk=order.pk).update(
        expires=clock.real_now(), handed_at=clock.real_now() - timedelta(hours=1)
    )
    work_for(agent.pk, generation=0, keys_version=NO_KEYS)
    order.refresh_from_db()
    assert (order.state, order.error_code) == (OrderState.EXPIRED, "no_room")


def test_a_wanted_state_is_reached_when_the_device_says_so_and_not_before() -> None:
    agent = joined()
    order = give_order(
        agent, key="s", reference="test:1", expires=clock.real_now() + timedelta(hours=1), kind=OrderKind.STATE,
        facet="network", action="device.isolate",
    )  # fmt: skip
    AgentOrder.objects.filter(pk=order.pk).update(state=OrderState.READY, generation=4)
    WantedState.objects.create(agent=agent, generation=4)
    for generation, reached in ((3, True), (4, False)):
        hear(agent, {"generation": generation, "observed": {"network": {"reached": reached}}})
        order.refresh_from_db()
        assert order.ended_at is None
    hear(agent, {"generation": 4, "observed": {"network": {"value": "isolated", "reached": True}}})
    order.refresh_from_db()
    assert order.state == OrderState.SUCCEEDED


# ---- alarms ----


def test_the_alarm_of_a_clone_is_told_once_and_cleared_by_a_person(adam: User) -> None:
    agent = joined()
    for _ in range(2):
        alarm_of_clone(agent.pk, told=3, known=90, actor=SETTER)
        agent_news.agent_changed(agent_id=agent.pk)
    assert Message.objects.filter(topic="agent.cloned").count() == 1
    agent.refresh_from_db()
    believe_after_clone(agent, actor=adam.actor, reason="The copy is off")
    believe_after_clone(agent, actor=adam.actor, reason="The copy is off")
    agent.refresh_from_db()
    assert agent.cloned_at is None
    assert [verb for verb in verbs(agent) if "clone" in verb] == ["agent.cloned", "agent.clone_cleared"]


def test_a_device_that_obeys_a_newer_state_is_asked_nothing_until_a_person_insists(adam: User) -> None:
    agent = joined()
    WantedState.objects.create(agent=agent, generation=5, envelope={"payload": "x"})
    hear(agent, {"generation": 9})
    agent.refresh_from_db()
    assert Agent.objects.filter(ahead=True).exists()
    agent_news.agent_changed(agent_id=agent.pk)
    assert Message.objects.filter(topic="agent.ahead").exists()
    assert work_for(agent.pk, generation=9, keys_version=NO_KEYS).desired is None
    insist_after_restore(agent, actor=adam.actor, reason="The portal is right")
    agent.refresh_from_db()
    assert not agent.ahead
    assert verbs(agent)[-2:] == ["agent.ahead", "agent.ahead_cleared"]


def test_silence_is_told_once_and_is_an_alert_where_an_incident_is_open() -> None:
    quiet, watched = joined(), joined()
    for agent in (quiet, watched):
        agent_changed(agent_id=agent.pk)
    device = Device.objects.get(bindings__remote_id=watched.device_id)
    incident_naming(device)
    before = Alert.objects.count()
    Agent.objects.update(seen_at=clock.real_now() - timedelta(hours=1))
    assert (tell_of_silence(actor=SETTER), tell_of_silence(actor=SETTER)) == (2, 0)
    for agent in (quiet, watched):
        for _ in range(2):
            agent_silent(agent_id=agent.pk)
            agent_news.agent_silent(agent_id=agent.pk)
    told = list(Alert.objects.order_by("pk")[before:].values_list("provider_alert_id", "title"))
    assert [(one.partition("-silent-")[0], "fell silent" in title) for one, title in told] == [
        (f"agent-{watched.pk}", True)
    ]
    assert Message.objects.filter(topic="agent.silent").count() == 2
    hear(quiet, {"version": "1"})
    quiet.refresh_from_db()
    assert quiet.silent_since is None


# ---- after a restore, retention, erasure ----


def test_after_a_restore_nothing_is_sent_twice_and_agents_stay() -> None:
    agent, obeying = joined(), joined()
    waiting = ready_command(agent)
    WantedState.objects.create(agent=agent, generation=7, envelope={"payload": "isolate"})
    WantedState.objects.create(agent=obeying, generation=3, envelope={"payload": "x"})
    Agent.objects.filter(pk=obeying.pk).update(generation=3)
    held = hold_agent_orders(actor=SETTER, reason="Restored.")
    assert held == AgentOrder.objects.filter(error_code="restored", state=OrderState.UNKNOWN).count() > 0
    waiting.refresh_from_db()
    assert waiting.state == OrderState.UNKNOWN
    work = work_for(agent.pk, generation=6, keys_version=NO_KEYS)
    assert (work.commands, work.desired) == ([], None)
    assert not anything_for(agent.pk, generation=6, keys_version=NO_KEYS, digest="")
    ahead = dict(Agent.objects.values_list("pk", "ahead"))
    assert ahead == {agent.pk: True, obeying.pk: False}
    insist_after_restore(agent, actor=SETTER, reason="The wish stands")
    assert work_for(agent.pk, generation=6, keys_version=NO_KEYS).desired == {"payload": "isolate"}
    assert Agent.objects.in_service().count() == 2


def test_what_devices_told_of_somebody_is_forgotten() -> None:
    agent = plain_agent(token()[0].device_group)
    person = erasure.Person("identity", 1, ("m.okafor",))
    counts = erasure.forget(person, actor=SETTER, reason="Asked for")
    agent.refresh_from_db()
    assert counts["inventories of endpoint agents"] == 1
    assert "m.okafor" not in str(agent.inventory)
    assert agent.inventory["system"] == INVENTORY["system"]


def test_a_policy_is_kept_within_bounds_and_told() -> None:
    group = token()[0].device_group
    policy = set_policy(group, stays_cut=True, opens_after_s=3_600, actor=SETTER)
    assert (policy.stays_cut, policy.opens_after_s) == (True, 3_600)
    assert AuditEvent.objects.filter(verb="agent_policy.changed").count() == 1
    with pytest.raises(Exception, match="five minutes to thirty days"):
        set_policy(group, stays_cut=False, opens_after_s=10, actor=SETTER)


def test_who_waits_is_told_to_administrators_once() -> None:
    agent = joined(approved=False)
    assert OutboxEvent.objects.filter(topic="agent.changed", payload__agent_id=agent.pk).exists()
    for _ in range(2):
        agent_news.agent_changed(agent_id=agent.pk)
    assert Message.objects.filter(topic="agent.waits").count() == 1


def test_what_was_begun_in_its_time_has_the_time_that_it_may_take() -> None:
    agent = joined()
    order = ready_command(agent)
    work_for(agent.pk, generation=0, keys_version=NO_KEYS)
    rows = AgentOrder.objects.filter(pk=order.pk)
    long_ago = clock.real_now() - timedelta(hours=1)
    rows.update(expires=clock.real_now() - timedelta(seconds=30), run_s=600, handed_at=long_ago)
    work_for(agent.pk, generation=0, keys_version=NO_KEYS)
    order.refresh_from_db()
    assert order.state == OrderState.HANDED
    rows.update(expires=clock.real_now() - timedelta(seconds=700), handed_at=long_ago)
    work_for(agent.pk, generation=0, keys_version=NO_KEYS)
    order.refresh_from_db()
    assert (order.state, order.error_code) == (OrderState.UNKNOWN, "expired")
