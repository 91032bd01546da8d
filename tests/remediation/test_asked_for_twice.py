"""What is in force already is not asked for again, and what only waits for a decision does not stand in the way."""

import pytest
from django.test import Client

from accounts.models import User
from connectors.kinds.simulator import world
from core.models import AuditEvent
from remediation.models import ActionRun, ControlState, IsolationRule
from remediation.refused import Refused
from remediation.services.drift import look_at
from tests.conftest import SignedIn
from tests.factories.api import caller
from tests.factories.remediation import Company, approve, ask, company, done, incident_naming
from tests.remediation.test_buttons_of_entities import respond

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(db: None) -> Company:
    return company()


def test_what_is_in_force_is_not_asked_for_again(place: Company, ada: User, rita: User) -> None:
    device = place.device()
    run = done(ada, rita, "device.isolate", device)

    with pytest.raises(Refused) as refused:
        ask(ada, "device.isolate", device)

    assert (refused.value.code, refused.value.run) == ("already_in_force", run)
    assert refused.value.message == f"{device} is isolated already, by {run.number}."
    assert ActionRun.objects.count() == 1


def test_a_program_is_told_so_too(place: Company, ada: User, rita: User) -> None:
    device = place.device()
    run = done(ada, rita, "device.isolate", device)

    order = {"action": "device.isolate", "target": {"kind": "device", "id": str(device.pk)}, "comment": "Again"}
    answer = caller(ada).post("/actions", order)

    assert (answer.status, answer.code) == (422, "already_in_force")
    assert answer.body["error"]["link"] == f"/api/v1/actions/{run.pk}"


def test_another_type_of_isolation_may_be_asked_for(place: Company, ada: User, rita: User) -> None:
    device = place.device()
    done(ada, rita, "device.isolate", device)
    assert done(ada, rita, "device.isolate", device, isolation_type="selective").status == "succeeded"
    with pytest.raises(Refused):
        ask(ada, "device.isolate", device, isolation_type="selective")


def test_after_other_exclusions_the_same_isolation_may_be_asked_for(place: Company, ada: User, rita: User) -> None:
    device = place.device()
    done(ada, rita, "device.isolate", device, isolation_type="selective")
    IsolationRule.objects.create(name="Proxy", networks=["192.0.2.8/32"], protocol="tcp", port=3128)
    assert ask(ada, "device.isolate", device, isolation_type="selective").decision == "pending"


def test_after_drift_it_may_be_asked_for_again(place: Company, ada: User, rita: User) -> None:
    device = place.device()
    done(ada, rita, "device.isolate", device)
    world.change_behind_our_back(place.connection, "device", device.key, network="connected", isolation_type="")
    assert look_at(ControlState.objects.get()).is_drifting
    assert ask(ada, "device.isolate", device).decision == "pending"


def test_a_run_of_a_restricted_incident_is_not_named(place: Company, ada: User, rita: User) -> None:
    device = place.device()
    incident_naming(device)
    secret = incident_naming(device)
    run = done(ada, rita, "device.isolate", device, incident=secret)
    secret.restricted = True
    secret.save()
    secret.restricted_to.add(ada)

    with pytest.raises(Refused) as refused:
        ask(rita, "device.isolate", device)

    assert (refused.value.code, refused.value.run) == ("already_in_force", None)
    assert run.number not in refused.value.message


def test_a_release_takes_the_place_of_a_change_that_nobody_decided_on(place: Company, ada: User, rita: User) -> None:
    """Nothing gets free by it: what is in force stays until the release itself is approved."""
    device = place.device()
    done(ada, rita, "device.isolate", device)
    change = ask(rita, "device.isolate", device, isolation_type="selective")

    release = ask(ada, "device.release", device)

    change.refresh_from_db()
    assert (change.status, change.decision) == ("cancelled", "withdrawn")
    assert change.status_detail == f"Superseded: {ada.actor.name} asked to release from isolation"
    assert (release.decision, place.state(device)["network"]) == ("pending", "isolated")
    assert AuditEvent.objects.filter(subject=f"run:{change.pk}", reason=change.status_detail).exists()


def test_an_isolation_that_nobody_decided_on_is_not_called_off_by_another_analyst(
    place: Company, ada: User, rita: User
) -> None:
    """Without it the device would stay connected."""
    device = place.device()
    first = ask(rita, "device.isolate", device)
    with pytest.raises(Refused) as refused:
        ask(ada, "device.release", device)
    assert (refused.value.code, refused.value.run) == ("conflict", first)


def test_a_change_that_was_approved_is_not_called_off_by_another_analyst(
    place: Company, ada: User, rita: User, adam: User
) -> None:
    device = place.device()
    done(ada, rita, "device.isolate", device)
    change = approve(adam, ask(rita, "device.isolate", device, isolation_type="selective"))
    with pytest.raises(Refused) as refused:
        ask(ada, "device.release", device)
    assert (refused.value.code, refused.value.run) == ("conflict", change)


def test_the_page_offers_the_release_beside_a_change_that_waits(
    client: Client, ada: User, rita: User, signed_in: SignedIn, place: Company
) -> None:
    device = place.device()
    done(ada, rita, "device.isolate", device)
    change = ask(rita, "device.isolate", device, isolation_type="selective")

    offered = respond(signed_in(client, ada), f"/devices/{device.pk}/")

    assert f"Isolation waits for approval, {change.number}" in offered
    assert "device.release/" in offered
