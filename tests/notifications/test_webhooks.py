"""Webhooks and chats: signed, tried again, paused, and told in JSON that the other side takes."""

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.models import User
from core import clock, options
from core.actors import Actor
from notifications.enums import DispatchStatus, EndpointKind, RecipientKind, RuleKind
from notifications.models import Dispatch, Endpoint, Notice, Rule
from notifications.options import INSIDE, PAUSE_AFTER
from notifications.services.chat import chat_body
from notifications.services.endpoints import (
    add_endpoint,
    change_endpoint,
    resume_endpoint,
    rotate_secret,
    switch_endpoint,
    try_endpoint,
)
from notifications.services.plain import unlinked
from notifications.services.route import route_due
from tests.factories.web import Recorder

pytestmark = pytest.mark.django_db
ADMIN = Actor.system("tests")
Told = Callable[..., None]


def paper_incidents(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let papers be incidents to the rules."""
    monkeypatch.setattr("notifications.services.match.OF_INCIDENTS", frozenset({"paper.written"}))


@pytest.fixture
def hook(adam: User, web: Recorder, monkeypatch: pytest.MonkeyPatch) -> Endpoint:
    """A webhook that a rule of adam's speaks to."""
    paper_incidents(monkeypatch)
    options.put(INSIDE.key, ["127.0.0.1"], actor=ADMIN)
    endpoint, _ = add_endpoint("Hook", kind=EndpointKind.WEBHOOK, url=f"{web.url}/CANARY-path", actor=ADMIN)
    rule = Rule.objects.create(name="All", kind=RuleKind.INCIDENT, author=adam, severities={"*": ["high"]}, once=False)
    rule.recipients.create(kind=RecipientKind.ENDPOINT, endpoint=endpoint)
    return endpoint


def test_what_arrives_is_signed_as_documented(
    web: Recorder, hook: Endpoint, told: Told, sent: Callable[[], None]
) -> None:
    told(severity="high", facts={"incident": 1, "secret": "CANARY-fact"})
    sent()
    path, headers, body = web.asked[0]
    key = base64.b64decode(hook.secrets[0].removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert (path, headers["webhook-signature"]) == ("/CANARY-path", expected)
    payload = json.loads(body)
    assert payload["title"] == "A paper on CANARY"
    assert payload["facts"] == {"incident": 1}
    assert abs(clock.real_now().timestamp() - int(headers["webhook-timestamp"])) < 60
    row = Dispatch.objects.get()
    assert (row.status, row.code, str(row.key)) == (DispatchStatus.SENT, 200, headers["webhook-id"])


def test_a_try_again_has_the_same_id_and_a_signature_of_its_own(
    web: Recorder, hook: Endpoint, told: Told, sent: Callable[[], None]
) -> None:
    web.code = 503
    told(severity="high")
    sent()
    row = Dispatch.objects.get()
    assert (row.status, row.code) == (DispatchStatus.WAITING, 503)
    web.code = 204
    Dispatch.objects.update(next_attempt_at=clock.real_now())
    sent()
    first, second = (headers["webhook-id"] for _, headers, _ in web.asked)
    assert first == second
    assert [one.code for one in row.tries.all()] == [503, 204]


def test_an_address_that_is_gone_for_good_is_not_tried_again(
    web: Recorder, hook: Endpoint, told: Told, sent: Callable[[], None]
) -> None:
    web.code = 410
    told(severity="high")
    sent()
    assert Dispatch.objects.get().status == DispatchStatus.FAILED


def test_after_many_failures_in_a_row_it_is_paused_and_somebody_hears_of_it(
    web: Recorder, hook: Endpoint, told: Told, sent: Callable[[], None], adam: User, ada: User
) -> None:
    web.code = 500
    options.put(PAUSE_AFTER.key, 2, actor=ADMIN)
    for number in range(2):
        told(severity="high", once=str(number))
        sent()
    hook.refresh_from_db()
    assert hook.paused_at is not None
    route_due()
    assert Notice.objects.filter(topic="endpoint.paused").get().user == adam
    asked = len(web.asked)
    told(severity="high", once="later")
    sent()
    assert len(web.asked) == asked
    web.code = 200
    resume_endpoint(hook, actor=ADMIN)
    sent()
    assert set(Dispatch.objects.values_list("status", flat=True)) == {DispatchStatus.SENT}


def test_the_old_secret_signs_on_for_a_day(web: Recorder, hook: Endpoint, told: Told, sent: Callable[[], None]) -> None:
    old = hook.secrets[0]
    new = rotate_secret(hook, actor=ADMIN)
    hook.refresh_from_db()
    assert hook.secrets == [new, old]
    told(severity="high")
    sent()
    assert len(web.asked[0][1]["webhook-signature"].split()) == 2
    Endpoint.objects.update(former_until=clock.real_now() - timedelta(seconds=1))
    hook.refresh_from_db()
    assert hook.secrets == [new]


def test_neither_address_nor_secret_stand_in_the_database_or_a_log(
    web: Recorder, hook: Endpoint, told: Told, sent: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told(severity="high")
    sent()
    stored = str(list(Endpoint.objects.values())) + str(list(Dispatch.objects.values()))
    for secret in ("CANARY-path", hook.secrets[0]):
        assert secret not in stored + caplog.text


def test_an_address_inside_is_refused_when_it_is_typed_and_again_when_it_is_called(
    web: Recorder, hook: Endpoint, told: Told, sent: Callable[[], None]
) -> None:
    options.put(INSIDE.key, [], actor=ADMIN)
    with pytest.raises(ValidationError, match="inside"):
        add_endpoint("Other", kind=EndpointKind.SLACK, url="https://127.0.0.1/x", actor=ADMIN)
    told(severity="high")
    sent()
    assert web.asked == []
    assert "inside" in Dispatch.objects.get().said


def test_changing_the_address_lifts_the_pause_and_keeps_the_secret(web: Recorder, hook: Endpoint) -> None:
    Endpoint.objects.update(paused_at=clock.real_now(), failures=5)
    hook.refresh_from_db()
    before = hook.secrets
    change_endpoint(hook, name="Hook", url=f"{web.url}/other", actor=ADMIN)
    hook.refresh_from_db()
    assert (hook.paused_at, hook.failures, hook.url) == (None, 0, f"{web.url}/other")
    assert hook.secrets == before


def test_what_is_switched_off_is_told_nothing(
    web: Recorder, hook: Endpoint, told: Told, sent: Callable[[], None]
) -> None:
    switch_endpoint(hook, on=False, actor=ADMIN)
    told(severity="high")
    sent()
    assert web.asked == []
    assert Dispatch.objects.get().status == DispatchStatus.SKIPPED


def test_a_test_tells_what_was_answered(web: Recorder, hook: Endpoint) -> None:
    web.code = 403
    assert try_endpoint(hook, actor=ADMIN).said == "Answered 403."
    assert json.loads(web.asked[0][2])["topic"] == "test"


HOSTILE: dict[str, Any] = {
    "id": "1", "topic": "incident.created", "label": "A new incident", "at": "2026-11-10T09:41:00+00:00",
    "subject": "incident:1", "title": "<!channel> @all *x* [a](http://evil.example) & more",
    "body": "<@U1> @channel `code` https://evil.example/x", "severity": "high", "url": "https://soc.example/incidents/1/",
    "organisation": "Contoso", "facts": {},
}  # fmt: skip


@pytest.mark.parametrize(
    "kind", [EndpointKind.SLACK, EndpointKind.TEAMS, EndpointKind.MATTERMOST, EndpointKind.GENERIC]
)
def test_in_a_chat_hostile_words_call_nobody_and_link_nowhere(kind: str) -> None:
    said = json.dumps(chat_body(kind, HOSTILE), ensure_ascii=False)
    assert "evil.example" not in said
    assert "https://soc.example/incidents/1/" in said
    if kind in {EndpointKind.MATTERMOST, EndpointKind.GENERIC}:
        assert "@all" not in said
        assert "@channel" not in said


def test_slack_gets_blocks_of_plain_text_and_a_text_to_fall_back_on() -> None:
    body = chat_body(EndpointKind.SLACK, HOSTILE)
    assert set(body) == {"text", "blocks"}
    assert "<!channel>" not in body["text"]
    assert [block["type"] for block in body["blocks"]] == ["header", "section", "context", "actions"]
    header, section, context, actions = body["blocks"]
    words = [header["text"], section["text"], *context["elements"], actions["elements"][0]["text"]]
    assert {word["type"] for word in words} == {"plain_text"}
    assert len(header["text"]["text"]) <= 150
    assert len(section["text"]["text"]) <= 3000
    assert actions["elements"][0]["url"] == HOSTILE["url"]


def test_teams_gets_a_message_with_one_adaptive_card() -> None:
    body = chat_body(EndpointKind.TEAMS, HOSTILE)
    attachment = body["attachments"][0]
    assert (body["type"], len(body["attachments"]), attachment["contentUrl"]) == ("message", 1, None)
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert [part["type"] for part in card["body"]] == ["TextBlock", "TextBlock", "FactSet"]
    assert card["actions"] == [{"type": "Action.OpenUrl", "title": "Open in the portal", "url": HOSTILE["url"]}]
    assert "\\*x\\*" in card["body"][0]["text"]


def test_mattermost_gets_one_attachment_and_others_plain_text() -> None:
    body = chat_body(EndpointKind.MATTERMOST, HOSTILE)
    attachment = body["attachments"][0]
    assert attachment["title_link"] == HOSTILE["url"]
    assert {"fallback", "color", "title", "text", "fields"} <= set(attachment)
    assert {tuple(sorted(field)) for field in attachment["fields"]} == {("short", "title", "value")}
    assert set(chat_body(EndpointKind.GENERIC, HOSTILE)) == {"text"}


def test_without_a_link_no_link_is_sent() -> None:
    payload = {**HOSTILE, "url": None, "body": ""}
    for kind in (EndpointKind.SLACK, EndpointKind.TEAMS, EndpointKind.MATTERMOST, EndpointKind.GENERIC):
        assert "soc.example" not in json.dumps(chat_body(kind, payload))


@pytest.mark.parametrize(
    ("said", "shown"),
    [("see http://evil.example/x", "see hxxp://evil[.]example/x"), ("powershell.exe ran", "powershell.exe ran"),
     ("mail to a.b@corp.example", "mail to a.b@corp[.]example"), ("INC-5: new: 3", "INC-5: new: 3"),
     ("www.evil.com.", "www.evil[.]com."), ("10.0.0.5", "10.0.0.5"), ("HTTPS://X.EXAMPLE", "hxxPS://X[.]EXAMPLE")],
)  # fmt: skip
def test_prose_holds_nothing_that_a_reader_would_make_a_link_of(said: str, shown: str) -> None:
    assert unlinked(said).lower() == shown.lower()


def test_the_check_in_the_documents_takes_ours_and_refuses_others(
    web: Recorder, hook: Endpoint, told: Told, sent: Callable[[], None], settings: Any
) -> None:
    documents = (settings.BASE_DIR / "docs" / "webhooks.md").read_text()
    words: dict[str, Any] = {}
    exec(documents.partition("```python\n")[2].partition("```")[0], words)
    told(severity="high")
    sent()
    _, headers, body = web.asked[0]
    assert words["is_ours"](hook.secrets[0], headers, body)
    assert not words["is_ours"](hook.secrets[0], headers, body + b" ")
    late = headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) - 301)}
    assert not words["is_ours"](hook.secrets[0], late, body)
