"""Live response through the API: the same rights, the same refusals, and batches of commands."""

import base64
import hashlib
import random
from pathlib import Path
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.http.multipartparser import LazyStream
from django.test import RequestFactory

from accounts.models import User
from core import blobs, clock
from core.api import forms
from core.api.errors import Problem
from core.models import Blob
from incidents.models import Device
from live_response.api import library
from live_response.enums import CommandState, SessionState
from live_response.limits import MOST_UPLOAD
from live_response.models import LibraryFile, LiveSession
from live_response.services.batch import advance_all
from tests.factories.api import Answer, caller
from tests.factories.live import HeldLine, connected, script, typed

pytestmark = pytest.mark.django_db


def test_a_session_from_opening_to_its_end(held: HeldLine, device: Device, ada: User) -> None:
    api = caller(ada)
    answer = api.post("/live-sessions", {"device_id": str(device.pk), "reason": "Looks"})
    assert (answer.status, answer.body["state"]) == (201, "connecting")
    number = answer.body["id"]
    session = LiveSession.objects.get()
    assert api.post(f"/live-sessions/{number}/type", {"line": "jobs"}).code == "connecting"
    held.answer(session.commands.get(), folder="/")
    typed_one = api.post(f"/live-sessions/{number}/type", {"line": "findfile *"})
    assert (typed_one.status, typed_one.body["state"]) == (201, "queued")
    assert api.post(f"/live-sessions/{number}/cancel", {"number": 2}).status == 200
    assert [row["line"] for row in api.get(f"/live-sessions/{number}/commands").body["results"]] == [
        "findfile *", "connect",
    ]  # fmt: skip
    assert api.post(f"/live-sessions/{number}/end").body["state"] == "disconnected"
    assert api.post(f"/live-sessions/{number}/type", {"line": "jobs"}).code == "ended"


def test_a_token_that_is_not_elevated_opens_nothing(held: HeldLine, device: Device, ada: User) -> None:
    answer = caller(ada, elevated=False).post("/live-sessions", {"device_id": str(device.pk), "reason": "Looks"})
    assert (answer.status, answer.code) == (403, "step_up_required")


def test_a_device_that_is_taken_is_a_conflict_with_a_link(
    held: HeldLine, device: Device, ada: User, rita: User
) -> None:
    session = connected(held, device, rita)
    answer = caller(ada).post("/live-sessions", {"device_id": str(device.pk), "reason": "Looks"})
    assert (answer.status, answer.code) == (409, "taken")
    assert str(session.pk) in answer.body["error"]["link"]


def test_outside_the_scope_there_is_nothing(held: HeldLine, device: Device, rita: User, eve: User, mona: User) -> None:
    session = connected(held, device, rita)
    typed(session, "processes")
    api = caller(eve)
    for place in ("", "/commands", "/result"):
        assert api.get(f"/live-sessions/{session.pk}{place}").status == 404
    assert api.get("/live-sessions").body["results"] == []
    assert api.post("/live-sessions", {"device_id": str(device.pk), "reason": "x"}).status == 404
    question = {"line": "processes", "reason": "x", "device_ids": [str(device.pk)]}
    assert api.post("/live-questions", question).status == 404
    assert caller(mona).get("/live-sessions").status == 403


def batch(*steps: tuple[str, dict[str, str]]) -> list[dict[str, object]]:
    return [{"type": kind, "params": [{"key": key, "value": value} for key, value in given.items()]}
            for kind, given in steps]  # fmt: skip


STEPS = batch(
    ("PutFile", {"FileName": "tool"}),
    ("RunScript", {"ScriptName": "triage.sh", "Args": "--quick /home"}),
    ("GetFile", {"Path": "/tmp/out.zip"}),
)


def test_a_batch_goes_step_by_step(held: HeldLine, device: Device, rita: User) -> None:
    script("tool")
    script()
    held.away = "The agent is away."
    api = caller(rita)
    answer = api.post("/live-sessions/run", {"device_id": str(device.pk), "comment": "Triage", "commands": STEPS})
    assert (answer.status, [step["command_status"] for step in answer.body["commands"]]) == (201, ["created"] * 3)
    session = LiveSession.objects.get()
    with clock.at(clock.now()):
        held.answer(session.commands.get(number=1), folder="/")
    for number in (2, 3, 4):
        advance_all()
        advance_all()
        step = session.commands.get(number=number)
        assert step.state == CommandState.QUEUED, step.detail
        held.answer(step, text="done", exit_code=0)
    advance_all()
    told = api.get(f"/live-sessions/{session.pk}/result").body
    assert (told["state"], [step["command_status"] for step in told["commands"]]) == ("disconnected", ["completed"] * 3)
    assert told["commands"][1]["command"]["exit_code"] == 0


