"""Deep analysis on the pages: the button and tab of a file, the list, the report, what its readers may do."""

import base64
import json
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from core import clock, options
from core.models import AuditEvent
from remediation.analysis_settings import ON_THIS_HOST
from remediation.models import DeepAnalysis
from tests.conftest import SignedIn
from tests.factories.analyses import HOST, analysed, deed, submitted, told
from tests.factories.remediation import DeviceFactory, FileFactory

pytestmark = pytest.mark.django_db


def page(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return str(answer.content.decode())


def test_a_report_shows_its_parts_and_offers_indicators(
    ada: User, rita: User, client: Client, signed_in: SignedIn
) -> None:
    made = analysed(ada)
    text = page(signed_in(client, rita), f"/actions/analyses/{made.pk}/")
    for word in ("Persists with a scheduled job", "Prevented", "/tmp/.payload", "/sample/x --now", "T1053.003",
                 "</b> Cron", "203.0.113[.]5", "c2[.]example", "needs libc.so.6"):  # fmt: skip
        assert word in text, word
    assert "198.18." not in text
    assert f"type=fileSha256&amp;value={'ab' * 32}" in text
    assert "type=ipAddress&amp;value=203.0.113.5" in text
    assert "type=domainName&amp;value=c2.example" in text


def test_who_may_not_make_indicators_is_not_offered_them(ada: User, client: Client, signed_in: SignedIn) -> None:
    made = analysed(ada)
    assert "Indicator…" not in page(signed_in(client, ada), f"/actions/analyses/{made.pk}/")


def test_the_samples_words_are_only_words(ada: User, client: Client, signed_in: SignedIn) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    report = told(behaviours=[deed("http", evil)], timeline=[{"at": 1, "what": evil, "detail": evil}],
                  files=[{**told()["files"][0], "path": f"/tmp/{evil}", "head": evil, "mode": "<b>"}],
                  processes=[{"pid": 1, "parent": 0, "command": evil, "path": evil, "began": 0}],
                  static={**told()["static"], "strings": [evil], "type": evil, "imports": [evil], "notes": [evil],
                          "facts": [{"label": evil, "value": evil}], "urls": [evil]})  # fmt: skip
    report["network"]["names"] = [evil]
    report["network"]["connections"][1]["summary"] = evil
    report["dynamic"]["why_not"] = evil
    made = analysed(ada, report=report, name=evil)
    signed_in(client, ada)
    for path in (f"/actions/analyses/{made.pk}/", "/actions/analyses/", f"/files/{made.file_id}/analyses/"):
        text = page(client, path)
        assert "<script>alert" not in text
        assert "<img src=x" not in text


def test_a_file_is_submitted_from_its_page(ada: User, client: Client, signed_in: SignedIn) -> None:
    made = analysed(ada)
    signed_in(client, ada)
    assert f"/files/{made.file_id}/analyse/" in page(client, f"/files/{made.file_id}/")
    tab = page(client, f"/files/{made.file_id}/analyses/")
    assert "3 behaviours" in tab
    answer = client.post(f"/files/{made.file_id}/analyse/", {"reason": "A newer sandbox"})
    assert answer.status_code == 302
    again = DeepAnalysis.objects.latest("pk")
    assert (again.file_id, again.state) == (made.file_id, "queued")
    assert again.number in page(client, f"/files/{made.file_id}/")  # the button leads to it now
    assert "3 behaviours" in page(client, f"/files/{made.file_id}/analyses/")  # the newest report stays


def test_a_file_that_nobody_has_cannot_be_submitted(ada: User, client: Client, signed_in: SignedIn) -> None:
    file = FileFactory.create()
    answer = signed_in(client, ada).post(f"/files/{file.pk}/analyse/", {"reason": "x"})
    assert answer.status_code == 422
    assert "Upload a copy" in answer.content.decode()


def test_a_copy_is_uploaded(ada: User, client: Client, signed_in: SignedIn) -> None:
    given = {"name": "a.sh", "content": base64.b64encode(b"#!/bin/sh\n").decode(), "reason": "Mailed"}
    signed_in(client, ada)
    answer = client.post("/actions/analyses/upload/", given)
    made = DeepAnalysis.objects.get()
    assert answer["Location"] == f"/actions/analyses/{made.pk}/"
    assert "Waits for the analysis host" in page(client, answer["Location"])
    assert client.post("/actions/analyses/upload/", given | {"content": "%"}).status_code == 422


def test_a_page_says_when_nobody_analyses(adam: User, client: Client, signed_in: SignedIn) -> None:
    made = submitted(adam)
    path = f"/actions/analyses/{made.pk}/"
    assert "No analysis host has ever asked" in page(signed_in(client, adam), path)
    options.put(ON_THIS_HOST, value=True, actor=HOST)
    assert "analysis host" in page(client, path)
    assert "No analysis host has ever asked" not in page(client, path)


def test_the_report_is_taken_along_and_that_is_on_record(ada: User, client: Client, signed_in: SignedIn) -> None:
    made = analysed(ada)
    answer = signed_in(client, ada).get(f"/actions/analyses/{made.pk}/download/")
    told_: dict[str, Any] = json.loads(answer.content)
    assert (told_["sha256"], told_["report"]["version"]) == (made.file.sha256, 1)
    assert answer["Content-Disposition"] == f'attachment; filename="ANL-{made.pk}.json"'
    assert AuditEvent.objects.filter(verb="analysis.downloaded", subject=f"analysis:{made.pk}").exists()


def test_who_is_outside_finds_no_report(ada: User, eve: User, client: Client, signed_in: SignedIn) -> None:
    made = analysed(ada, device=DeviceFactory.create())
    signed_in(client, eve)
    for path in ("", "download/"):
        assert client.get(f"/actions/analyses/{made.pk}/{path}").status_code == 404
    assert made.name not in page(client, "/actions/analyses/")
    assert f"/actions/analyses/{made.pk}/" not in page(client, f"/search/?q={made.number}")


def test_a_failed_one_says_what_to_do(ada: User, client: Client, signed_in: SignedIn) -> None:
    made = submitted(ada)
    DeepAnalysis.objects.update(state="failed", error_code="no_device", error_message="No device sent the file.",
                                ended=clock.now())  # fmt: skip
    assert "Upload a copy" in page(signed_in(client, ada), f"/actions/analyses/{made.pk}/")
