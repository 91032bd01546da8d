"""Indicators: their rules, their limits, how connections follow, and taking back."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.models import DeviceGroup, Role, User
from connectors.kinds.simulator import world
from connectors.kinds.simulator.client import SimulatedCompany
from connectors.models import Delivery
from connectors.ports import TENANT
from core import clock
from core.models import AuditEvent
from remediation.enums import Enforcement, ProtectedKind
from remediation.indicator_values import clean_value
from remediation.models import Indicator, IndicatorEnforcement, ProtectedAsset
from remediation.refused import Refused
from remediation.services import set_indicator
from remediation.services.enforce_indicators import enforce_all, enforce_now, hold_indicators, look, send_again
from remediation.services.remove_indicator import expire_indicators, remove_indicator, undo_indicator
from remediation.services.set_indicator import change_indicator, create_indicator
from tests.factories.remediation import Company, company

pytestmark = pytest.mark.django_db
HASH = "a" * 64
IP = {"type": "ipAddress", "value": "203.0.113.9", "action": "block", "title": "Command server"}


@pytest.fixture
def place(db: None) -> Company:
    return company()


def made(user: User, **fields: Any) -> Indicator:
    return create_indicator(fields={**IP, **fields}, reason="Seen in an attack", actor=user.actor, user=user)


def there(place: Company) -> dict[str, Any]:
    """The truth: what the company's list holds."""
    state = world.state_of(place.connection, TENANT.kind, TENANT.remote_id)
    return dict(state.get("indicators", {}))


def enforcement(indicator: Indicator) -> IndicatorEnforcement:
    return indicator.enforcements.get()