def test_the_first_failure_stops_the_rest(held: HeldLine, device: Device, rita: User) -> None:
    script("tool")
    script()
    api = caller(rita)
    api.post("/live-sessions/run", {"device_id": str(device.pk), "comment": "Triage", "commands": STEPS})
    session = LiveSession.objects.get()
    held.answer(session.commands.get(number=1), folder="/")
    advance_all()
    held.answer(session.commands.get(number=2), "failed", detail="There is no room.")
    advance_all()
    session.refresh_from_db()
    states = list(session.commands.order_by("number").values_list("state", flat=True))
    assert states == ["succeeded", "failed", "skipped", "skipped"]
    assert session.state == SessionState.DISCONNECTED
    steps = api.get(f"/live-sessions/{session.pk}/result").body["commands"]
    assert steps[0]["errors"] == ["There is no room."]


@pytest.mark.parametrize(
    "commands",
    [
        [],
        batch(("GetFile", {"Path": "/x"}), ("RunScript", {"ScriptName": "triage.sh"})),
        batch(("RunScript", {"ScriptName": "triage.sh", "Args": "a; b"})),
        batch(("RunScript", {"ScriptName": "unknown.sh"})),
        batch(("RunScript", {})),
        batch(("GetFile", {"Path": "/x", "Other": "y"})),
        [{"type": "Format", "params": []}],
    ],
)
def test_a_batch_that_is_wrong_begins_nothing(held: HeldLine, device: Device, rita: User, commands: list) -> None:
    script()
    body = {"device_id": str(device.pk), "comment": "Triage", "commands": commands}
    assert caller(rita).post("/live-sessions/run", body).status in {400, 422}
    assert not LiveSession.objects.exists()


def test_who_has_the_basic_right_alone_runs_no_script(held: HeldLine, device: Device, ada: User) -> None:
    script()
    body = {"device_id": str(device.pk), "comment": "Triage", "commands": STEPS[1:2]}
    answer = caller(ada).post("/live-sessions/run", body)
    assert (answer.status, answer.code) == (403, "forbidden")


def test_the_library(adam: User, rita: User) -> None:
    body = {"name": "a.sh", "content": base64.b64encode(b"echo hi\n").decode(), "description": "Says hi"}
    assert caller(rita).post("/live-library", body).status == 403
    api = caller(adam)
    made = api.post("/live-library", body)
    assert (made.status, made.body["size"], made.body["has_parameters"]) == (201, 8, False)
    assert api.post("/live-library", body).status == 409
    assert api.post("/live-library", {**body, "overwrite": True}).body["id"] == made.body["id"]
    assert api.post("/live-library", {**body, "content": "?"}).status == 400
    assert caller(rita).get("/live-library").body["results"][0]["name"] == "a.sh"
    assert api.call("DELETE", f"/live-library/{made.body['id']}").status == 204


def form(*parts: tuple[str, bytes], end: bytes = b"--") -> bytes:
    """As a program sends it: a part that is called `file` has a name of its own."""
    named = {"file": 'file"; filename="C:\\fakepath\\t.sh'}
    heads = [f'--edge\r\nContent-Disposition: form-data; name="{named.get(one, one)}"\r\n\r\n' for one, _ in parts]
    bodies = [head.encode() + content + b"\r\n" for head, (_, content) in zip(heads, parts, strict=True)]
    return b"".join(bodies) + b"--edge" + end + b"\r\n"


def send_form(user: User, body: bytes, *, elevated: bool = True, **headers: str) -> Answer:
    kind = "multipart/form-data; boundary=edge"
    return caller(user, elevated=elevated).send("/live-library", body, content_type=kind, **headers)


