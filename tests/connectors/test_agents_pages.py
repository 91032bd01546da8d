"""Pages and API of endpoint agents: who sees and decides what, and that nothing a device tells is more than text."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import DeviceGroup, User
from connectors.agent_facts import facets_of
from connectors.enums import AgentState
from connectors.models import Agent, AgentOrder, AgentPolicy, EnrolmentToken, SignedList, WantedState
from connectors.services.agents.release import make_release_code
from connectors.signing.sign import sign_waiting
from core import clock
from incidents.models import Device
from incidents.services.agents import agent_changed
from tests.conftest import SignedIn
from tests.factories.agents import SETTER, give_authority, give_keys, joined, plain_agent, token
from tests.factories.api import caller

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
EVIL = "<script>alert('x')</script>"
LIST = "/admin/agents/"


@pytest.fixture(autouse=True)
def keys(settings: Any, tmp_path: Path) -> None:
    give_keys(settings, tmp_path)
    give_authority()


@pytest.fixture
def admin(client: Client, adam: User, signed_in: SignedIn) -> Client:
    """Adam, who has just signed in."""
    return signed_in(client, adam)


@pytest.fixture
def group(db: None) -> DeviceGroup:
    return DeviceGroup.objects.get(is_default=True)


def url(page: str, *args: Any) -> str:
    return reverse(f"connectors:{page}", args=args)


def test_the_list_is_filtered_sorted_and_exported(admin: Client, group: DeviceGroup) -> None:
    plain_agent(group, name="alpha", cloned_at=clock.real_now())
    plain_agent(group, name="beta", seen_at=None, silent_since=clock.real_now())
    late = plain_agent(group, name="gamma", generation=2)
    WantedState.objects.create(agent=late, generation=3, signed_at=clock.real_now() - timedelta(minutes=5))
    for query, names in (
        ("", ["alpha", "beta", "gamma"]), ("?q=alp", ["alpha"]), ("?health=silent", ["beta"]),
        ("?health=connected", ["alpha", "gamma"]), ("?trouble=drift", ["gamma"]), ("?trouble=clone", ["alpha"]),
        ("?state=revoked", []),
    ):  # fmt: skip
        text = admin.get(LIST + query).text
        assert [name for name in ("alpha", "beta", "gamma") if f">{name}<" in text] == names, query
    rows = admin.get(url("agents_csv") + "?trouble=clone").getvalue().decode().splitlines()
    assert (len(rows), rows[1].split(",")[0]) == (2, "alpha")


def test_what_was_only_just_signed_is_on_its_way_and_drifts_when_the_device_had_the_time(
    admin: Client, group: DeviceGroup
) -> None:
    """Of a new list of indicators the device is told with a state that it obeys before the list is there."""
    told = {"value": "applied", "reached": False, "detail": "The list is not here yet", "evidence": {"digest": "old"}}
    told_to = {"indicators": {"digest": "new", "groups": []}}
    for name, observed, generation in (("fetching", {"indicators": told}, 3), ("asked", {}, 2)):
        agent = plain_agent(group, name=name, generation=generation, status={"observed": observed})
        kept = WantedState.objects.create(agent=agent, generation=3, facets=told_to)
        facet = facets_of(agent)[-1]
        assert (facet.under_way, facet.drifts) == (True, False), name
        assert "On its way" in admin.get(url("agent", agent.pk)).text
        assert name not in admin.get(f"{LIST}?trouble=drift").text
        WantedState.objects.filter(pk=kept.pk).update(signed_at=clock.real_now() - timedelta(minutes=5))
        assert name in admin.get(f"{LIST}?trouble=drift").text
    fetching = Agent.objects.get(name="fetching")
    assert (facets_of(fetching)[-1].under_way, facets_of(fetching)[-1].drifts) == (False, True)
    refused = plain_agent(group, name="refused", generation=3, status={"observed": {"network": {"reached": False}}})
    WantedState.objects.create(agent=refused, generation=3)
    assert "refused" in admin.get(f"{LIST}?trouble=drift").text


def test_the_list_costs_the_same_however_long_it_is(admin: Client, group: DeviceGroup) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as found:
            assert admin.get(LIST, headers=HTMX).status_code == 200
        return len(found)

    plain_agent(group)
    admin.get(LIST, headers=HTMX)
    few = cost()
    for number in range(12):
        plain_agent(group, name=f"host-{number}")
    assert cost() == few


def test_nothing_that_a_device_tells_is_more_than_text(admin: Client, group: DeviceGroup) -> None:
    one = dict.fromkeys(("name", "version", "source", "uid", "home", "address", "port", "program", "mac"), EVIL)
    inventory: dict[str, Any] = {part: [one, EVIL, 3] for part in ("interfaces", "users", "packages", "listening")}
    inventory |= {"system": {"os": EVIL, "host_name": EVIL, "kernel": EVIL}, "unread": {EVIL: EVIL}}
    seen = {"value": EVIL, "detail": EVIL, "reached": False}
    status = {"observed": {"network": seen, "execution": EVIL}, "capabilities": {EVIL: EVIL},
              "health": {"helper": EVIL, "scanner": {EVIL: EVIL}}}  # fmt: skip
    agent = plain_agent(group, name=EVIL, version=EVIL, inventory=inventory, status=status, tags=[EVIL])
    AgentOrder.objects.create(
        agent=agent, key="k", reference=EVIL, action=EVIL, expires=clock.real_now(), error=EVIL,
        progress=[{"seq": 1, "at": "x", "lines": [EVIL]}, EVIL],
    )  # fmt: skip
    WantedState.objects.create(agent=agent, facets={"network": EVIL, "contain": {"entries": EVIL}})
    pages = [LIST, url("agent", agent.pk), url("agent_state", agent.pk), url("agent_inventory", agent.pk)]
    for page in pages:
        text = admin.get(page).text
        assert EVIL not in text, page
        assert "&lt;script&gt;" in text, page


def test_checked_agents_are_decided_on_each_as_far_as_it_can_go(admin: Client, group: DeviceGroup, adam: User) -> None:
    waiting = [plain_agent(group, state=AgentState.PENDING) for _ in range(2)]
    revoked = plain_agent(group, state=AgentState.OFFBOARDED)
    ids = [one.pk for one in (*waiting, revoked)]
    page = url("decide_agents", "approve")
    assert "1 agent is in another state and left out" in admin.get(page, {"id": ids}, headers=HTMX).text
    assert admin.post(page, {"id": ids}, headers=HTMX).status_code == 422
    admin.post(page, {"id": ids, "reason": "Compared"}, headers=HTMX)
    assert set(Agent.objects.values_list("state", flat=True)) == {AgentState.APPROVED, AgentState.OFFBOARDED}
    assert Agent.objects.filter(decided_by__person_id=adam.pk).count() == 2
    assert admin.get(url("decide_agents", "x")).status_code == 404


def test_an_agent_out_of_scope_is_neither_seen_nor_decided_on(
    client: Client, signed_in: SignedIn, eve: User, group: DeviceGroup
) -> None:
    agent = plain_agent(group, state=AgentState.PENDING)
    eve.roles.set([*eve.roles.model.objects.filter(key="admin")])
    signed_in(client, eve)
    assert "web-1" not in client.get(LIST).text
    assert client.get(url("agent", agent.pk)).status_code == 404
    client.post(url("decide_agents", "approve"), {"id": agent.pk, "reason": "Mine"}, headers=HTMX)
    agent.refresh_from_db()
    assert agent.state == AgentState.PENDING


def test_a_token_is_shown_once_with_its_command(admin: Client, group: DeviceGroup) -> None:
    body = {"name": "Web", "group": group.pk, "life": "24", "tags": "web, linux, web"}
    answer = admin.post(url("new_agent_token"), body, headers=HTMX)
    made = EnrolmentToken.objects.get()
    assert "soc-agent enroll --url" in answer.text
    assert "-py3-none-any.whl" in answer.text
    assert "pip install soc-agent" not in answer.text
    assert (answer["Cache-Control"], made.tags, made.approve_at_once) == ("no-store", ["web", "linux"], False)
    assert "soce_" not in admin.get(url("agent_tokens")).text
    assert admin.post(url("new_agent_token"), {**body, "name": ""}, headers=HTMX).status_code == 422
    admin.post(url("withdraw_agent_token", made.pk), headers=HTMX)
    made.refresh_from_db()
    assert made.withdrawn_at is not None


def test_a_release_code_asks_who_you_are_and_is_shown_when_it_is_signed(
    client: Client, signed_in: SignedIn, adam: User, admin: Client, group: DeviceGroup
) -> None:
    agent = plain_agent(group)
    page = admin.post(url("release_agent", agent.pk), {"reason": "It hears nothing"}, headers=HTMX)
    order = AgentOrder.objects.get()
    code = url("release_code", agent.pk, order.pk)
    assert page["Location"] == code
    assert "The signer makes the code" in admin.get(code, headers=HTMX).text
    sign_waiting()
    assert "soc-agentctl release ey" in admin.get(code, headers=HTMX).text
    other = plain_agent(group)
    assert admin.get(url("release_code", other.pk, order.pk)).status_code == 404
    stale = signed_in(Client(), adam)
    session = stale.session
    session["confirmed_at"] = 0
    session.save()
    assert "soc-agentctl" not in stale.get(code, headers=HTMX).text


def test_what_a_group_does_without_the_portal_is_chosen_and_shown(admin: Client, group: DeviceGroup) -> None:
    agent = plain_agent(group)
    assert "opens by itself 24 hours after it last heard the portal" in admin.get(url("agent", agent.pk)).text
    admin.post(url("edit_agent_policy", group.pk), {"stays": "opens", "after": "3", "unit": "86400"}, headers=HTMX)
    assert AgentPolicy.objects.get().opens_after_s == 3 * 86_400
    assert "opens by itself 3 days after" in admin.get(url("agent_policies")).text
    admin.post(url("edit_agent_policy", group.pk), {"stays": "cut"}, headers=HTMX)
    assert "stays cut off" in admin.get(url("agent", agent.pk)).text


def test_the_page_of_a_device_shows_how_it_stands(client: Client, signed_in: SignedIn, ada: User) -> None:
    agent = joined()
    agent_changed(agent_id=agent.pk)
    Agent.objects.filter(pk=agent.pk).update(
        status={"observed": {"network": {"value": "isolated", "reached": False, "detail": "other rules"}}}
    )
    WantedState.objects.create(agent=agent, facets={"network": {"isolated": True, "type": "full"}})
    signed_in(client, ada)
    device = Device.objects.get(bindings__remote_id=agent.device_id)
    text = client.get(reverse("incidents:device", args=[device.pk])).text
    assert "Live state" in text
    assert "other rules" in text


@pytest.mark.parametrize(("told", "when"), [("ab" * 32, "2026-03-02"), ("cd" * 32, "")])
def test_indicators_are_in_force_since_the_list_was_signed_and_not_since_the_first(told: str, when: str) -> None:
    agent = joined()
    day = datetime(2026, 3, 1, tzinfo=UTC)
    AgentOrder.objects.create(agent=agent, kind="state", action="agent.groups", facet="indicators", generation=1,
                              signed_at=day, expires=day)  # fmt: skip
    SignedList.objects.create(connection=agent.connection, digest="ab" * 32, signed_at=day + timedelta(days=1))
    agent.status = {"observed": {"indicators": {"value": "applied", "reached": True, "evidence": {"digest": told}}}}
    since = next(one.since for one in facets_of(agent) if one.key == "indicators")
    assert (since.date().isoformat() if since else "") == when


# ---- API ----


def test_the_api_tells_and_decides(adam: User, ada: User, group: DeviceGroup) -> None:
    agent = plain_agent(group, state=AgentState.PENDING)
    reader, decider = caller(ada), caller(adam)
    assert reader.get("/agents").ids == [str(agent.pk)]
    assert reader.post(f"/agents/{agent.pk}/approve", {"reason": "x"}).status == 403
    answer = decider.post(f"/agents/{agent.pk}/approve", {"reason": "Compared"})
    assert (answer.status, answer.body["state"], answer.body["health"]) == (200, "approved", "connected")
    assert decider.post(f"/agents/{agent.pk}/reject", {"reason": "x"}).status == 409
    assert decider.post(f"/agents/{agent.pk}/revoke", {}).status == 400
    assert decider.post(f"/agents/{agent.pk}/revoke", {"reason": "Stolen"}).body["state"] == "revoked"


def test_the_api_makes_a_token_once(adam: User, ada: User, group: DeviceGroup) -> None:
    wanted = {"name": "Web", "device_group_id": str(group.pk), "hours": 2, "tags": ["web"]}
    assert caller(ada).post("/enrolment-tokens", wanted).status == 403
    assert caller(adam, elevated=False).post("/enrolment-tokens", wanted).code == "step_up_required"
    admin = caller(adam)
    made = admin.post("/enrolment-tokens", wanted)
    assert (made.status, made.body["secret"][:5]) == (201, "soce_")
    assert "secret" not in admin.get(f"/enrolment-tokens/{made.body['id']}").body
    assert admin.post("/enrolment-tokens", {**wanted, "device_group_id": "999999"}).status == 400
    assert admin.post(f"/enrolment-tokens/{made.body['id']}/withdraw").body["withdrawn_at"]


def test_the_api_hides_what_is_out_of_scope(eve: User, group: DeviceGroup) -> None:
    agent = plain_agent(group)
    order = make_release_code(agent, actor=SETTER, reason="x")
    kept = token(group)[0]
    eve.roles.set([*eve.roles.model.objects.filter(key="admin")])
    mine = caller(eve)
    assert [mine.get(path).ids for path in ("/agents", "/agent-orders", "/enrolment-tokens")] == [[], [], []]
    for path in (f"/agents/{agent.pk}", f"/agent-orders/{order.pk}", f"/enrolment-tokens/{kept.pk}"):
        assert mine.get(path).status == 404
    assert mine.post(f"/agents/{agent.pk}/revoke", {"reason": "x"}).status == 404


def test_orders_are_read_without_what_was_signed(ada: User, group: DeviceGroup) -> None:
    order = make_release_code(plain_agent(group), actor=SETTER, reason="x")
    sign_waiting()
    told = caller(ada).get(f"/agent-orders/{order.pk}").body
    assert told["kind"] == "release"
    assert {"envelope", "value", "arguments", "result", "progress"} & set(told) == set()


@pytest.mark.parametrize(
    ("address", "told"),
    [("https://agents.soc-portal.internal:9160", "only the hosts of ./soc lab on this machine know it"),
     ("https://portal.example:8443", "be let through to port 8443 there")],
    ids=["internal", "named"],
)  # fmt: skip
def test_the_command_says_what_its_address_is_and_how_a_machine_gets_there(
    admin: Client, group: DeviceGroup, settings: Any, address: str, told: str
) -> None:
    settings.AGENTS_URL = address
    body = {"name": "lab", "group": group.pk, "life": "24"}
    page = admin.post(url("new_agent_token"), body, headers=HTMX).text
    assert told in page
    assert address.partition("//")[2].partition(":")[0] in page
