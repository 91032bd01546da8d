"""Of each kind of thing one is called after a canary and belongs to a device group that eve does not see. She holds
every right there is, and nothing that she can read says a canary or counts differently than before they were there."""

import contextlib
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from django.db import models
from django.test import Client
from pypdf import PdfReader
from pypdf.errors import PdfReadError

from accounts.enums import BuiltInRole
from accounts.models import DeviceGroup, Role, User
from accounts.roles import BUILT_IN
from core import clock, live
from incidents.models import Alert, Comment, Device, Evidence, File, Identity, Incident, LegalHold, Mailbox
from incidents.services.manage import update_incident
from notifications.models import Dispatch, Endpoint, Message, Notice
from notifications.services.route import route_due
from notifications.services.rules import save_rule
from notifications.services.send import due_dispatches, send_dispatch
from notifications.services.sign import new_secret
from notifications.services.tell import tell
from remediation.models import (
    ActionRun,
    ControlState,
    EmergencyApproval,
    ExpertMessage,
    ExpertRequest,
    Hold,
    Indicator,
    Refusal,
    RunArtefact,
    RunLog,
)
from remediation.views import analysis_rows
from reviews.models import Finding, FollowUp, Lesson, PeriodReport, Review
from tests.api.places import set_api_stage
from tests.factories.api import SETTER, caller
from tests.factories.mail import mail_server
from tests.factories.people import sign_in
from tests.factories.remediation import incident_naming
from tests.house.url_map import TWINS, Operation, operations

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
# model -> the columns that hold words; each of them says `zq<word>` afterwards, one word a kind.
KINDS: dict[str, tuple[type[models.Model], tuple[str, ...]]] = {
    "device": (Device, ("display_name",)),
    "account": (Identity, ("display_name",)),
    "file": (File, ("display_name",)),
    "mailbox": (Mailbox, ("display_name",)),
    "incident": (Incident, ("display_name", "summary", "description")),
    "alert": (Alert, ("title", "description", "recommended_actions", "detector_id", "actor_display_name")),
    "evidence": (Evidence, ("display",)),
    "comment": (Comment, ("text",)),
    "legalhold": (LegalHold, ("reason", "reference")),
    "action": (ActionRun, ("comment", "target_name", "status_detail")),
    "step": (RunLog, ("text",)),
    "artefact": (RunArtefact, ("name",)),
    "indicator": (Indicator, ("title", "description")),
    "refusal": (Refusal, ("message", "target_name")),
    "hold": (Hold, ("reason", "target_name")),
    "emergency": (EmergencyApproval, ("reason",)),
    "drift": (ControlState, ("detail", "by")),
    "expert": (ExpertRequest, ("topic", "subject_name")),
    "answer": (ExpertMessage, ("text",)),
    "notice": (Notice, ("title", "body")),
    "message": (Message, ("title", "body")),
    "review": (Review, ("summary", "lessons")),
    "finding": (Finding, ("text",)),
    "followup": (FollowUp, ("text", "outcome")),
    "lesson": (Lesson, ("what", "why")),
    "report": (PeriodReport, ("title", "notes")),
}
ADDRESS = "203.0.113.199"
WORD = re.compile("|".join([*(f"zq{word}" for word in KINDS), "zqtag", "zqmention", re.escape(ADDRESS)]), re.IGNORECASE)
ALL = [one for one in operations() if one.method == "GET" and TWINS not in one.name and one.permission is not None]
LISTS = [one for one in ALL if not one.parameters]
# What differs between two looks at the same page.
PASSING = re.compile(
    r'csrf[-_a-z]*"?[^>]{0,40}?[A-Za-z0-9]{64}|X-CSRFToken[^}]*}|nonce-[\w=+/-]+|[0-9a-f]{16}', re.IGNORECASE
)
PASSING_HEADERS = {"X-Request-ID", "X-Trace", "Content-Length", "Content-Security-Policy"}
# What belongs to no device group, to which the stage adds: people, roles, connections, rules of administrators and how
# many there are, preparation, the log of what was sent (without its words), the feeds; and what makes a challenge anew
# at each look.
WITHOUT_SCOPE = (
    "accounts:", "connectors:", "api:users", "api:roles", "api:tokens", "api:options", "api:connections",
    "api:device-groups", "api:protections", "api:approvers", "notifications:sending", "notifications:log",
    "notifications:sources", "remediation:protected", "remediation:approver_rules", "remediation:new_approver_rule",
    "api:isolation-exclusions", "api:trusted-programs", "remediation:agent_rules", "remediation:new_isolation_rule",
    "remediation:expert_groups",
    "remediation:brakes", "remediation:retainers", "api:experts-askable", "api:readiness", "api:contacts", "api:drills",
    "reviews:readiness", "reviews:contacts", "reviews:drills", "mfa_authenticate", "sign_in_by_passkey",
    "api:live-library", "live_response:library",
)  # fmt: skip


