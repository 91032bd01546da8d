"""Destructive actions on what must not fall are refused, or need an approver with the stronger right."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import DeviceGroup, User
from connectors.kinds.simulator import world
from core.models import AuditEvent
from incidents.models import Device
from incidents.services.describe_entity import describe_entity
from remediation.models import ProtectedAsset
from remediation.policy.protection import shield_of
from remediation.refused import Refused
from remediation.services.carry_out import carry_out
from remediation.services.protect import protect, unprotect
from remediation.services.suggest_protection import suggestions
from tests.conftest import SignedIn
from tests.factories.api import caller
from tests.factories.brakes import put, shield
from tests.factories.people import DeviceGroupFactory, person
from tests.factories.remediation import SETTER, Company, FileFactory, IdentityFactory, approve, ask, company, done, saw

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(db: None) -> Company:
    return company()


def rule(match_by: str, pattern: str, target_kind: str = "device") -> ProtectedAsset:
    return protect(kind="dns", match_by=match_by, target_kind=target_kind, pattern=pattern, note="Names", actor=SETTER)


def test_what_is_refused_is_refused_to_everybody(place: Company, adam: User) -> None:
    device = place.device()
    shield(device, "portal")
    with pytest.raises(Refused) as refusal:
        ask(adam, "device.isolate", device)
    assert (refusal.value.code, refusal.value.rule) == ("protected", "protected")
    assert refusal.value.inputs["kind"] == "portal"
    assert ask(adam, "device.antivirus_scan", device).pk


def test_the_rest_needs_an_approver_with_the_stronger_right(place: Company, ada: User, rita: User, adam: User) -> None:
    device = place.device()
    shield(device)
    run = ask(ada, "device.isolate", device)
    with pytest.raises(Refused) as refusal:
        approve(rita, run)
    assert refusal.value.code == "protected"
    assert carry_out(approve(adam, run)).status == "succeeded"


def test_which_of_the_two_is_an_option_for_each_kind(place: Company, ada: User) -> None:
    device = place.device()
    shield(device)
    put("protection.refuse_domain_controller", True)
    with pytest.raises(Refused):
        ask(ada, "device.isolate", device)


def test_an_action_that_needs_no_approval_needs_one_there(place: Company, ada: User, adam: User) -> None:
    account = place.identity()
    shield(account, "soc_account")
    run = ask(ada, "identity.revoke_sessions", account)
    assert run.decision == "pending"
    assert carry_out(approve(adam, run)).status == "succeeded"


@pytest.mark.parametrize(("refuses", "code"), [(True, "protected"), (False, "protected")])
def test_what_became_protected_meanwhile_is_not_carried_out(
    refuses: bool, code: str, place: Company, ada: User, rita: User
) -> None:
    device = place.device()
    run = approve(rita, ask(ada, "device.isolate", device))
    put("protection.refuse_domain_controller", refuses)
    shield(device)
    assert carry_out(run).result == {"refused": code}
    assert place.state(device)["network"] == "connected"


def test_a_file_action_leaves_out_what_is_refused(place: Company, ada: User, rita: User) -> None:
    file, devices = FileFactory.create(), [place.device(), place.device()]
    for device in devices:
        world.put_file(place.connection, device.key, file.key, name=file.display_name)
    saw(file, *devices)
    shield(devices[0], "database")
    run = done(ada, rita, "file.quarantine", file)
    states = dict(run.children.values_list("target_id", "status"))
    assert states == {devices[0].pk: "skipped", devices[1].pk: "succeeded"}
    assert "protected (Database)" in run.children.get(target_id=devices[0].pk).status_detail


def test_rules_mean_names_networks_and_tags(place: Company) -> None:
    device = place.device()
    device.ip_addresses, device.tags = ["10.4.0.7"], ["Domain-Controller"]
    assert shield_of(device) is None
    for match_by, pattern in (("name", "FIN-ws-*"), ("address", "10.4.0.0/24"), ("tag", "domain-controller")):
        asset = rule(match_by, pattern)
        found = shield_of(device)
        assert found is not None
        assert found.asset == asset
        unprotect(asset, actor=SETTER, reason="Test")
    assert shield_of(device) is None
    verbs = AuditEvent.objects.filter(verb__startswith="protection.").values_list("verb", flat=True)
    assert sorted(verbs) == ["protection.added"] * 3 + ["protection.removed"] * 3


@pytest.mark.parametrize(
    ("match_by", "pattern", "target_kind"),
    [("name", "*", "device"), ("address", "0.0.0.0/0", "device"), ("address", "here", "device"),
     ("tag", "x", "mailbox"), ("name", "", "device"), ("address", "10.0.0.1", "identity")],
)  # fmt: skip
def test_a_rule_that_means_everything_or_nothing_is_not_taken(match_by: str, pattern: str, target_kind: str) -> None:
    with pytest.raises(ValidationError):
        rule(match_by, pattern, target_kind)


def test_what_ought_to_be_protected_is_suggested(place: Company, adam: User, rita: User) -> None:
    controller, glass = place.device(), IdentityFactory.create(key="breakglass1@corp.example")
    controller.key = controller.display_name = "dc01"
    controller.save()
    of_rita = IdentityFactory.create(key="rita@corp.example", account_name="rita")
    found = {(one.target, one.kind.value) for one in suggestions(adam)}
    assert found == {(controller, "domain_controller"), (glass, "break_glass"), (of_rita, "soc_account")}
    shield(controller)
    assert controller not in {one.target for one in suggestions(adam)}


def test_an_administrator_puts_things_on_the_list(
    client: Client, adam: User, signed_in: SignedIn, place: Company, settings: object
) -> None:
    put("confirm.brakes_change", False)
    device = place.device()
    signed_in(client, adam)
    answer = client.post(f"/admin/protected/this/device/{device.pk}/", {"kind": "dns", "note": "Answers names"})
    assert answer.status_code == 302
    page = client.get("/admin/protected/").content.decode()
    assert "Answers names" in page
    asset = ProtectedAsset.objects.get()
    client.post(f"/admin/protected/{asset.pk}/remove/", {"reason": "Moved"})
    assert not ProtectedAsset.objects.exists()
    wrong = client.post("/admin/protected/new/", {"kind": "dns", "target_kind": "device", "match_by": "address",
                                                  "pattern": "nonsense", "note": "x"})  # fmt: skip
    assert (wrong.status_code, "An address or a network is needed" in wrong.content.decode()) == (422, True)


def test_the_tag_that_protects_is_taken_away_by_who_keeps_the_list_alone(
    place: Company, ada: User, rita: User, adam: User
) -> None:
    device = place.device()
    Device.objects.filter(pk=device.pk).update(tags=["Tier-0", "finance"])
    device.refresh_from_db()
    rule("tag", "tier-0")
    run = ask(ada, "device.remove_tag", device, tag="TIER-0")
    assert (run.status, "is protected" in run.status_detail) == ("failed", True)
    with pytest.raises(ValidationError, match="is protected"):
        describe_entity(device, changes={"tags": []}, actor=rita.actor)
    describe_entity(device, changes={"tags": ["tier-0"]}, actor=ada.actor)
    assert caller(ada).patch(f"/devices/{device.pk}", {"tags": []}).code == "protected"
    assert shield_of(Device.objects.get(pk=device.pk)) is not None
    describe_entity(device, changes={"tags": []}, actor=adam.actor)
    assert shield_of(Device.objects.get(pk=device.pk)) is None


def test_the_tag_that_makes_a_server_is_kept_as_well(place: Company, ada: User, signed_in: SignedIn) -> None:
    device = place.device()
    Device.objects.filter(pk=device.pk).update(tags=["file server"])
    page = signed_in(Client(), ada).post(f"/devices/{device.pk}/describe/", {"tags": "", "criticality": "low",
                                                                             "value": "low"})  # fmt: skip
    assert (page.status_code, "counts as a server" in page.content.decode()) == (422, True)
    assert Device.objects.get(pk=device.pk).tags == ["file server"]


def test_what_one_does_not_see_is_not_there_to_be_protected(place: Company, elsewhere: DeviceGroup) -> None:
    near = person("near", "admin", groups=[DeviceGroupFactory.create()])
    body = {"kind": "dns", "match_by": "entity", "target_kind": "device", "note": "x"}
    hidden, gone = (
        caller(near).post("/protections", {**body, "target_id": str(pk)}).body for pk in (place.device().pk, 10**9)
    )
    assert hidden["error"]["message"] == gone["error"]["message"]
    assert not ProtectedAsset.objects.exists()


def test_a_rule_for_a_group_means_its_devices_alone(place: Company) -> None:
    here, there = DeviceGroupFactory.create(), DeviceGroupFactory.create()
    near, far = place.device(group=here), place.device(group=there)
    wanted: dict[str, Any] = {"kind": "dns", "match_by": "name", "pattern": "*a*", "note": "Names", "actor": SETTER}
    with pytest.raises(ValidationError, match="Only devices belong"):
        protect(**wanted, target_kind="identity", device_group_ids=[here.pk])
    for device in (near, far):
        device.display_name = "atlas"
        device.save()
    protect(**wanted, target_kind="device", device_group_ids=[here.pk])
    assert shield_of(near) is not None
    assert shield_of(far) is None


def test_who_sees_some_groups_protects_there_and_takes_away_nothing_beyond(client: Client, signed_in: SignedIn) -> None:
    here, there = DeviceGroupFactory.create(), DeviceGroupFactory.create()
    mine = person("lia", "admin", groups=[here])
    everywhere = rule("name", "ns-*")
    form = {"kind": "dns", "target_kind": "device", "match_by": "name", "pattern": "dns-*", "note": "Names"}
    page = signed_in(client, mine)
    page.post("/admin/protected/new/", form)
    own = ProtectedAsset.objects.exclude(pk=everywhere.pk).get()
    assert own.device_group_ids == [here.pk]
    assert (
        page.post("/admin/protected/new/", {**form, "pattern": "x-*", "device_group_ids": [there.pk]}).status_code
        == 422
    )
    assert page.post("/admin/protected/new/", {**form, "target_kind": "identity"}).status_code == 422
    assert "Beyond your groups" in page.get("/admin/protected/").content.decode()
    answer = page.post(f"/admin/protected/{everywhere.pk}/remove/", {"reason": "Not needed"})
    assert (answer.status_code, "beyond your device groups" in answer.content.decode()) == (422, True)
    page.post(f"/admin/protected/{own.pk}/remove/", {"reason": "Not needed"})
    assert ProtectedAsset.objects.get() == everywhere
