"""What a request says of itself counts when a trusted proxy says it, and nowhere else."""

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from accounts.models import User
from core.client_address import client_address
from core.models import AuditEvent
from core.proxies import TrustedProxyMiddleware

PROXY, STRANGER = "10.0.0.1", "203.0.113.66"


def understood(rf: RequestFactory, peer: str, **headers: str) -> HttpRequest:
    """The request as the rest of the portal gets to see it."""
    seen: list[HttpRequest] = []

    def keep(request: HttpRequest) -> HttpResponse:
        seen.append(request)
        return HttpResponse()

    said = {name.replace("_", "-"): value for name, value in headers.items()}
    TrustedProxyMiddleware(keep)(rf.get("/", headers=said, REMOTE_ADDR=peer))
    return seen[0]


@pytest.mark.parametrize(
    ("trusted", "forwarded", "wanted"),
    [
        ([], "203.0.113.9", PROXY),
        (["192.0.2.1"], "203.0.113.9", PROXY),
        (["10.0.0.0/8"], "203.0.113.9", "203.0.113.9"),
        (["10.0.0.1"], "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (["10.0.0.1", "203.0.113.9"], "198.51.100.1, 203.0.113.9", "198.51.100.1"),
        (["10.0.0.0/8"], "10.9.9.9, 10.8.8.8", "10.9.9.9"),
        (["10.0.0.1"], "203.0.113.9, not an address", PROXY),
        (["10.0.0.1"], "", PROXY),
        (["10.0.0.1"], "2001:db8::7", "2001:db8::7"),
        (["10.0.0.1"], "::ffff:203.0.113.9", "203.0.113.9"),
    ],
)
def test_the_nearest_address_that_is_no_trusted_proxy_is_the_caller(
    rf: RequestFactory, settings: Settings, trusted: list[str], forwarded: str, wanted: str
) -> None:
    settings.TRUSTED_PROXIES = trusted
    assert client_address(understood(rf, PROXY, X_Forwarded_For=forwarded)) == wanted


def test_a_proxy_that_is_reached_over_ipv6_is_known_by_its_ipv4_address(rf: RequestFactory, settings: Settings) -> None:
    settings.TRUSTED_PROXIES = [PROXY]
    assert client_address(understood(rf, f"::ffff:{PROXY}", X_Forwarded_For="203.0.113.9")) == "203.0.113.9"


@pytest.mark.parametrize(
    ("peer", "secure", "host"), [(PROXY, True, "portal.example.org"), (STRANGER, False, "testserver")]
)
def test_scheme_and_host_are_believed_of_a_trusted_proxy_alone(
    rf: RequestFactory, settings: Settings, peer: str, secure: bool, host: str
) -> None:
    settings.TRUSTED_PROXIES, settings.ALLOWED_HOSTS = [PROXY], ["portal.example.org", "testserver"]
    request = understood(rf, peer, X_Forwarded_Proto="https", X_Forwarded_Host="portal.example.org")
    assert (request.is_secure(), request.get_host()) == (secure, host)


def test_what_a_stranger_claims_is_gone_for_every_later_reader(rf: RequestFactory, settings: Settings) -> None:
    settings.TRUSTED_PROXIES = [PROXY]
    claims = dict.fromkeys(("X_Forwarded_For", "X_Forwarded_Host", "Forwarded", "X_Real_IP", "X_Request_ID"), "1.2.3.4")
    request = understood(rf, STRANGER, **claims)
    assert [value for value in map(str, request.META.values()) if "1.2.3.4" in value] == []
    assert [value for value in request.headers.values() if "1.2.3.4" in value] == []


def test_a_host_that_a_proxy_hands_on_still_has_to_be_ours(client: Client, settings: Settings) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    assert client.get("/accounts/login/", headers={"X-Forwarded-Host": "evil.example"}).status_code == 400


def test_a_mistake_in_the_list_stops_the_start(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8", "proxy.example.org"]
    with pytest.raises(ValueError, match=r"proxy\.example\.org"):
        TrustedProxyMiddleware(lambda request: HttpResponse())


# ---- lock-out and history ----


def fail_to_sign_in(said: str, peer: str) -> Any:
    form = {"login": "rita", "password": "wrong"}
    return Client().post("/accounts/login/", form, headers={"X-Forwarded-For": said}, REMOTE_ADDR=peer)


def addresses_of_failures() -> list[str]:
    rows = AuditEvent.objects.filter(verb__in=["user.sign_in_failed", "user.locked_out"]).order_by("id")
    return [row.data["address"] for row in rows if "address" in row.data]


def test_a_stranger_lifts_no_lock_out_and_lays_no_false_trail(rita: User, settings: Settings) -> None:
    settings.TRUSTED_PROXIES = [PROXY]
    answers = [fail_to_sign_in(f"198.51.100.{number}", STRANGER).status_code for number in range(7)]
    assert answers[-1] == 429
    assert set(addresses_of_failures()) == {STRANGER}


def test_behind_a_proxy_people_are_locked_out_one_by_one(rita: User, settings: Settings) -> None:
    settings.TRUSTED_PROXIES = [PROXY]
    answers = [fail_to_sign_in(f"1.1.1.1, {STRANGER}", PROXY).status_code for _ in range(7)]
    assert answers[-1] == 429
    assert set(addresses_of_failures()) == {STRANGER}
    assert fail_to_sign_in("203.0.113.200", PROXY).status_code == 200