@pytest.fixture
def eve_with_everything(eve: User, elsewhere: DeviceGroup) -> User:
    """She sees one incident of her own, so that no list of hers is empty for want of anything to show."""
    everything = sorted({right for role in BuiltInRole for right in BUILT_IN[role]})
    eve.roles.set([Role.objects.create(key="everything", name="Everything", permissions=everything)])
    eve.email = "eve@example.org"
    eve.save()
    own = Device.objects.create(key="own.example", display_name="Own", device_group=elsewhere)
    incident = incident_naming(own, open_to_all=False, device_group_ids=[elsewhere.pk])
    incident.alerts.update(device_group_ids=[elsewhere.pk])
    return eve


def hide(ada: User, rita: User, adam: User) -> dict[str, Any]:
    """The stage of the pages, all of it in a group that eve does not see, all of it called after canaries."""
    before = set(Incident.objects.values_list("pk", flat=True)), set(Alert.objects.values_list("pk", flat=True))
    places = set_api_stage(ada, rita, adam)
    vault = DeviceGroup.objects.get(name="Workstations").pk
    Incident.objects.exclude(pk__in=before[0]).update(open_to_all=False, device_group_ids=[vault])
    Alert.objects.exclude(pk__in=before[1]).update(device_group_ids=[vault])
    PeriodReport.objects.update(group_ids=[vault], everything=False)
    incident = Incident.objects.get(pk=places["incidents.pk"])
    Comment.objects.create(incident=incident, text="x", author=ada.actor.as_json())
    run = ActionRun.objects.filter(target_kind="device").earliest("pk")
    RunLog.objects.create(run=run, text="x", origin="stage")
    state, _ = ControlState.objects.update_or_create(
        target_kind="device", target_id=run.target_id, facet="network", facet_key="",
        defaults={"desired": "isolated", "observed": "connected", "drift_since": clock.now(), "run_id": run.pk},
    )  # fmt: skip
    Evidence.objects.create(alert=incident.alerts.get(), type="ip", display=ADDRESS, key=ADDRESS)
    _name(before)
    return {"api:control-states-detail.pk": state.pk, **places}


def _name(before: tuple[set[int], set[int]]) -> None:
    for word, (model, columns) in KINDS.items():
        rows = model._default_manager.all()
        if model is Device:
            rows = rows.exclude(key="own.example")
        elif model in {Incident, Alert}:
            rows = rows.exclude(pk__in=before[model is Alert])
        elif model is Evidence:
            rows = rows.exclude(alert__in=before[1]).exclude(display=ADDRESS)
        elif model is RunArtefact:
            rows = rows.filter(name="scan.json")
        assert rows.update(**dict.fromkeys(columns, f"zq{word}")), word


@pytest.fixture
def moment(db: None) -> datetime:
    return clock.now() + timedelta(minutes=2)


def crawl(user: User, chosen: list[Operation], places: dict[str, Any], moment: datetime) -> dict[str, str]:
    client = sign_in(Client(raise_request_exception=False), user)
    user.bearer = getattr(user, "bearer", None) or caller(user).headers  # type: ignore[attr-defined]
    found = {}
    with clock.at(moment):
        for one in chosen:
            with contextlib.suppress(LookupError):  # the matrix of roles demands a place for each address
                headers = user.bearer if one.is_api and one.name != "api:docs" else {}  # type: ignore[attr-defined]
                found[str(one)] = told_by(client.get(one.path(places), headers=headers))
    return found


def told_by(answer: Any) -> str:
    """Status, headers and text, a PDF as the words on its pages."""
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    if content.startswith(b"%PDF"):
        with contextlib.suppress(PdfReadError):  # the one of the stage has no pages
            content = "\n".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages).encode()
    told = {name: value for name, value in answer.headers.items() if name not in PASSING_HEADERS}
    return f"{answer.status_code} {told} {content.decode(errors='replace')}"


def first_change(before: str, after: str) -> str:
    """What stands in `after` where it begins to differ; empty when they are the same."""
    if before == after:
        return ""
    at = next((i for i, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), len(before))
    return f"{before[max(at - 60, 0) : at + 80]!r} became {after[max(at - 60, 0) : at + 80]!r}"


def said(texts: dict[str, str]) -> Iterator[str]:
    for name, text in texts.items():
        yield from (f"{name}: {word}" for word in sorted({found.lower() for found in WORD.findall(text)}))


