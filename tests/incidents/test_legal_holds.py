"""A legal hold: who places and lifts it, what everybody sees of it, and that it goes where the incident goes."""

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import DeviceGroup, User
from core.models import AuditEvent
from incidents.models import Incident, LegalHold
from incidents.services.legal_hold import lift_hold, place_hold
from incidents.services.merge import merge_incidents
from incidents.services.move_alerts import move_alerts
from tests.conftest import SignedIn
from tests.factories.api import caller
from tests.factories.incidents import DeviceFactory, incident_about

pytestmark = pytest.mark.django_db
REASON = {"reason": "Proceedings at the regional court", "reference": "12 O 77/26"}


def test_it_is_placed_on_the_page_and_everybody_sees_that_it_is_there(
    signed_in: SignedIn, client: Client, mona: User, ada: User
) -> None:
    incident = incident_about(DeviceFactory.create())
    answer = signed_in(client, mona).post(f"/incidents/{incident.pk}/hold/", REASON)
    assert answer.status_code == 302
    page = signed_in(client, ada).get(f"/incidents/{incident.pk}/").content.decode()
    assert "Legal hold" in page
    assert REASON["reason"] not in page
    told = AuditEvent.objects.get(thread=incident.thread, verb="legal_hold.placed")
    assert (told.reason, told.data) == (REASON["reason"], {"reference": REASON["reference"]})


def test_several_holds_are_lifted_one_by_one(mona: User) -> None:
    incident = incident_about(DeviceFactory.create())
    first, second = (place_hold(incident, reason="Court", actor=mona.actor) for _ in range(2))
    lift_hold(first, reason="Settled", actor=mona.actor)
    assert Incident.objects.filter(on_hold=True).exists()
    lift_hold(second, reason="Settled", actor=mona.actor)
    assert not Incident.objects.filter(on_hold=True).exists()
    with pytest.raises(ValidationError, match="lifted already"):
        lift_hold(second, reason="Again", actor=mona.actor)


def test_a_merge_takes_the_hold_along(ada: User, mona: User) -> None:
    oldest, other = (incident_about(DeviceFactory.create()) for _ in range(2))
    place_hold(other, reason="Court", actor=mona.actor)
    merged = merge_incidents([oldest, other], actor=ada.actor, user=ada)
    merged.refresh_from_db()
    assert merged.on_hold
    assert LegalHold.objects.in_force().get().incident == merged


def test_alerts_do_not_leave_a_held_incident_for_one_that_is_not(ada: User, mona: User) -> None:
    held, other = incident_about(DeviceFactory.create(), alerts=2), incident_about(DeviceFactory.create())
    place_hold(held, reason="Court", actor=mona.actor)
    alert = held.alerts.first()
    assert alert is not None
    with pytest.raises(ValidationError, match="under a legal hold"):
        move_alerts([alert], to=other, actor=ada.actor, comment="")
    place_hold(other, reason="Court", actor=mona.actor)
    assert move_alerts([alert], to=other, actor=ada.actor, comment="") == other


def test_over_the_api_lifting_needs_an_elevated_token(mona: User) -> None:
    incident = incident_about(DeviceFactory.create())
    client = caller(mona)
    made = client.post("/legal-holds", {"incident": str(incident.pk), **REASON})
    assert (made.status, made.body["in_force"], made.body["placed_by"]["kind"]) == (201, True, "token")
    assert client.get("/legal-holds", in_force="true").ids == [made.body["id"]]
    assert client.get(f"/incidents/{incident.pk}").body["on_hold"]
    address, why = f"/legal-holds/{made.body['id']}/lift", {"reason": "Settled"}
    refused = caller(mona, elevated=False).post(address, why)
    assert (refused.status, refused.body["error"]["code"]) == (403, "step_up_required")
    assert not client.post(address, why).body["in_force"]


def test_outside_the_scope_there_is_nothing_to_hold(eve: User, mona: User, elsewhere: DeviceGroup) -> None:
    hidden = incident_about(DeviceFactory.create())
    hold = place_hold(hidden, reason="Court", actor=mona.actor)
    eve.roles.set(mona.roles.all())
    client = caller(eve)
    assert client.get("/legal-holds").ids == []
    assert client.get(f"/legal-holds/{hold.pk}").status == 404
    assert client.post("/legal-holds", {"incident": str(hidden.pk), "reason": "Mine"}).status == 404
