"""What indicators name is met: alerts that name it are marked, connections tell of hits, and each is told once."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from connectors.kinds.simulator import world
from connectors.ports import TENANT
from core import clock, outbox
from core.actors import Actor
from incidents.ingest.accept import accept_alerts
from incidents.models import Alert, Device, Evidence
from notifications.models import Pulse
from remediation.models import Indicator, IndicatorHit
from remediation.services.enforce_indicators import enforce_all, enforce_now
from remediation.services.indicator_hits import note_named, read_hits
from remediation.services.raise_alerts import raise_due
from remediation.services.remove_indicator import remove_indicator
from remediation.services.set_indicator import create_indicator
from tests.conftest import SignedIn
from tests.factories.people import DeviceGroupFactory, person
from tests.factories.remediation import Company, company

pytestmark = pytest.mark.django_db
HASH = "ab" * 32
FEED = Actor.system("test")


@pytest.fixture
def place(db: None) -> Company:
    return company()


def made(place: Company, user: User, **fields: Any) -> Indicator:
    wanted: dict[str, Any] = {
        "type": "fileSha256",
        "value": HASH,
        "action": "block",
        "title": "Loader",
        "severity": "high",
    }
    wanted |= {"generate_alert": True, **fields}
    indicator = create_indicator(fields=wanted, reason="Seen in an attack", actor=user.actor, user=user)
    enforce_now(place.connection)
    return indicator


def comes(device: Device, *, sha256: str = HASH, name: str = "a1", at: Any = None) -> Alert:
    """An alert of another source that names the file on the device."""
    moment = (at or clock.now()).isoformat()
    item = {
        "id": name, "title": "Odd program", "severity": "low", "createdDateTime": moment,
        "evidence": [
            {"@odata.type": "#microsoft.graph.security.deviceEvidence", "deviceDnsName": device.key},
            {"@odata.type": "#microsoft.graph.security.fileEvidence",
             "fileDetails": {"sha256": sha256, "fileName": "loader.exe"}},
        ],
    }  # fmt: skip
    receipt = accept_alerts([item], format="graph", source="Sensor", actor=FEED)
    outbox.deliver()
    return Alert.objects.get(pk=receipt.alerts[0]["id"])


def meets(place: Company, device: Device, **more: str) -> str:
    return world.meet(place.connection, device.key, type="fileSha256", value=HASH, **more)


def test_an_alert_that_names_it_is_marked_and_raises_no_other(place: Company, rita: User) -> None:
    indicator, device = made(place, rita), place.device()
    alert = comes(device)
    hit = IndicatorHit.objects.get()
    assert (hit.indicator, hit.alert, hit.device, hit.kind, hit.raised) == (indicator, alert, device, "named", False)
    enforce_all()
    assert Alert.objects.count() == 1
    assert note_named([alert.pk]) == 1
    assert IndicatorHit.objects.count() == 1


def test_what_a_device_blocked_unheard_becomes_one_alert(place: Company, rita: User) -> None:
    indicator, device = made(place, rita), place.device()
    assert meets(place, device) == "blocked"
    enforce_all()
    alert = Alert.objects.get()
    assert (alert.title, alert.severity, alert.detector_id) == (
        "Indicator blocked: Loader", "high", indicator.number)  # fmt: skip
    told = Evidence.objects.filter(alert=alert)
    assert {(row.type, row.device_id) for row in told} >= {("device", device.pk), ("file", device.pk)}
    assert told.get(type="file").remediation_status == "blocked"
    hit = IndicatorHit.objects.get(connection=place.connection)
    assert (hit.alert, hit.raised, hit.wants_alert) == (alert, True, False)


def test_an_alert_raised_by_an_indicator_raises_no_further_one(place: Company, rita: User) -> None:
    made(place, rita)
    meets(place, place.device())
    for _ in range(3):
        enforce_all()
        note_named(list(Alert.objects.values_list("pk", flat=True)))
    assert Alert.objects.count() == 1
    assert IndicatorHit.objects.filter(raised=True).count() == 1
    assert not IndicatorHit.objects.filter(wants_alert=True).exists()


def test_a_hit_that_an_alert_tells_of_raises_none(place: Company, rita: User) -> None:
    made(place, rita)
    device = place.device()
    alert = comes(device)
    meets(place, device)
    enforce_all()
    assert Alert.objects.get() == alert
    assert IndicatorHit.objects.get(connection=place.connection).alert == alert


def test_what_is_met_all_day_is_one_matter_an_hour(place: Company, rita: User) -> None:
    made(place, rita)
    device, other = place.device(), place.device()
    start = clock.now() - timedelta(hours=5)
    for minutes in (0, 20, 50, 180):
        with clock.at(start + timedelta(minutes=minutes)):
            meets(place, device)
    meets(place, other)
    enforce_all()
    assert Alert.objects.count() == 3
    assert IndicatorHit.objects.filter(alert=None).count() == 0


@pytest.mark.parametrize(("action", "asks", "alerts"), [("block", False, 0), ("audit", True, 1), ("warn", True, 1)])
def test_only_an_indicator_that_asks_for_it_raises_alerts(
    place: Company, rita: User, action: str, asks: bool, alerts: int
) -> None:
    made(place, rita, action=action, generate_alert=asks)
    meets(place, place.device())
    enforce_all()
    assert Alert.objects.count() == alerts
    assert IndicatorHit.objects.filter(connection=place.connection).count() == 1


def test_what_is_allowed_or_removed_is_not_met(place: Company, rita: User) -> None:
    made(place, rita, action="allowed", generate_alert=False)
    device = place.device()
    assert meets(place, device) == ""
    other = made(place, rita, value="cd" * 32)
    remove_indicator(other, reason="Harmless", actor=rita.actor, user=rita)
    comes(device, sha256="cd" * 32)
    assert not IndicatorHit.objects.filter(indicator=other).exists()


def test_an_indicator_for_a_group_marks_only_what_happens_there(place: Company, rita: User) -> None:
    here, there = DeviceGroupFactory.create(), DeviceGroupFactory.create()
    made(place, rita, device_group_ids=[here.pk])
    comes(place.device(group=there), name="there")
    assert not IndicatorHit.objects.exists()
    comes(place.device(group=here), name="here")
    assert IndicatorHit.objects.count() == 1


def test_what_a_connection_tells_is_bounded_and_understood_or_passed_over(place: Company, rita: User) -> None:
    indicator, device = made(place, rita), place.device()
    now = clock.now().isoformat()
    good = {"id": "1", "indicator": indicator.remote_key, "device": device.key, "at": now, "did": "blocked"}
    odd: list[Any] = [
        good, "no", {}, {**good, "id": "2", "did": "exploded"}, {**good, "id": "3", "at": "yesterday"},
        {**good, "id": "4", "at": "2001-01-01T00:00:00+00:00"}, {**good, "id": "5", "indicator": ["x"]},
        {**good, "id": "6", "device": "nobody"}, {**good, "id": "9" * 500, "at": "2999-01-01T00:00:00+00:00"},
    ]  # fmt: skip
    world.change_behind_our_back(place.connection, TENANT.kind, TENANT.remote_id, hits=[])
    with pytest.MonkeyPatch.context() as patch:
        seen = type("Seen", (), {"known": True, "evidence": {"hits": odd}})
        patch.setattr("remediation.services.indicator_hits.observe", lambda *_: seen)
        assert read_hits(place.connection) == 3
        assert read_hits(place.connection) == 0
    assert raise_due() == 1
    assert IndicatorHit.objects.filter(device=None, wants_alert=True).count() == 0
    assert max(IndicatorHit.objects.values_list("at", flat=True)) <= clock.now()


def test_the_source_of_these_alerts_is_no_feed_that_could_fall_silent(place: Company, rita: User) -> None:
    made(place, rita)
    meets(place, place.device())
    enforce_all()
    assert Alert.objects.count() == 1
    assert not Pulse.objects.filter(key__contains="Indicators").exists()


def test_pages_tell_of_hits_as_far_as_a_person_may_see(
    client: Client, place: Company, rita: User, signed_in: SignedIn
) -> None:
    here, there = DeviceGroupFactory.create(), DeviceGroupFactory.create()
    indicator = made(place, rita)
    near, far = place.device(group=here), place.device(group=there)
    alert = comes(near)
    meets(place, far)
    enforce_all()
    page = signed_in(client, rita).get(f"/indicators/{indicator.pk}/").content.decode()
    assert str(near) in page
    assert "raised by it" in page
    for url in (f"/alerts/{alert.pk}/", f"/alerts/{alert.pk}/pane/"):
        assert f"Blocked: {indicator.number}" in client.get(url).content.decode(), url
    outsider = signed_in(client, person("omar", "responder", groups=[here]))
    assert str(far) not in outsider.get(f"/indicators/{indicator.pk}/").content.decode()
