"""Calls to other systems: nothing inside is reached unless an administrator opened it, by whatever name it goes."""

import ipaddress
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from core.http import MAX_ANSWER, AllowList, Forbidden, OutboundError, is_outside, place_of, post, reached
from tests.factories.web import Recorder, web_server

OUTSIDE = "93.184.216.34"
NOTHING = AllowList([])


@pytest.fixture
def inside() -> Iterator[Recorder]:
    with web_server() as server:
        yield server


def answers(*addresses: str) -> Any:
    return lambda host, port: list(addresses)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "172.16.9.9", "192.168.1.1", "169.254.169.254", "169.254.1.1", "100.64.0.1", "0.0.0.0",
     "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1", "::1", "::", "fe80::1", "fc00::1",
     "fd00:ec2::254", "ff02::1", "fec0::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::10.0.0.1",
     "64:ff9b::7f00:1", "2002:7f00:1::", "2002:a00:1::1", "2001:0:0:0:0:0:80ff:fffe", "2001:db8::1"],
)  # fmt: skip
def test_an_address_inside_is_inside_in_every_form(address: str) -> None:
    assert not is_outside(ipaddress.ip_address(address))
    with pytest.raises(Forbidden):
        place_of("https://hooks.example/", allowed=NOTHING, resolver=answers(address))


@pytest.mark.parametrize("address", [OUTSIDE, "1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"])
def test_an_address_of_the_internet_is_outside(address: str) -> None:
    assert is_outside(ipaddress.ip_address(address))
    assert place_of("https://hooks.example/x", allowed=NOTHING, resolver=answers(address)).host == "hooks.example"


def test_ipv4_in_ipv6_is_judged_as_what_it_reaches() -> None:
    assert str(reached(ipaddress.ip_address("::ffff:10.1.2.3"))) == "10.1.2.3"
    assert str(reached(ipaddress.ip_address("2002:0a01:0203::"))) == "10.1.2.3"


@pytest.mark.parametrize(
    "url",
    ["ftp://hooks.example/", "file:///etc/passwd", "gopher://x/", "https:///x", "https://a:b@hooks.example/", "x",
     "https://user@hooks.example/", "https://hooks.example:0/", "https://hooks.example:99999/", "https://[::1/",
     "https://hooks.example/\r\nx: y", "https://hooks.example\\@inside/", "https://hooks.example/ x", "",
     "https://hooks.example/" + "x" * 2_000],
)  # fmt: skip
def test_what_is_no_plain_address_is_refused(url: str) -> None:
    with pytest.raises(Forbidden):
        place_of(url, allowed=NOTHING, resolver=answers(OUTSIDE))


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1", "localhost"])
def test_other_spellings_of_this_machine_are_refused(host: str) -> None:
    with pytest.raises(OutboundError):
        place_of(f"https://{host}/", allowed=NOTHING)


def test_a_name_with_one_address_inside_is_refused_whole() -> None:
    with pytest.raises(Forbidden, match="inside"):
        place_of("https://hooks.example/", allowed=NOTHING, resolver=answers(OUTSIDE, "10.0.0.5"))


def test_without_encryption_only_what_was_opened_is_called() -> None:
    with pytest.raises(Forbidden, match="only https"):
        place_of("http://hooks.example/", allowed=NOTHING, resolver=answers(OUTSIDE))
    named = AllowList(["hooks.example"])
    assert place_of("http://hooks.example/", allowed=named, resolver=answers(OUTSIDE)).address == OUTSIDE


@pytest.mark.parametrize("entry", ["10.9.0.0/24", "10.9.0.7", "hooks.corp", "HOOKS.corp."])
def test_an_administrator_opens_a_network_an_address_or_a_name(entry: str) -> None:
    place = place_of("http://hooks.corp/x", allowed=AllowList([entry]), resolver=answers("10.9.0.7"))
    assert place.address == "10.9.0.7"
    with pytest.raises(Forbidden):
        place_of("http://other.corp/x", allowed=AllowList([entry]), resolver=answers("10.8.0.7"))


def test_a_metadata_service_is_opened_by_its_own_address_alone() -> None:
    for entry in ("169.254.0.0/16", "0.0.0.0/0", "meta.corp"):
        with pytest.raises(Forbidden, match="metadata"):
            place_of("https://meta.corp/", allowed=AllowList([entry]), resolver=answers("169.254.169.254"))
    opened = AllowList(["169.254.169.254"])
    assert place_of("http://meta.corp/", allowed=opened, resolver=answers("169.254.169.254")).host == "meta.corp"


def test_a_name_that_changes_its_answer_is_called_where_it_was_judged(inside: Recorder) -> None:
    """First the address that an administrator opened, then, for whoever asks again, one that nobody did."""
    turns = [["127.0.0.1"], ["127.0.0.2"], ["127.0.0.3"]]
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return turns.pop(0)

    url = f"http://rebind.example:{inside.port}/hook"
    answer = post(url, body=b"{}", headers={}, allowed=AllowList(["127.0.0.1"]), resolver=rebinding)
    assert (answer.code, asked) == (200, ["rebind.example"])
    path, headers, body = inside.asked[0]
    assert (path, headers["host"], body) == ("/hook", f"rebind.example:{inside.port}", b"{}")
    with pytest.raises(Forbidden):
        post(url, body=b"{}", headers={}, allowed=AllowList(["127.0.0.1"]), resolver=rebinding)
    assert len(inside.asked) == 1


def test_a_redirect_is_an_answer_and_not_followed(inside: Recorder) -> None:
    inside.code, inside.location = 302, f"http://127.0.0.1:{inside.port}/secret"
    answer = post(f"http://127.0.0.1:{inside.port}/hook", body=b"{}", headers={}, allowed=AllowList(["127.0.0.1"]))
    assert (answer.code, answer.is_ok, [path for path, *_ in inside.asked]) == (302, False, ["/hook"])


def test_of_a_long_answer_the_beginning_is_read(inside: Recorder) -> None:
    inside.answer = b"x" * (MAX_ANSWER * 20)
    answer = post(f"http://127.0.0.1:{inside.port}/", body=b"{}", headers={}, allowed=AllowList(["127.0.0.1"]))
    assert len(answer.body) == MAX_ANSWER


def test_neither_errors_nor_logs_tell_the_path_of_an_address(
    inside: Recorder, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    caplog.set_level(logging.INFO)
    post(f"http://127.0.0.1:{inside.port}/CANARY", body=b"{}", headers={}, allowed=AllowList(["127.0.0.1"]))
    inside.server_close()
    with pytest.raises(OutboundError) as refused:
        post("http://127.0.0.1:9/CANARY", body=b"{}", headers={}, allowed=AllowList(["127.0.0.1"]))
    assert str(refused.value) == "127.0.0.1: no connection."
    assert "CANARY" not in caplog.text + str(refused.value)
