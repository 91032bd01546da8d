"""Which of our entities a source means: one machine is one device, and a doubtful name decides nothing."""

from datetime import timedelta

import pytest

from incidents.models import Device, File, Identity
from incidents.services.facts import DeviceFacts, FileFacts, IdentityFacts
from incidents.services.resolve_entities import resolve_devices, resolve_files, resolve_identities
from tests.factories.wire import NINE, device, graph_alert, take_in

pytestmark = pytest.mark.django_db


def devices(*facts: DeviceFacts) -> list[int]:
    return [known.pk for known in resolve_devices(facts, at=NINE)]


def identities(*facts: IdentityFacts) -> list[int]:
    return [known.pk for known in resolve_identities(facts, at=NINE)]


def test_names_and_vendor_ids_of_one_machine_lead_to_one_device() -> None:
    whole = DeviceFacts(dns_name="FIN-1.corp.example.", ids=("mde:1",))
    one = devices(whole, DeviceFacts(host_name="fin-1"), DeviceFacts(ids=("mde:1",)))
    assert len(set(one)) == 1
    assert devices(DeviceFacts(host_name="FIN-1", domain="corp.example")) == one[:1]


def test_the_same_host_name_in_two_domains_is_two_machines() -> None:
    one, other = devices(DeviceFacts(dns_name="ws.a.example"), DeviceFacts(dns_name="ws.b.example"))
    assert one != other
    assert devices(DeviceFacts(host_name="ws"))[0] not in (one, other), "the bare name could be either"


@pytest.mark.parametrize("name", ["localhost", "-", "unknown", ""])
def test_a_name_that_every_machine_has_names_none(name: str) -> None:
    take_in(graph_alert({"@odata.type": "#microsoft.graph.security.deviceEvidence", "hostName": name}))
    assert not Device.objects.exists()


def test_a_renamed_machine_keeps_its_vendor_id() -> None:
    one = devices(DeviceFacts(dns_name="old.corp.example", ids=("mde:7",)))
    assert devices(DeviceFacts(dns_name="new.corp.example", ids=("mde:7",))) == one


def test_accounts_are_told_apart_by_domain() -> None:
    whole = IdentityFacts(upn="ian@corp.example", account_name="ian", domain="CORP")
    one, bare, local = identities(whole, IdentityFacts(account_name="ian"),
                                  IdentityFacts(account_name="ian", domain="FIN-WS-014"))  # fmt: skip
    assert one == bare != local


def test_an_account_gets_its_principal_name_when_it_is_learnt() -> None:
    one = identities(IdentityFacts(account_name="eva", domain="CORP", ids=("sid:s-1-5-21-1",)))
    assert identities(IdentityFacts(upn="Eva@corp.example", ids=("sid:s-1-5-21-1",))) == one
    identity = Identity.objects.get()
    assert (identity.key, "corp\\eva" in identity.aliases) == ("eva@corp.example", True)


def test_a_file_is_known_by_any_of_its_hashes() -> None:
    one = resolve_files([FileFacts(md5="1" * 32, name="a.exe")], at=NINE)[0]
    both = resolve_files([FileFacts(md5="1" * 32, sha256="2" * 64, name="b.exe")], at=NINE)[0]
    again = resolve_files([FileFacts(sha256="2" * 64)], at=NINE)[0]
    assert one.pk == both.pk == again.pk
    stored = File.objects.get()
    assert (stored.key, stored.names) == (f"sha256:{'2' * 64}", ["b.exe", "a.exe"])


def test_what_is_learnt_later_is_added() -> None:
    take_in(graph_alert(device(loggedOnUsers=[{"accountName": "m.okafor", "domainName": "CORP"}])))
    take_in(graph_alert(device(lastIpAddress="10.0.0.7", healthStatus="active", onboardingStatus="onboarded")))
    found = Device.objects.get()
    assert (found.ip_addresses, found.logged_on_users) == (["10.0.0.7"], ["CORP\\m.okafor"])
    assert (found.health, found.onboarding) == ("active", "onboarded")


def test_last_seen_moves_on_and_never_back() -> None:
    take_in(graph_alert(device(), minutes=60))
    take_in(graph_alert(device(), minutes=0))
    assert Device.objects.get().last_seen == NINE + timedelta(minutes=60)


def test_a_thing_was_last_seen_when_its_last_alert_was_to_the_minute_and_not_when_the_batch_ended() -> None:
    take_in(graph_alert(device()), graph_alert(device("OTHER-01"), minutes=30))
    known = Device.objects.get(display_name__iexact="OTHER-01")
    first = Device.objects.exclude(pk=known.pk).get()
    assert (first.first_seen, first.last_seen) == (NINE, NINE)
    assert known.last_seen == NINE + timedelta(minutes=30)
    take_in(graph_alert(device(), minutes=2))
    first.refresh_from_db()
    assert (first.first_seen, first.last_seen) == (NINE, NINE + timedelta(minutes=2))


def test_a_real_sighting_takes_a_device_out_of_the_exercise_that_named_it_first() -> None:
    take_in(graph_alert(device()), exercise="drill")
    assert Device.objects.get().exercise == "drill"
    take_in(graph_alert(device()))
    assert Device.objects.get().exercise == ""