@pytest.mark.parametrize(
    ("kind", "raw", "kept"),
    [
        ("fileSha256", f" {HASH.upper()} ", HASH),
        ("certificateThumbprint", ":".join(["AB"] * 20), "ab" * 20),
        ("ipAddress", "2001:0DB8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
        ("domainName", "*.Evil.Example.", "evil.example"),
        ("domainName", "bücher.example", "xn--bcher-kva.example"),
        ("url", "HTTPS://Evil.Example:443/Path", "https://evil.example/Path"),
        ("url", "http://[2001:db8::1]:8080", "http://[2001:db8::1]:8080/"),
    ],
)
def test_one_value_has_one_spelling(kind: str, raw: str, kept: str) -> None:
    assert clean_value(kind, raw) == kept


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("fileSha256", "a" * 63), ("fileMd5", "g" * 32), ("ipAddress", "10.0.0.1"), ("ipAddress", "203.0.113.0/24"),
        ("ipAddress", "127.0.0.1"), ("ipAddress", "::ffff:203.0.113.9"), ("ipAddress", "fe80::1%eth0"),
        ("ipAddress", "224.0.0.1"), ("ipAddress", "evil.example"), ("domainName", "localhost"),
        ("domainName", "203.0.113.9"), ("domainName", "-a.example"), ("domainName", "a" * 64 + ".example"),
        ("url", "ftp://evil.example/"), ("url", "https://user:pass@evil.example/"), ("url", "https://10.0.0.1/"),
        ("url", "javascript:alert(1)"), ("url", "https://evil.example/\x00"), ("url", "https://[evil/"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_enforced_is_refused(kind: str, raw: str) -> None:
    with pytest.raises(ValidationError):
        clean_value(kind, raw)


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "blockAndRemediate"},
        {"action": "audit"},
        {"action": "allowed", "generate_alert": True},
        {"type": "certificateThumbprint", "value": "a" * 40, "action": "warn"},
        {"type": "domainName", "value": "testserver.example", "action": "isolate"},
        {"title": " "},
        {"title": "x" * 201},
        {"severity": "unknown"},
        {"expires_at": "2020-01-01T00:00:00Z"},
        {"expires_at": "2999-01-01T00:00:00"},
        {"device_group_ids": [999_999]},
        {"techniques": ["T12"]},
    ],
)
def test_fields_that_contradict_each_other_are_refused(rita: User, fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        made(rita, **fields)
    assert not Indicator.objects.exists()


def test_the_portal_does_not_block_itself(rita: User, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["soc.corp.example", "203.0.113.5"]
    for fields in ({"value": "203.0.113.5"}, {"type": "domainName", "value": "corp.example"},
                   {"type": "url", "value": "https://soc.corp.example/x"}):  # fmt: skip
        with pytest.raises(ValidationError, match="portal's own"):
            made(rita, **fields)
    assert made(rita, type="domainName", value="corp.example", action="allowed").is_active


def test_what_is_protected_is_not_made_unreachable(rita: User) -> None:
    for match_by, pattern in (("address", "203.0.113.0/28"), ("name", "*.corp.example"), ("name", "dc-*")):
        ProtectedAsset.objects.create(
            kind=ProtectedKind.GATEWAY,
            match_by=match_by,
            target_kind="device",
            pattern=pattern,
            note="Ours.",
            author={},
        )
    for fields in ({"value": "203.0.113.9"}, {"type": "domainName", "value": "vpn.corp.example"}):
        with pytest.raises(ValidationError, match="protected"):
            made(rita, **fields)
    assert made(rita, value="203.0.113.99").is_active
    assert made(rita, type="domainName", value="dc-1.evil.example").is_active


def test_one_value_has_one_indicator_for_the_same_devices(rita: User) -> None:
    first = made(rita)
    with pytest.raises(Refused, match=first.number) as refused:
        made(rita, value="203.0.113.9 ", action="warn")
    assert (refused.value.code, refused.value.link) == ("conflict", f"/indicators/{first.pk}/")


def test_a_group_may_have_another_indicator_on_the_same_value(rita: User, elsewhere: DeviceGroup) -> None:
    made(rita)
    assert made(rita, action="allowed", device_group_ids=[elsewhere.pk]).is_active


def test_an_analyst_does_not_block(ada: User) -> None:
    with pytest.raises(Refused) as refused:
        made(ada)
    assert refused.value.code == "forbidden"


def test_who_sees_one_group_indicates_for_that_group_only(eve: User, elsewhere: DeviceGroup) -> None:
    eve.roles.set([Role.objects.get(key="responder")])
    person = User.objects.get(pk=eve.pk)
    with pytest.raises(Refused, match="beyond the scope"):
        made(person)
    default = DeviceGroup.objects.get(is_default=True)
    with pytest.raises(Refused, match="outside the scope"):
        made(person, device_group_ids=[default.pk, elsewhere.pk])
    assert made(person, device_group_ids=[elsewhere.pk]).is_active


def test_no_more_than_the_limit_is_active(rita: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_indicator, "MOST_ACTIVE", 1)
    made(rita)
    with pytest.raises(Refused) as refused:
        made(rita, value="203.0.113.10")
    assert refused.value.code == "cap_reached"


@pytest.mark.parametrize("heard_of_the_end", [True, False])
def test_a_value_that_was_withdrawn_and_is_named_anew_is_the_newer_one_s(
    rita: User, place: Company, heard_of_the_end: bool
) -> None:
    """Else the two would take turns at the connection for ever."""
    older = made(rita)
    enforce_now(place.connection)
    remove_indicator(older, reason="Wrong", actor=rita.actor, user=rita)
    if heard_of_the_end:
        enforce_now(place.connection)
    newer = made(rita, action="warn")
    enforce_now(place.connection)
    orders = Delivery.objects.count()
    look(place.connection)
    enforce_now(place.connection)
    assert there(place)[newer.remote_key]["action"] == "warn"
    assert [enforcement(one).state for one in (older, newer)] == [Enforcement.LIFTED, Enforcement.IN_FORCE]
    assert Delivery.objects.count() == orders


def test_a_connection_follows_and_is_read_back(rita: User, place: Company) -> None:
    indicator = made(rita)
    assert enforcement(indicator).state == Enforcement.WAITING
    enforce_now(place.connection)
    assert there(place)[indicator.remote_key]["action"] == "block"
    assert enforcement(indicator).state == Enforcement.IN_FORCE
    assert AuditEvent.objects.filter(verb="indicator.observed", subject=f"indicator:{indicator.pk}").exists()


def test_many_indicators_are_one_order(rita: User, place: Company) -> None:
    for last in range(10, 20):
        made(rita, value=f"203.0.113.{last}")
    enforce_now(place.connection)
    assert Delivery.objects.count() == 1
    assert len(there(place)) == 10


def test_a_change_of_the_wish_is_sent_again(rita: User, place: Company) -> None:
    indicator = made(rita)
    enforce_now(place.connection)
    change_indicator(indicator, changes={"action": "warn"}, reason="Too strict", actor=rita.actor, user=rita)
    assert enforcement(indicator).state != Enforcement.IN_FORCE
    enforce_now(place.connection)
    assert there(place)[indicator.remote_key]["action"] == "warn"


def test_a_removed_indicator_leaves_the_connection(rita: User, place: Company) -> None:
    indicator = made(rita)
    enforce_now(place.connection)
    remove_indicator(indicator, reason="False positive", actor=rita.actor, user=rita)
    enforce_now(place.connection)
    assert there(place) == {}
    assert enforcement(indicator).state == Enforcement.LIFTED


def test_an_indicator_ends_with_its_time(rita: User, place: Company) -> None:
    indicator = made(rita, expires_at=clock.now() + timedelta(hours=1))
    enforce_now(place.connection)
    assert expire_indicators() == 0
    with clock.at(clock.now() + timedelta(hours=2)):
        assert expire_indicators() == 1
        enforce_now(place.connection)
        assert there(place) == {}
    indicator.refresh_from_db()
    assert (indicator.status, indicator.changes.latest("id").deed) == ("expired", "expired")


def test_what_somebody_changes_at_the_connection_is_found_and_mended(rita: User, place: Company) -> None:
    indicator = made(rita)
    enforce_now(place.connection)
    with SimulatedCompany(place.connection).target(TENANT.kind, TENANT.remote_id) as remote:
        remote.state["indicators"] = {}
        remote.save()
    assert look(place.connection)
    assert enforcement(indicator).state == Enforcement.DIFFERS
    enforce_now(place.connection)
    assert enforcement(indicator).state == Enforcement.IN_FORCE


def test_a_connection_that_lies_is_not_believed(rita: User, place: Company) -> None:
    world.put_target(place.connection, TENANT.kind, TENANT.remote_id, behaviour={"lies": True})
    indicator = made(rita)
    enforce_now(place.connection, rounds=3)
    row = enforcement(indicator)
    assert (row.state, row.observed) == (Enforcement.FAILED, "absent")
    assert row.next_try_at > clock.now()


def test_a_new_connection_gets_what_is_in_force(rita: User, place: Company) -> None:
    indicator = made(rita)
    later = company()
    enforce_all()
    enforce_now(later.connection)
    assert there(later)[indicator.remote_key]["action"] == "block"


def test_an_indicator_of_the_demo_stays_in_the_demo_company(rita: User, place: Company) -> None:
    indicator = create_indicator(fields=IP, reason="Demo", actor=rita.actor, user=rita, exercise="demo")
    assert not indicator.enforcements.exists()
    place.connection.exercise = "demo"
    place.connection.save()
    enforce_all()
    assert indicator.enforcements.count() == 1


def test_making_changing_and_removing_are_taken_back_one_by_one(rita: User) -> None:
    indicator = made(rita)
    changed = change_indicator(indicator, changes={"title": "Other"}, reason="Name", actor=rita.actor, user=rita)
    assert changed.title == "Other"
    back = undo_indicator(indicator, reason="No", actor=rita.actor, user=rita)
    assert (back.title, back.status) == ("Command server", "active")
    assert undo_indicator(indicator, reason="No", actor=rita.actor, user=rita).status == "removed"
    with pytest.raises(Refused, match="left to take back"):
        undo_indicator(indicator, reason="No", actor=rita.actor, user=rita)


def test_a_removal_taken_back_is_in_force_again(rita: User, place: Company) -> None:
    indicator = made(rita)
    remove_indicator(indicator, reason="Mistake", actor=rita.actor, user=rita)
    assert undo_indicator(indicator, reason="It was right", actor=rita.actor, user=rita).is_active
    enforce_now(place.connection)
    assert there(place)[indicator.remote_key]["action"] == "block"


def test_a_removal_cannot_be_taken_back_over_a_newer_one(rita: User) -> None:
    indicator = made(rita)
    remove_indicator(indicator, reason="Mistake", actor=rita.actor, user=rita)
    made(rita, action="warn")
    with pytest.raises(Refused) as refused:
        undo_indicator(indicator, reason="Back", actor=rita.actor, user=rita)
    assert refused.value.code == "conflict"


def test_each_deed_is_on_record_with_its_reason(rita: User) -> None:
    indicator = made(rita)
    change_indicator(indicator, changes={"severity": "high"}, reason="Worse", actor=rita.actor, user=rita)
    remove_indicator(indicator, reason="Over", actor=rita.actor, user=rita)
    events = AuditEvent.objects.filter(subject=f"indicator:{indicator.pk}").exclude(verb="indicator.status")
    assert [(event.verb, event.reason) for event in events.order_by("id")] == [
        ("indicator.made", "Seen in an attack"),
        ("indicator.changed", "Worse"),
        ("indicator.removed", "Over"),
    ]


def test_after_a_restore_nothing_is_sent_before_a_person_says_so(rita: User, place: Company) -> None:
    indicator = made(rita)
    enforce_now(place.connection)
    with SimulatedCompany(place.connection).target(TENANT.kind, TENANT.remote_id) as remote:
        remote.state["indicators"] = {}  # the real portal removed it after the backup
        remote.save()
    assert hold_indicators(actor=rita.actor, reason="Restored from a backup.") == 1
    look(place.connection)
    enforce_all()
    enforce_now(place.connection)
    assert there(place) == {}
    assert enforcement(indicator).state == Enforcement.FAILED
    send_again(indicator, actor=rita.actor, user=rita, reason="Still right")
    enforce_now(place.connection)
    assert enforcement(indicator).state == Enforcement.IN_FORCE