def test_a_large_file_comes_as_a_form_and_is_not_read_as_a_whole(
    adam: User, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BLOBS_DIR = tmp_path / "files"
    content = random.Random(5).randbytes(MOST_UPLOAD + 5_000_011)
    sizes: list[int] = []
    read = LazyStream.read

    def counted(stream: LazyStream, size: int | None = None) -> bytes:
        sizes.append(len(content) if size is None else size)
        return bytes(read(stream, size))

    monkeypatch.setattr(LazyStream, "read", counted)
    body = form(("overwrite", b"true"), ("file", content), ("description", "Prüft".encode()))
    made = send_form(adam, body)
    assert (made.status, made.body["name"], made.body["size"]) == (201, "t.sh", len(content))
    assert (made.body["sha256"], made.body["description"]) == (hashlib.sha256(content).hexdigest(), "Prüft")
    assert max(sizes) <= 2 * 2**20
    assert b"".join(blobs.pieces(LibraryFile.objects.get().blob)) == content
    assert send_form(adam, form(("name", b"T.SH"), ("file", b"other"))).status == 409
    assert (Blob.objects.count(), LibraryFile.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(form(("file", b"echo"), end=b""), 400, id="no end"),
        pytest.param(form(("name", b"a.sh")), 400, id="no file"),
        pytest.param(form(("file", b"echo"), ("file", b"other")), 400, id="two files"),
        pytest.param(form(("file", b"echo"), ("size", b"4")), 400, id="unknown field"),
        pytest.param(form(("file", b"echo"), ("overwrite", b"maybe")), 400, id="no flag"),
        pytest.param(form(("file", b"echo"), ("name", b"a\x00")), 400, id="NUL"),
        pytest.param(form(("file", b"echo"), ("name", b"\xff")), 400, id="no text"),
        pytest.param(form(("file", b"echo"), ("description", b"x" * 20_000)), 400, id="long text"),
        pytest.param(form(("file", b"echo"), ("name", b"../a")), 400, id="a path"),
        pytest.param(form(("file", b"")), 400, id="empty"),
        pytest.param(b"--other\r\n\r\n", 400, id="another boundary"),
        pytest.param(b"-" * 70_000, 400, id="no form"),
    ],
)
def test_a_form_that_is_none_leaves_nothing(adam: User, body: bytes, status: int) -> None:
    answer = send_form(adam, body)
    assert answer.status == status, answer.body
    assert not LibraryFile.objects.exists()
    assert not Blob.objects.exists()


def test_of_a_form_nothing_is_read_for_who_may_not(adam: User, rita: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "read_form", lambda *_args, **_words: pytest.fail("it was read"))
    assert send_form(rita, form(("file", b"echo"))).status == 403
    assert send_form(adam, form(("file", b"echo")), elevated=False).status == 403


def test_nor_with_a_key_to_ask_twice_by(adam: User, rita: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WSGIRequest, "body", property(lambda _request: pytest.fail("it was read")))
    for who, elevated, code in ((rita, True, "forbidden"), (adam, False, "step_up_required")):
        answer = send_form(who, form(("file", b"echo")), elevated=elevated, Idempotency_Key="once")
        assert (answer.status, answer.code) == (403, code)
    monkeypatch.setattr(library.LiveLibraryViewSet, "max_body_bytes", 10)
    assert send_form(adam, form(("file", b"echo")), Idempotency_Key="once").status == 413


def test_a_form_with_a_key_is_answered_once(adam: User) -> None:
    api, kind = caller(adam), "multipart/form-data; boundary=edge"
    body = form(("file", b"echo"))
    first, again = (api.send("/live-library", body, content_type=kind, Idempotency_Key="once") for _ in range(2))
    assert (first.status, again.status, first.body["id"]) == (201, 200, again.body["id"])


def test_a_text_that_says_true_stays_a_text(adam: User) -> None:
    made = send_form(adam, form(("file", b"echo"), ("description", b"true"), ("has_parameters", b"true")))
    assert (made.status, made.body["description"], made.body["has_parameters"]) == (201, "true", True)
    assert send_form(adam, form(("file", b"echo"), ("name", b"false"))).body["name"] == "false"


def test_a_form_beyond_the_limit_is_not_begun(adam: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "MOST_LIBRARY", 1)
    monkeypatch.setattr(forms, "AROUND", 20)
    assert send_form(adam, form(("file", b"echo"))).status == 413


def refusal_of(body: bytes, **meta: Any) -> Problem:
    request = RequestFactory().generic("POST", "/", body, "multipart/form-data; boundary=edge", **meta)
    with pytest.raises(Problem) as refusal:
        forms.read_form(request, file="file", limit=10, keep=lambda *_: None)
    return refusal.value


def test_a_length_that_hides_behind_zeros_is_not_believed() -> None:
    assert refusal_of(form(("file", b"echo")), CONTENT_LENGTH=f"{10**12:040}").status == 413


def test_parts_that_name_no_field_are_counted_too() -> None:
    assert "too many parts" in refusal_of(b"--edge\r\n\r\n" * 30 + form()).message


def test_a_question_tells_how_each_device_stands(held: HeldLine, device: Device, ada: User) -> None:
    held.missing.add(device.pk)
    body = {"line": "processes", "reason": "Looks", "device_ids": [str(device.pk)]}
    answer = caller(ada).post("/live-questions", body)
    assert (answer.status, answer.body["answers"][0]["state"]) == (201, "skipped")
    assert answer.body["answers"][0]["detail"] == "No endpoint agent has joined from this device."
    assert caller(ada).post("/live-questions", {**body, "line": "isolate"}).code == "bad_line"