def test_no_list_says_or_counts_anything_of_them(
    eve_with_everything: User, ada: User, rita: User, adam: User, moment: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analysis_rows, "_ever_worked", lambda: True)  # that somewhere does is everybody's to know
    before = crawl(eve_with_everything, LISTS, {}, moment)
    hide(ada, rita, adam)
    after = crawl(eve_with_everything, LISTS, {}, moment)
    assert list(said(after)) == []
    changed = {
        name: change for name in before
        if not name.removeprefix("GET ").startswith(WITHOUT_SCOPE)
        and (change := first_change(PASSING.sub("", before[name]), PASSING.sub("", after[name])))
    }  # fmt: skip
    assert changed == {}, "\n".join(f"{name}: {change}" for name, change in changed.items())


def test_no_address_with_an_id_in_it_says_anything_of_them(
    eve_with_everything: User, ada: User, rita: User, adam: User, moment: datetime
) -> None:
    places = hide(ada, rita, adam)
    assert list(said(crawl(eve_with_everything, [one for one in ALL if one.parameters], places, moment))) == []


def test_who_sees_the_group_reads_each_of_the_words(
    eve_with_everything: User, ada: User, rita: User, adam: User, moment: datetime
) -> None:
    """Otherwise the two above would be green for want of anything to find."""
    places = hide(ada, rita, adam)
    adam.roles.set(eve_with_everything.roles.all())
    found = {line.rpartition(" ")[2] for line in said(crawl(adam, ALL, places, moment))}
    unread = {"zqmessage"}  # a notice repeats what its message said
    assert {f"zq{word}" for word in KINDS} - unread - found == set()
    assert ADDRESS in found


SEARCHED = ("/search/", "/search/suggest/", "/incidents/", "/actions/history/", "/indicators/", "/experts/",
            "/reviews/", "/admin/audit/", "/devices/", "/identities/", "/files/", "/mailboxes/")  # fmt: skip
SEARCHED_API = ("/incidents", "/alerts", "/devices", "/identities", "/files", "/mailboxes", "/actions", "/indicators")


def test_no_search_finds_them(eve_with_everything: User, ada: User, rita: User, adam: User) -> None:
    hide(ada, rita, adam)
    client = sign_in(Client(raise_request_exception=False), eve_with_everything)
    calls = caller(eve_with_everything)
    told = []
    for word in (*(f"zq{kind}" for kind in KINDS), ADDRESS):
        for path in SEARCHED:
            answer: Any = client.get(path, {"q": word, "search": word, "name": word, "window": "all"})
            others = {found.lower() for found in WORD.findall(answer.content.decode(errors="replace"))} - {word}
            told += [f"{path} {word}: {other}" for other in others]
            total = (answer.context or {}).get("total", 0) if answer.status_code == 200 else 0
            told += [f"{path} counts {total} for {word}"] if total else []
        for path in SEARCHED_API:
            found = calls.get(path, search=word)
            told += [f"{path} finds {word}"] if found.status == 200 and found.ids else []
    assert told == []


def test_no_event_mail_or_webhook_tells_of_them(
    eve_with_everything: User, ada: User, rita: User, adam: User, settings: Any, monkeypatch: Any
) -> None:
    """Eve has asked for everything by mail; what happens to the hidden incident reaches her by no way."""
    events: list[str] = []
    monkeypatch.setattr(live, "_send", events.append)
    asks_for_all(eve_with_everything)
    places = hide(ada, rita, adam)
    incident = Incident.objects.get(pk=places["incidents.pk"])
    hear_of_it(incident, ada)
    with mail_server(settings) as box:
        for pk in due_dispatches():
            send_dispatch(pk)
        assert "eve@example.org" not in box.recipients
    assert not Notice.objects.filter(user=eve_with_everything).exists()
    assert not Dispatch.objects.filter(user=eve_with_everything).exists()
    assert [event for event in events if "zq" in event.lower()] == []


def asks_for_all(eve: User) -> None:
    endpoint = Endpoint(name="Her chat", kind="webhook", host="hooks.example.org")
    endpoint.seal_url("https://hooks.example.org/x")
    endpoint.seal_secret(new_secret())
    endpoint.save()
    severities = {"*": ["informational", "low", "medium", "high", "unknown"]}
    for kind in ("incident", "action"):
        save_rule(None, kind=kind, personal=True, author=eve, values={"name": kind, "severities": severities},
                  groups=[], people=[eve], addresses=[], endpoints=[], actor=SETTER)  # fmt: skip


def hear_of_it(incident: Incident, ada: User) -> None:
    incident.refresh_from_db()
    update_incident(incident, changes={"severity": "low", "custom_tags": ["zqtag"]}, actor=ada.actor)
    tell("incident.mention", subject=incident.thread, title="zqmention", body="zqmention", people=None,
         url=f"/incidents/{incident.pk}/", actor=ada.actor)  # fmt: skip
    route_due()
