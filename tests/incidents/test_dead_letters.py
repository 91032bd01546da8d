import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import DeviceGroup, User
from incidents.ingest.dead_letters import MAX_RAW_BYTES, discard_letter
from incidents.ingest.formats import graph, registered
from incidents.ingest.parse import parse_body
from incidents.ingest.replay import replay_letter
from incidents.models import Alert, DeadLetter
from tests.conftest import SignedIn
from tests.factories.api import caller
from tests.factories.people import person
from tests.factories.wire import graph_alert, take_in

pytestmark = pytest.mark.django_db


def test_one_bad_item_does_not_spoil_the_batch_and_is_kept() -> None:
    receipt = take_in(graph_alert(), {"title": "no id"}, graph_alert())
    assert receipt.accepted == 2
    assert [one["index"] for one in receipt.rejected] == [1]
    letter = DeadLetter.objects.get()
    assert (letter.state, letter.code, letter.field) == ("open", "missing_field", "id")
    assert bytes(letter.raw) == b'{"title":"no id"}'


def test_what_is_not_even_json_is_kept_as_it_came() -> None:
    body = b'{"id": "1", "title": "a"}\n{"id": "2", "title": oops}\n{"id": "3", "title": "c"}'
    receipt = take_in(*parse_body(body))
    assert (receipt.accepted, len(receipt.rejected)) == (2, 1)
    assert bytes(DeadLetter.objects.get().raw) == b'{"id": "2", "title": oops}'


def test_a_fault_in_a_format_costs_one_item_and_tells_no_secret(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(item: dict[str, str]) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setitem(registered(), "graph", type(registered()["graph"])("graph", graph.LABEL, fail))  # type: ignore[arg-type]
    rejected = take_in(graph_alert()).rejected[0]
    assert rejected["code"] == "unexpected"
    assert "secret" not in rejected["message"]
    assert "secret" in caplog.text


def test_a_replayed_letter_becomes_an_alert_once_its_cause_is_gone(adam: User) -> None:
    take_in({"title": "no id"})
    letter = DeadLetter.objects.get()
    assert replay_letter(letter, actor=adam.actor).rejected
    DeadLetter.objects.update(raw=b'{"title": "now with", "id": "7"}')
    receipt = replay_letter(letter, actor=adam.actor)
    letter.refresh_from_db()
    assert receipt.accepted == 1
    assert (letter.state, letter.alert, letter.handled_by) == ("replayed", Alert.objects.get(), "Adam Novak")
    assert DeadLetter.objects.count() == 1


def test_a_discarded_letter_stays_and_cannot_be_replayed(adam: User) -> None:
    take_in({"title": "no id"})
    letter = DeadLetter.objects.get()
    discard_letter(letter, actor=adam.actor, reason="noise")
    with pytest.raises(ValidationError, match="discarded already"):
        replay_letter(letter, actor=adam.actor)


def test_a_letter_too_large_to_keep_whole_says_so(adam: User) -> None:
    take_in({"title": "x" * (MAX_RAW_BYTES + 1)})
    letter = DeadLetter.objects.get()
    assert letter.truncated
    with pytest.raises(ValidationError, match="too large"):
        replay_letter(letter, actor=adam.actor)


def test_an_administrator_with_a_scope_neither_sees_nor_replays_them(
    elsewhere: DeviceGroup, signed_in: SignedIn
) -> None:
    take_in({"title": "no id"})
    letter = DeadLetter.objects.get()
    sara = person("sara", "admin", groups=[elsewhere])
    page, api = signed_in(Client(), sara), caller(sara)
    address = f"/admin/dead-letters/{letter.pk}/"
    assert [page.get(address).status_code, page.post(f"{address}replay/").status_code] == [404, 404]
    assert page.post(f"{address}discard/", {"reason": "x"}).status_code == 404
    assert (
        page.post("/admin/dead-letters/replay/", {"id": letter.pk}, headers={"HX-Request": "true"}).status_code == 204
    )
    refused = page.get("/admin/dead-letters/")
    assert (refused.status_code, "see all device groups" in refused.text) == (403, True)
    assert api.get("/dead-letters").status == 403
    statuses = [api.get(f"/dead-letters/{letter.pk}").status, api.post(f"/dead-letters/{letter.pk}/replay").status]
    assert [*statuses, api.post(f"/dead-letters/{letter.pk}/discard").status] == [404, 404, 404]
    letter.refresh_from_db()
    assert letter.state == "open"
    assert "/admin/dead-letters/" not in page.get("/admin/connections/").text


def test_an_administrator_of_everything_is_shown_the_way_to_them(adam: User, signed_in: SignedIn) -> None:
    assert "/admin/dead-letters/" in signed_in(Client(), adam).get("/admin/connections/").text
