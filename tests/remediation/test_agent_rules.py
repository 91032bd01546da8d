"""What administrators say beforehand about devices with an agent."""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import DeviceGroup, User
from core.models import AuditEvent
from remediation.models import IsolationRule, TrustedPrograms
from remediation.services.agent_rules import clean_networks, set_trusted_programs
from tests.conftest import SignedIn
from tests.factories.api import caller

pytestmark = pytest.mark.django_db
PAGE = "/admin/isolation/"
WANTED = {
    "name": "Proxy",
    "networks": "192.0.2.8\n2001:db8::/64",
    "protocol": "tcp",
    "port": "3128",
    "direction": "out",
    "enabled": "on",
}


def test_an_exclusion_is_made_changed_and_removed_on_its_page(client: Client, signed_in: SignedIn, adam: User) -> None:
    signed_in(client, adam)
    assert client.post(f"{PAGE}new/", WANTED).status_code == 302
    rule = IsolationRule.objects.get()
    assert rule.networks == ["192.0.2.8/32", "2001:db8::/64"]
    assert "TCP 3128" in client.get(PAGE).content.decode()
    client.post(f"{PAGE}{rule.pk}/", {**WANTED, "direction": "both", "enabled": ""})
    rule.refresh_from_db()
    assert (rule.direction, rule.enabled) == ("both", False)
    assert len(rule.as_snapshot()["allows"]) == 4
    client.post(f"{PAGE}{rule.pk}/remove/", {"reason": "Gone"})
    assert not IsolationRule.objects.exists()
    kept = AuditEvent.objects.filter(verb__startswith="isolation_rule.").values_list("verb", flat=True)
    assert sorted(kept) == ["isolation_rule.changed", "isolation_rule.made", "isolation_rule.removed"]


@pytest.mark.parametrize(
    "wrong",
    [{"networks": "nonsense"}, {"networks": ""}, {"port": "80", "protocol": ""}, {"name": ""}, {"port": "70000"}],
    ids=str,
)
def test_what_is_no_exclusion_is_said(client: Client, signed_in: SignedIn, adam: User, wrong: dict[str, str]) -> None:
    assert signed_in(client, adam).post(f"{PAGE}new/", {**WANTED, **wrong}).status_code == 422
    assert not IsolationRule.objects.exists()


def test_a_rule_has_twenty_networks_at_most() -> None:
    with pytest.raises(ValidationError):
        clean_networks([f"192.0.2.{number}" for number in range(21)])


def test_an_analyst_may_not(client: Client, signed_in: SignedIn, ada: User) -> None:
    assert signed_in(client, ada).get(PAGE).status_code == 403


def test_the_api_says_the_same(adam: User, ada: User) -> None:
    body = {"name": "Proxy", "networks": ["192.0.2.8"], "protocol": "tcp", "port": 3128}
    assert caller(ada).post("/isolation-exclusions", body).status == 403
    made = caller(adam).post("/isolation-exclusions", body)
    assert made.status == 201
    assert made.body["networks"] == ["192.0.2.8/32"]
    address = f"/isolation-exclusions/{made.body['id']}"
    assert caller(adam).put(address, {**body, "direction": "in"}).body["direction"] == "in"
    assert caller(adam).post(f"{address}/remove", {"reason": "Gone"}).status == 204


def test_the_api_says_what_a_group_trusts(adam: User, ada: User, eve: User) -> None:
    group = DeviceGroup.objects.get(is_default=True)
    address = f"/trusted-programs/{group.pk}"
    key = ed25519.Ed25519PrivateKey.generate().public_key()
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    for who in (ada, eve):
        assert caller(who).get("/trusted-programs").status == 403
        assert caller(who).put(address, {"folders": ["/opt"], "signers": []}).status == 403
    before = caller(adam).get(address).body
    assert (before["device_group"], before["folders"], before["signers"], before["updated"]) == (
        group.name, [], [], None,
    )  # fmt: skip
    told = caller(adam).put(address, {"folders": ["/opt/ours"], "signers": [pem]})
    assert (told.status, told.body["folders"], told.body["signers"]) == (200, ["/opt/ours"], [pem])
    assert told.body["updated"]
    assert told.body in caller(adam).get("/trusted-programs").body["results"]
    wrongs: list[dict[str, list[str]]] = [
        {"folders": ["relative"], "signers": []}, {"folders": [], "signers": ["x"]}, {"folders": []},
    ]  # fmt: skip
    for wrong in wrongs:
        assert caller(adam).put(address, wrong).status == 400
    assert TrustedPrograms.objects.get().folders == ["/opt/ours"]
    assert AuditEvent.objects.filter(verb="trusted_programs.changed").count() == 1


def test_trusted_programs_are_folders_and_keys(client: Client, signed_in: SignedIn, adam: User) -> None:
    group = DeviceGroup.objects.get(is_default=True)
    address = f"{PAGE}trusted/{group.pk}/"
    assert signed_in(client, adam).post(address, {"folders": "/opt/ours", "signers": ""}).status_code == 302
    assert TrustedPrograms.objects.get().folders == ["/opt/ours"]
    assert client.post(address, {"folders": "relative", "signers": ""}).status_code == 422
    assert client.post(address, {"folders": "", "signers": "no key"}).status_code == 422
    with pytest.raises(ValidationError):
        set_trusted_programs(group, folders=["/"], signers=[], actor=adam.actor)
