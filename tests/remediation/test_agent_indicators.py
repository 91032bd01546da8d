"""The list of indicators on endpoint agents: signed in their words, told to each, and what was met comes back."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from connectors.models import ConnectorState, Delivery, SignedList
from connectors.services.agents import hits
from connectors.services.agents.policy import tell_groups
from connectors.services.step import step_delivery
from core import clock
from incidents.models import Device
from remediation.models import Indicator, IndicatorEnforcement, IndicatorHit
from remediation.services.enforce_indicators import enforce_all, take_over
from remediation.services.indicator_hits import hits_told
from remediation.services.indicator_reach import reach_of_indicator
from remediation.services.set_indicator import create_indicator
from tests.conftest import SignedIn
from tests.factories.people import DeviceGroupFactory
from tests.factories.small_agent import SmallAgent, device_with_agent, make_keys, sign_all

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def keys(settings: Any, tmp_path: Path) -> None:
    make_keys(settings, tmp_path)


def machine() -> tuple[Device, SmallAgent]:
    device, small = device_with_agent()
    tell_groups(small.agent)
    sign_all()
    small.turn()
    return device, small


def indicator(rita: User, kind: str = "ipAddress", value: str = "203.0.113.9", **more: Any) -> Indicator:
    made = listed(rita, kind, value, **more)
    enforced()
    return made


def listed(rita: User, kind: str, value: str, **more: Any) -> Indicator:
    fields = {"type": kind, "value": value, "action": "block", "title": "Sink", **more}
    return create_indicator(fields=fields, reason="Seen", actor=rita.actor, user=rita)


def enforced() -> None:
    enforce_all()
    for delivery in Delivery.objects.exclude(state__in=["succeeded", "failed"]):
        step_delivery(delivery.pk, even_if_not_due=True)
        sign_all()
        step_delivery(delivery.pk, even_if_not_due=True)
        delivery.refresh_from_db()
        take_over(delivery)


def test_the_list_is_in_the_words_of_agents_and_reaches_each(rita: User) -> None:
    here = machine()
    made = indicator(rita)
    entry = SignedList.objects.get().entries[made.remote_key]
    assert (entry["type"], entry["action"], entry["value"]) == ("ip", "block", "203.0.113.9")
    assert IndicatorEnforcement.objects.get(indicator=made).is_as_wanted
    here[1].turn()
    assert here[1].wanted["indicators"]["digest"] == SignedList.objects.get().digest
    assert here[1].wanted["indicators"]["groups"] == [here[0].device_group_id]


def test_a_device_that_joins_later_gets_the_list(rita: User) -> None:
    machine()
    indicator(rita)
    later = machine()
    assert later[1].wanted["indicators"]["digest"] == SignedList.objects.get().digest


def test_groups_and_ends_are_told_in_numbers(rita: User) -> None:
    here = machine()
    made = indicator(rita, device_group_ids=[here[0].device_group_id], expires_at=clock.now() + timedelta(days=3))
    entry = SignedList.objects.get().entries[made.remote_key]
    assert entry["groups"] == [here[0].device_group_id]
    assert entry["expires"] == made.expires_at.timestamp() if made.expires_at else False


def test_how_many_agents_enforce_it_is_told_with_the_reasons(client: Client, signed_in: SignedIn, rita: User) -> None:
    first, second = machine(), machine()
    address, name = indicator(rita), indicator(rita, "domainName", "sink.example")
    reach = reach_of_indicator(address, rita)
    assert reach is not None
    assert (reach.total, reach.behind) == (2, 2)
    first[1].turn()
    second[1].turn()
    reach = reach_of_indicator(address, rita)
    assert reach is not None
    assert (reach.enforce, reach.total) == (2, 2)
    odd = reach_of_indicator(name, rita)
    assert odd is not None
    assert odd.reasons == [("A packet filter sees addresses, not names.", 2)]
    page = signed_in(client, rita).get(f"/indicators/{name.pk}/").content.decode()
    assert "2 agents cannot" in page


def test_what_a_device_met_is_kept_once_and_read(rita: User) -> None:
    device, small = machine()
    made = indicator(rita)
    met = {"id": "000000000001", "indicator": made.remote_key, "did": "blocked", "at": clock.now().isoformat()}
    small.notes["hits"] = {"all": [met]}
    small.turn()
    small.turn()
    assert ConnectorState.objects.filter(object_kind="indicator_hit").count() == 1
    hits_told(connection_id=small.agent.connection_id)
    hits_told(connection_id=small.agent.connection_id)
    hit = IndicatorHit.objects.get()
    assert (hit.indicator_id, hit.device_id, hit.kind) == (made.pk, device.pk, "blocked")


def test_of_a_device_that_tells_without_end_so_many_are_kept(rita: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hits, "MOST_AN_HOUR", 5)
    made, (_, flood), (_, other) = indicator(rita), machine(), machine()
    kept = ConnectorState.objects.filter(object_kind="indicator_hit")
    for number in range(3):
        met = {"indicator": made.remote_key, "did": "blocked", "at": clock.now().isoformat()}
        flood.notes["hits"] = {"all": [{**met, "id": f"{number}-{place}"} for place in range(4)]}
        flood.turn()
    assert kept.count() == 5
    other.notes["hits"] = {"all": [{**met, "id": "1"}]}
    other.turn()
    assert kept.count() == 6


def test_a_device_tells_nothing_of_indicators_that_hold_elsewhere(rita: User) -> None:
    device, small = machine()
    other = indicator(rita, device_group_ids=[DeviceGroupFactory.create().pk])
    small.notes["hits"] = {"all": [{"id": "000000000001", "indicator": other.remote_key, "did": "blocked",
                                    "at": clock.now().isoformat()}]}  # fmt: skip
    small.turn()
    hits_told(connection_id=small.agent.connection_id)
    assert not IndicatorHit.objects.exists()
    Indicator.objects.filter(pk=other.pk).update(device_group_ids=[device.device_group_id])
    small.notes["hits"]["all"][0]["id"] = "000000000002"
    small.turn()
    hits_told(connection_id=small.agent.connection_id)
    assert IndicatorHit.objects.get().device == device


def test_a_list_that_was_changed_in_the_table_is_not_believed(rita: User) -> None:
    machine()
    made = indicator(rita)
    SignedList.objects.update(envelope={"payloadType": "x", "payload": "e30=", "signatures": []})
    enforce_all()
    assert IndicatorEnforcement.objects.get(indicator=made).is_as_wanted
    second = listed(rita, "ipAddress", "203.0.113.10")
    enforced()
    assert not IndicatorEnforcement.objects.get(indicator=second).is_as_wanted


def test_the_page_of_a_device_says_how_many_hold_there_and_what_was_met(
    client: Client, signed_in: SignedIn, rita: User, ada: User
) -> None:
    device, _small = machine()
    made = indicator(rita, title="Beacon")
    other = DeviceGroupFactory.create()
    indicator(rita, value="203.0.113.10", device_group_ids=[other.pk], title="Elsewhere")
    IndicatorHit.objects.create(indicator=made, key="x", kind="blocked", at=clock.now(), device=device)
    page = signed_in(client, ada).get(f"/devices/{device.pk}/").content.decode()
    assert f'<a href="/indicators/?device={device.pk}">1 indicator in force</a>' in page
    assert f'<a href="/indicators/{made.pk}/"><bdi>Beacon</bdi></a>' in page
    listed_there = client.get(f"/indicators/?device={device.pk}").content.decode()
    assert ("Beacon" in listed_there, "Elsewhere" in listed_there) == (True, False)
    assert client.get("/indicators/?device=999999").status_code == 404
    assert client.get("/indicators/?device=x").status_code == 404


def test_a_device_where_nothing_was_met_says_so(client: Client, signed_in: SignedIn, ada: User) -> None:
    device, _small = machine()
    page = signed_in(client, ada).get(f"/devices/{device.pk}/").content.decode()
    assert "0 indicators in force" in page
    assert "Nothing met here yet" in page
