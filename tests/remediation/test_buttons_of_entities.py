"""The buttons on devices and accounts say what can be done now, what is under way, and why something cannot work."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from connectors.kinds.simulator.world import put_file
from connectors.models import Agent, Connection
from core import clock
from incidents.models import Device
from remediation.enums import RunStatus
from remediation.models import ActionRun, ControlState
from remediation.services.carry_out import carry_out
from remediation.services.undo import undo_run
from tests.conftest import SignedIn
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
from tests.factories.small_agent import device_with_agent, make_keys
from tests.remediation.test_pages import text

pytestmark = pytest.mark.django_db
# What the portal itself records needs no connection.
FACTS = {"device.add_tag", "device.remove_tag", "device.set_value", "device.set_criticality"}


@pytest.fixture
def world(db: None) -> Company:
    return company()


def respond(client: Client, url: str) -> str:
    """The part of the page that offers actions."""
    found = re.search(r'<section class="card" id="respond".*?</section>', text(client, url), re.DOTALL)
    assert found
    return found.group()


def test_an_open_request_stands_in_place_of_its_button(
    client: Client, ada: User, signed_in: SignedIn, world: Company
) -> None:
    device = world.device()
    run = ask(ada, "device.isolate", device)

    offered = respond(signed_in(client, ada), f"/devices/{device.pk}/")

    assert f"Isolation waits for approval, {run.number}" in offered
    assert f'href="/actions/{run.pk}/"' in offered
    assert "device.isolate/" not in offered
    assert "device.antivirus_scan/" in offered


def test_the_pane_of_a_node_says_that_the_approved_order_is_on_its_way(
    client: Client, ada: User, rita: User, signed_in: SignedIn, world: Company
) -> None:
    device = world.device()
    incident = incident_naming(device)
    run = approve(rita, ask(ada, "device.isolate", device, incident=incident))

    pane = text(signed_in(client, ada), f"/incidents/{incident.pk}/nodes/device-{device.pk}/")

    assert f"Isolation is on its way, {run.number}" in pane


def test_an_open_run_in_a_restricted_incident_keeps_its_number_to_itself(
    client: Client, ada: User, rita: User, signed_in: SignedIn, world: Company
) -> None:
    device = world.device()
    incident_naming(device)
    secret = incident_naming(device)
    run = ask(ada, "device.isolate", device, incident=secret)
    secret.restricted = True
    secret.save()
    secret.restricted_to.add(ada)

    offered = respond(signed_in(client, rita), f"/devices/{device.pk}/")

    assert "Isolation waits for approval" in offered
    assert run.number not in offered


def test_release_is_offered_only_while_the_device_is_isolated(
    client: Client, ada: User, rita: User, signed_in: SignedIn, world: Company
) -> None:
    device = world.device()
    page = f"/devices/{device.pk}/"
    signed_in(client, ada)
    assert "device.release/" not in respond(client, page)

    done(ada, rita, "device.isolate", device)
    assert "device.release/" in respond(client, page)
    assert "device.isolate/" not in respond(client, page)

    done(ada, rita, "device.release", device)
    assert "device.release/" not in respond(client, page)
    assert "device.isolate/" in respond(client, page)


def test_both_are_offered_while_nobody_knows_what_became_of_an_isolation(
    client: Client, ada: User, rita: User, signed_in: SignedIn, world: Company
) -> None:
    device = world.device()
    run = approve(rita, ask(ada, "device.isolate", device))
    ActionRun.objects.filter(pk=run.pk).update(status=RunStatus.UNKNOWN)
    ControlState.objects.create(
        target_kind="device", target_id=device.pk, facet="network", desired="isolated", observed="connected"
    )

    offered = respond(signed_in(client, ada), f"/devices/{device.pk}/")

    assert "device.release/" in offered
    assert "device.isolate/" in offered


def test_the_device_says_its_network_state(
    client: Client, ada: User, rita: User, signed_in: SignedIn, world: Company
) -> None:
    device = world.device()
    network = re.compile(r"<dt>Network</dt><dd><bdi>(\w+)</bdi>( <span class=\"t3\">since)?")
    signed_in(client, ada)
    assert "<dt>Network</dt>" not in text(client, f"/devices/{device.pk}/").partition('id="respond"')[0]

    done(ada, rita, "device.isolate", device)
    state, since = network.search(text(client, f"/devices/{device.pk}/")).groups()  # type: ignore[union-attr]

    assert state == "Isolated"
    assert since


def test_the_facts_and_the_agent_say_the_same_of_the_network(
    client: Client, ada: User, signed_in: SignedIn, settings: Any, tmp_path: Path
) -> None:
    make_keys(settings, tmp_path)
    device, small = device_with_agent()
    small.agent.refresh_from_db()
    fact = r"<dt>Network</dt>\s*<dd><bdi>(\w+)</bdi>"
    signed_in(client, ada)
    for word in ("connected", "isolated"):
        status = small.agent.status | {"observed": {"network": {"value": word, "reached": True}}}
        Agent.objects.filter(pk=small.agent.pk).update(status=status)
        assert re.findall(fact, text(client, f"/devices/{device.pk}/")) == [word.capitalize()] * 2
    Device.objects.filter(pk=device.pk).update(mitigation={"network": {"state": "connected"}})
    assert re.findall(fact, text(client, f"/devices/{device.pk}/")) == ["Isolated"] * 2
    heard = clock.real_now() + timedelta(hours=3)
    Agent.objects.filter(pk=small.agent.pk).update(seen_at=heard)
    assert re.search(
        rf"<dt>Last seen</dt><dd><time datetime=\"{heard:%Y-%m-%dT%H:%M}", text(client, f"/devices/{device.pk}/")
    )


def test_without_a_connection_the_button_is_off_and_says_why(client: Client, ada: User, signed_in: SignedIn) -> None:
    device = DeviceFactory.create()

    offered = respond(signed_in(client, ada), f"/devices/{device.pk}/")

    assert "No connection is bound to it." in offered
    assert set(re.findall(r"/actions/ask/device/\d+/([a-z_.]+)/", offered)) <= FACTS
    assert "/admin/connections/" not in offered


def test_why_a_button_is_off_is_reached_by_keys_and_read_with_it(
    client: Client, ada: User, signed_in: SignedIn
) -> None:
    """A screen reader says the reason together with the button, and Tab stops there."""
    offered = respond(signed_in(client, ada), f"/devices/{DeviceFactory.create().pk}/")
    off = re.findall(r'<span class="btn s off"[^>]*>', offered)
    assert off
    for button in off:
        told = re.search(r'tabindex="0" aria-disabled="true" aria-describedby="([^"]+)"', button)
        assert told, button
        assert len(re.findall(rf'<p id="{told[1]}">', offered)) == 1


def test_an_administrator_is_led_to_where_things_are_bound(client: Client, adam: User, signed_in: SignedIn) -> None:
    device = DeviceFactory.create()

    offered = respond(signed_in(client, adam), f"/devices/{device.pk}/")

    assert re.search(r'<a href="/admin/connections/">Bind what is known', offered)


def test_a_connection_that_is_switched_off_offers_nothing(
    client: Client, ada: User, signed_in: SignedIn, world: Company
) -> None:
    device = world.device()
    Connection.objects.update(enabled=False)

    offered = respond(signed_in(client, ada), f"/devices/{device.pk}/")

    assert "is switched off" in offered
    assert set(re.findall(r"/actions/ask/device/\d+/([a-z_.]+)/", offered)) <= FACTS


def test_a_file_that_was_restored_everywhere_is_not_offered_to_be_restored_again(
    client: Client, ada: User, rita: User, signed_in: SignedIn, world: Company
) -> None:
    file, device = FileFactory.create(), world.device()
    put_file(world.connection, device.key, file.key, name=file.display_name)
    saw(file, device)
    run = done(ada, rita, "file.quarantine", file)
    ask_url, restore_url = f"/actions/ask/file/{file.pk}/file.quarantine/", f"/actions/ask/file/{file.pk}/file.restore/"
    assert restore_url in respond(signed_in(client, ada), f"/files/{file.pk}/")

    carry_out(approve(rita, undo_run(run, actor=ada.actor, user=ada, comment="A tool of ours")))

    offered = respond(client, f"/files/{file.pk}/")
    assert ask_url in offered
    assert restore_url not in offered
