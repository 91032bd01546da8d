"""Who sees and does what on the pages of live response."""

import hashlib
import io
import json
import os
from typing import Any

import pytest
import pyzipper
from django.test import Client

from accounts.models import User
from accounts.step_up import SESSION_KEY
from core import clock, options
from core.models import AuditEvent
from incidents.models import Device, Incident
from live_response.models import FleetQuery, LibraryFile, LiveSession, RecordedLine
from live_response.seal import signature_fits
from live_response.services import record
from live_response.services.record import broken_at
from live_response.views import library as pages
from tests.conftest import SignedIn
from tests.factories.live import HeldLine, connected, script, typed
from tests.factories.people import person
from tests.factories.remediation import incident_naming

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def confirmed(client: Client, ago_s: float = 0) -> Client:
    """Has proved again who it is, so many seconds ago."""
    session = client.session
    session[SESSION_KEY] = clock.real_now().timestamp() - ago_s
    session.save()
    return client


def streamed(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


@pytest.fixture
def session(held: HeldLine, device: Device, rita: User) -> LiveSession:
    found = connected(held, device, rita)
    held.answer(typed(found, "processes > list.txt"), rows=[{"pid": 7, "name": "<b>sshd</b>"}])
    return found


def test_opening_asks_again_who_it_is(
    held: HeldLine, device: Device, ada: User, client: Client, signed_in: SignedIn
) -> None:
    confirmed(signed_in(client, ada), ago_s=24 * 3600)
    url = f"/live-response/open/{device.pk}/"
    assert "confirm" in client.get(url).headers["Location"]
    assert "confirm" in client.post(url, {"reason": "x", "incident": ""}).headers["Location"]
    answer = confirmed(client).post(url, {"reason": "Looks into the dropper", "incident": ""})
    session = LiveSession.objects.get()
    assert answer.headers["Location"] == f"/live-response/{session.pk}/"
    assert session.user == ada


def test_a_session_belongs_to_the_incident_that_was_chosen(
    held: HeldLine, device: Device, ada: User, client: Client, signed_in: SignedIn
) -> None:
    incident = incident_naming(device)
    confirmed(signed_in(client, ada)).post(
        f"/live-response/open/{device.pk}/", {"reason": "x", "incident": incident.pk}
    )
    assert LiveSession.objects.get().incident == incident
    page = text_of(client.get(f"/incidents/{incident.pk}/activities/"))
    assert "live" in page.lower()


def test_a_session_is_about_the_most_pressing_open_incident_of_its_device_unless_somebody_says_otherwise(
    held: HeldLine, device: Device, ada: User, client: Client, signed_in: SignedIn
) -> None:
    calm, pressing, closed = (incident_naming(device, priority_score=score) for score in (20, 90, 99))
    Incident.objects.filter(pk=closed.pk).update(status="resolved")
    incident_naming(device, priority_score=100, restricted=True)
    url = f"/live-response/open/{device.pk}/"
    field = confirmed(signed_in(client, ada)).get(url).context["form"]["incident"]
    assert field.value() == str(pressing.pk)
    assert [value for value, _label in field.field.choices] == [str(pressing.pk), str(calm.pk), ""]
    there = client.get(url, {"incident": closed.pk}).context["form"]["incident"]
    assert there.value() == str(closed.pk) in [value for value, _label in there.field.choices]


def test_a_device_without_an_incident_is_not_asked_about_one(
    held: HeldLine, device: Device, ada: User, client: Client, signed_in: SignedIn
) -> None:
    page = confirmed(signed_in(client, ada)).get(f"/live-response/open/{device.pk}/")
    assert "incident" not in page.context["form"].fields


def test_the_device_page_offers_it_or_says_why_not(
    held: HeldLine, device: Device, ada: User, mona: User, client: Client, signed_in: SignedIn
) -> None:
    url = f"/devices/{device.pk}/"
    assert f"/live-response/open/{device.pk}/" in text_of(signed_in(client, ada).get(url))
    held.missing.add(device.pk)
    assert "No endpoint agent has joined from this device." in text_of(client.get(url))
    held.missing.clear()
    session = connected(held, device, ada)
    assert session.number in text_of(client.get(url))
    assert session.number not in text_of(signed_in(Client(), mona).get(url))


def test_what_is_typed_comes_back_as_a_part_of_the_page(
    session: LiveSession, rita: User, client: Client, signed_in: SignedIn
) -> None:
    signed_in(client, rita)
    answer = client.post(f"/live-response/{session.pk}/type/", {"line": "findfile x"}, headers=HTMX)
    assert 'data-state="queued"' in text_of(answer)
    answer = client.post(f"/live-response/{session.pk}/type/", {"line": "nonsense"}, headers=HTMX)
    assert "There is no command nonsense" in text_of(answer)


def test_what_a_device_says_is_shown_and_never_run(
    session: LiveSession, rita: User, client: Client, signed_in: SignedIn
) -> None:
    page = text_of(signed_in(client, rita).get(f"/live-response/{session.pk}/"))
    assert "&lt;b&gt;sshd&lt;/b&gt;" in page
    assert "<b>sshd</b>" not in page


def test_others_watch_and_do_not_type(session: LiveSession, ada: User, client: Client, signed_in: SignedIn) -> None:
    page = text_of(signed_in(client, ada).get(f"/live-response/{session.pk}/"))
    assert "only Rita Moreno types here" in page
    answer = client.post(f"/live-response/{session.pk}/type/", {"line": "processes"}, headers=HTMX)
    assert answer.status_code == 422
    assert "Only Rita Moreno" in text_of(answer)


ADDRESSES = ("", "log/", "replay/", "recording.cast", "jobs/", "library/", "end/", "2/", "2/table.csv")


@pytest.mark.parametrize("place", ADDRESSES)
def test_outside_the_scope_there_is_no_session(
    session: LiveSession, eve: User, mona: User, rita: User, client: Client, signed_in: SignedIn, place: str
) -> None:
    url = f"/live-response/{session.pk}/{place}"
    assert signed_in(client, rita).get(url).status_code == 200
    assert signed_in(Client(), eve).get(url).status_code == 404
    assert signed_in(Client(), mona).get(url).status_code == 403


def test_outside_the_scope_nothing_is_typed_or_ended(
    session: LiveSession, eve: User, client: Client, signed_in: SignedIn
) -> None:
    signed_in(client, eve)
    for place in ("type/", "end/", "2/cancel/", f"files/{session.commands.get(number=2).artefacts.get().pk}/"):
        assert client.post(f"/live-response/{session.pk}/{place}", {"line": "jobs"}).status_code == 404
    assert session.number not in text_of(client.get("/live-response/"))
    assert "list.txt" not in text_of(client.get("/actions/live-response/"))


def test_a_fetched_file_comes_as_an_encrypted_zip_for_a_reason(
    session: LiveSession, rita: User, client: Client, signed_in: SignedIn
) -> None:
    file = session.commands.get(number=2).artefacts.get()
    url = f"/live-response/{session.pk}/files/{file.pk}/"
    assert signed_in(client, rita).post(url, {"password": "correct horse"}).status_code == 422
    answer = client.post(url, {"password": "correct horse", "reason": "For the analysts"})
    with pyzipper.AESZipFile(io.BytesIO(answer.content)) as archive:
        archive.setpassword(b"correct horse")
        assert b"sshd" in archive.read("list.txt")
    assert AuditEvent.objects.get(verb="live_artefact.opened").reason == "For the analysts"


def test_the_recording_plays_and_tells_when_it_was_changed(
    session: LiveSession, rita: User, client: Client, signed_in: SignedIn
) -> None:
    signed_in(client, rita)
    lines = streamed(client.get(f"/live-response/{session.pk}/recording.cast")).splitlines()
    assert json.loads(lines[0])["version"] == 2
    assert ["i", "processes > list.txt\r\n"] in [json.loads(line)[1:] for line in lines[1:]]
    assert "Recording is whole" in text_of(client.get(f"/live-response/{session.pk}/replay/"))
    changed = session.recorded.get(data="processes > list.txt\r\n")
    RecordedLine.objects.filter(pk=changed.pk).update(data="processes\r\n")
    assert broken_at(session) == changed.seq
    assert "Broken at event" in text_of(client.get(f"/live-response/{session.pk}/replay/"))


def test_a_recording_tells_a_terminal_nothing_of_a_device(held: HeldLine, session: LiveSession) -> None:
    command = typed(session, "processes")
    held.answer(command, rows=[], text="\x1b]52;c;ZXZpbA==\x07gr\u00fcn\r\n\x9b31mred")
    shown = session.recorded.order_by("-seq").first()
    assert shown is not None
    assert shown.data == "\u2039U+001B\u203a]52;c;ZXZpbA==\u2039U+0007\u203agr\u00fcn\r\n\u2039U+009B\u203a31mred\r\n"


def test_a_long_recording_comes_in_parts(
    session: LiveSession, rita: User, client: Client, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in(client, rita)
    monkeypatch.setattr(record, "MOST_EVENTS", 3)
    page = client.get(f"/live-response/{session.pk}/replay/")
    events, more = page.context["events"], page.context["more"]
    assert (len(events), more) == (3, 3)
    while more:
        part = client.get(f"/live-response/{session.pk}/replay/", {"after": more}).json()
        assert 0 < len(part["events"]) <= 3
        events, more = [*events, *part["events"]], part["more"]
    assert events == [[row.at, row.kind, row.data, False] for row in session.recorded.all()]
    assert len(events) > 3


@pytest.mark.parametrize("after", ["x", "-1", "9" * 30, "\u0661"], ids=["word", "minus", "many digits", "other digit"])
def test_a_part_that_there_is_not_breaks_nothing(
    session: LiveSession, rita: User, client: Client, signed_in: SignedIn, after: str
) -> None:
    signed_in(client, rita)
    assert client.get(f"/live-response/{session.pk}/replay/", {"after": after}).status_code == 200


def test_a_recording_whose_end_is_missing_is_broken(session: LiveSession) -> None:
    session.refresh_from_db()
    assert broken_at(session) is None
    last = session.recorded.latest("seq")
    last.delete()
    assert broken_at(session) == last.seq


def sent(client: Client, content: bytes) -> dict[str, Any]:
    answer = client.post("/live-response/library/upload/", content, content_type="application/octet-stream")
    return {"status": answer.status_code, **answer.json()}


def test_a_large_file_is_sent_as_it_is_and_put_in_by_its_ticket(
    adam: User, rita: User, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = confirmed(signed_in(Client(), adam))
    content = os.urandom(17 * 1024 * 1024)  # more than goes as text
    told = sent(manager, content)
    assert (told["status"], told["sha256"]) == (200, hashlib.sha256(content).hexdigest())
    other = person("zoe", "admin")
    form = {"name": "large.bin", "content": told["ticket"]}
    assert "once more" in text_of(confirmed(signed_in(Client(), other)).post("/live-response/library/add/", form))
    assert manager.post("/live-response/library/add/", form).status_code == 302
    file = LibraryFile.objects.select_related("blob").get()
    assert (file.size, file.blob.keep_until, signature_fits(file)) == (len(content), None, True)
    assert streamed(manager.get(f"/live-response/library/{file.pk}/download/")) == content
    again = {**form, "name": "twice.bin"}
    assert "once more" in text_of(manager.post("/live-response/library/add/", again)), "a ticket is good for one file"
    assert sent(manager, b"")["status"] == 422
    assert manager.post("/live-response/library/upload/", {"file": "x"}).status_code == 422
    monkeypatch.setattr(pages, "MOST_LIBRARY", 10)
    assert sent(manager, b"x" * 11)["status"] == 422
    assert signed_in(Client(), rita).post("/live-response/library/upload/").status_code == 403


def test_what_is_put_onto_a_device_has_a_size_of_its_own(held: HeldLine, device: Device, rita: User) -> None:
    script("big.bin", b"x" * (1024 * 1024 + 1))
    session = connected(held, device, rita)
    assert typed(session, "putfile big.bin").state == "queued"
    options.put("live_response.putfile_mib", 1, actor=rita.actor)
    refused = typed(session, "putfile big.bin -overwrite")
    assert (refused.state, refused.code) == ("refused", "too_large")
    assert typed(session, "run big.bin").state == "queued"


def test_the_library_is_changed_by_who_may(adam: User, rita: User, client: Client, signed_in: SignedIn) -> None:
    assert signed_in(client, rita).get("/live-response/library/add/").status_code == 403
    manager = confirmed(signed_in(Client(), adam))
    form = {
        "name": "a.sh",
        "content": sent(manager, b"echo hi\n")["ticket"],
        "description": "Says hi",
        "parameters": "",
    }
    assert manager.post("/live-response/library/add/", form).status_code == 302
    assert "Says hi" in text_of(client.get("/live-response/library/"))
    form["content"] = sent(manager, b"echo hi again\n")["ticket"]
    assert "in the library already" in text_of(manager.post("/live-response/library/add/", form))
    assert manager.post("/live-response/library/add/", {**form, "overwrite": "on"}).status_code == 302
    form["content"] = sent(manager, b"echo hi\n")["ticket"]
    assert manager.post("/live-response/library/add/", {**form, "name": "../a"}).status_code == 422


def test_a_question_to_many_is_one_table_of_the_devices_in_scope(
    held: HeldLine, device: Device, ada: User, eve: User, client: Client, signed_in: SignedIn
) -> None:
    signed_in(client, ada)
    answer = client.post("/live-response/questions/", {"line": "remediate process 7", "reason": "x", "group": ""})
    assert "Many devices at once are asked for" in text_of(answer)
    client.post("/live-response/questions/", {"line": "processes -name ssh", "reason": "x", "group": ""})
    query = FleetQuery.objects.get()
    held.answer(query.answers.get(), rows=[{"pid": 7, "name": "sshd"}])
    url = f"/live-response/questions/{query.pk}/"
    assert "sshd" in text_of(client.get(url))
    lines = streamed(client.get(f"{url}export.csv")).decode().splitlines()
    assert lines[1] == f"{device.display_name},succeeded,,7,sshd"
    assert signed_in(Client(), eve).get(url).status_code == 404


def test_a_device_does_not_answer_under_another_name(
    held: HeldLine, device: Device, ada: User, client: Client, signed_in: SignedIn
) -> None:
    signed_in(client, ada)
    client.post("/live-response/questions/", {"line": "processes", "reason": "x", "group": ""})
    query = FleetQuery.objects.get()
    held.answer(query.answers.get(), rows=[{"device": "another", "pid": 7}])
    url = f"/live-response/questions/{query.pk}/"
    assert "another" not in text_of(client.get(url))
    lines = streamed(client.get(f"{url}export.csv")).decode().splitlines()
    assert lines[1] == f"{device.display_name},succeeded,,7"


def test_answers_of_many_are_read_in_words_and_in_the_readers_time(
    held: HeldLine, device: Device, ada: User, client: Client, signed_in: SignedIn
) -> None:
    signed_in(client, ada)
    client.post("/live-response/questions/", {"line": "processes", "reason": "x", "group": ""})
    query = FleetQuery.objects.get()
    row = {
        "pid": 7,
        "memory_mib": 1234.5,
        "started": "2026-11-10T09:41:07Z",
        "at_boot": True,
        "name": "2026-99-99T00:00:00Z",
    }
    held.answer(query.answers.get(), rows=[row])
    page = text_of(client.get(f"/live-response/questions/{query.pk}/"))
    assert all(
        f'<th scope="col">{head}</th>' in page for head in ("Device", "PID", "Memory (MiB)", "Started", "At boot")
    )
    assert '<time datetime="2026-11-10T09:41:07+00:00" data-when="seconds"' in page
    assert "<bdi>1,234.5</bdi>" in page
    assert "<bdi>Yes</bdi>" in page
    assert "<bdi>2026-99-99T00:00:00Z</bdi>" in page


def test_the_action_center_lists_what_was_typed(
    session: LiveSession, ada: User, mona: User, client: Client, signed_in: SignedIn
) -> None:
    typed(session, "persistence")
    signed_in(client, ada)
    assert "/actions/live-response/" in text_of(client.get("/actions/history/"))
    page = text_of(client.get("/actions/live-response/", {"name": "processes"}))
    assert "list.txt" in page
    assert ">persistence</bdi>" not in page
    lines = streamed(client.get("/actions/live-response/export.csv")).decode()
    assert "processes &gt; list.txt" not in lines
    assert "processes > list.txt" in lines
    assert "/actions/live-response/" not in text_of(signed_in(Client(), mona).get("/actions/history/"))


def test_a_script_shows_where_it_was_used(
    held: HeldLine, session: LiveSession, rita: User, client: Client, signed_in: SignedIn
) -> None:
    file = script()
    typed(session, "run triage.sh")
    page = text_of(signed_in(client, rita).get(f"/live-response/library/{file.pk}/"))
    assert session.number in page
    assert "echo triage of" in page
