"""Who sees a part of an incident learns the name of no host and no account of the other part, on no page, by no
operation, in no export, search, cursor or live message."""

import base64
from typing import Any

import pytest
from django.test import Client

from accounts.models import DeviceGroup, User
from core import live
from core.models import AuditEvent
from incidents.correlation.merge import merge_incidents
from incidents.enums import ValueSource
from incidents.models import Alert, CorrelationLink, Device, Identity, Incident
from incidents.services.move_alerts import move_alerts
from incidents.services.roll_up import roll_up
from remediation.models import ActionRun
from remediation.refused import Refused
from remediation.services.request import request_action
from tests.api.places import set_api_stage
from tests.factories.api import caller
from tests.factories.people import DeviceGroupFactory, person, sign_in
from tests.factories.wire import SENSOR, correlated, device, graph_alert, user
from tests.house.url_map import operations

pytestmark = pytest.mark.django_db
CANARY = "zq-canary-7731"
ADDRESSES = [one for one in operations() if one.method == "GET"]
SEARCHES = ("/incidents", "/alerts", "/devices", "/identities", "/files", "/mailboxes", "/actions")


@pytest.fixture
def places(ada: User, rita: User, adam: User) -> dict[str, Any]:
    """The stage on which the incident has a hidden half: an alert, an action, a refusal and a merged incident, all of a
    device and an account that are called after the canary."""
    words = set_api_stage(ada, rita, adam)
    vault = DeviceGroupFactory.create(name="Vault")
    incident = Incident.objects.get(pk=words["incidents.pk"])
    hidden = [_hidden_incident(minutes) for minutes in (0, 6000)]
    move_alerts(list(hidden[0].alerts.all()), to=incident, actor=SENSOR, comment="")
    merge_incidents([(incident, hidden[1:])], actor=SENSOR, reason="they turned out to belong together")
    Incident.objects.filter(pk=incident.pk).update(name_source=ValueSource.AUTO)
    Device.objects.filter(display_name__contains=CANARY).update(device_group=vault, criticality="veryHigh")
    incident.alerts.filter(evidence__device__device_group=vault).update(device_group_ids=[vault.pk])
    roll_up([incident.pk], actor=SENSOR)
    _act(incident, ada)
    return words


def _hidden_incident(minutes: int) -> Incident:
    named = [device(CANARY), user(f"{CANARY}.account")]
    return correlated(graph_alert(*named, minutes=minutes, severity="high", title=f"Encryption on {CANARY}"))[0]


def _act(incident: Incident, ada: User) -> None:
    """A run on the hidden account, and a refusal on the hidden device, which no connection is bound to."""
    target = Identity.objects.get(display_name__contains=CANARY)
    shown = ActionRun.objects.filter(incident=incident, target_kind="identity").first()
    assert shown is not None
    shown.pk, shown.target_id, shown.target_name, shown.facet = None, target.pk, target.display_name, "sessions"
    shown.save()
    with pytest.raises(Refused):
        request_action(
            "device.isolate", target=Device.objects.get(display_name__contains=CANARY), incident=incident,
            arguments={"isolation_type": "full"}, comment=f"Isolate {CANARY}", actor=ada.actor, user=ada,
        )  # fmt: skip


@pytest.fixture
def pat(places: dict[str, Any]) -> User:
    """Reads, requests, decides and reviews, in the device group of the shown half only."""
    group = DeviceGroup.objects.get(name="Workstations")
    return person("pat", "responder", name="Pat Okoro", groups=[group])


def text_of(answer: Any) -> str:
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return str(content.decode(errors="replace")) + str(answer.headers)


def pages_of(reader: User, places: dict[str, Any]) -> dict[str, tuple[int, str]]:
    """What every address that is read answers to this person."""
    client = sign_in(Client(raise_request_exception=False), reader)
    bearer = caller(reader).headers
    found = {}
    for one in ADDRESSES:
        answer = client.get(one.path(places), headers=bearer if one.is_api else {})
        found[str(one)] = (answer.status_code, text_of(answer))
    return found


def test_who_sees_all_reads_the_names(ada: User, places: dict[str, Any]) -> None:
    naming = {name for name, (_status, text) in pages_of(ada, places).items() if CANARY in text}
    assert naming >= {"GET incidents:queue", "GET incidents:summary", "GET incidents:tab-activities",
                      "GET incidents:export", "GET api:incidents-detail", "GET api:incidents-activities",
                      "GET remediation:of_incident"}  # fmt: skip
    body = caller(ada).get(f"/incidents/{places['incidents.pk']}").body
    assert [name for name in ("display_name", "priority_factors", "summary") if CANARY not in str(body[name])] == []


def test_no_address_names_what_is_hidden(pat: User, places: dict[str, Any]) -> None:
    pages = pages_of(pat, places)
    assert [name for name, (_status, text) in pages.items() if CANARY in text.lower()] == []
    assert pages["GET incidents:incident"][0] == pages["GET api:incidents-detail"][0] == 200
    assert sum(status == 200 for status, _text in pages.values()) > 40


def test_a_reason_is_told_to_who_sees_both_alerts(ada: User, pat: User, places: dict[str, Any]) -> None:
    shown, hidden = (
        Alert.objects.filter(incident=places["incidents.pk"]).exclude(**left_out).earliest("pk")
        for left_out in ({"title__contains": CANARY}, {"title": "Ransomware spreading"})
    )
    CorrelationLink.objects.create(
        alert=shown, incident_id=places["incidents.pk"], reason="sameAsset", rule="device", other_alert=hidden,
        evidence=f"Same device: {CANARY}",
    )  # fmt: skip
    told = {reader: caller(reader).get(f"/alerts/{shown.pk}").body["correlation"] for reader in (ada, pat)}
    assert CANARY in str(told[ada])
    assert [CANARY in str(told[pat]), told[pat][-1]["other_alert"]] == [False, None]
    client = sign_in(Client(), pat)
    for page in (f"/alerts/{shown.pk}/", f"/incidents/{places['incidents.pk']}/panels/alerts/"):
        answer = client.get(page)
        assert answer.status_code == 200
        assert CANARY not in answer.content.decode()


def test_no_search_tells_that_the_name_exists(pat: User, places: dict[str, Any]) -> None:
    client = sign_in(Client(), pat)
    assert client.get("/search/", {"q": CANARY}).context["total"] == 0
    for name in ("name", "entity"):
        assert client.get("/incidents/", {name: CANARY, "window": "all"}).context["total"] == 0
    for path in SEARCHES:
        assert caller(pat).get(path, search=CANARY).ids == [], path
    assert client.get("/actions/history/", {"search": CANARY}).context["total"] == 0


def test_a_name_is_searched_as_it_is_read(ada: User, pat: User, places: dict[str, Any]) -> None:
    read = {reader: caller(reader).get(f"/incidents/{places['incidents.pk']}").body["display_name"]
            for reader in (ada, pat)}  # fmt: skip
    assert read[ada] != read[pat]
    for reader, name in read.items():
        assert caller(reader).get("/incidents", search=name).ids == [str(places["incidents.pk"])]
    assert caller(pat).get("/incidents", search=read[ada]).ids == []


@pytest.mark.parametrize("ordering", ["display_name", "-display_name", "-priority_score", "-last_activity"])
def test_no_cursor_holds_the_name(pat: User, places: dict[str, Any], ordering: str) -> None:
    cursor, seen = None, list[str]()
    while cursor is not None or not seen:
        query = {"ordering": ordering, "limit": "1", **({"cursor": cursor} if cursor else {})}
        answer = caller(pat).get("/incidents", **query)
        seen += answer.ids
        cursor = answer.body["next"]
        if cursor:
            told = base64.urlsafe_b64decode(cursor.partition(":")[0] + "==").decode()
            assert CANARY not in told
    assert len(seen) == len(set(seen)) == Incident.objects.visible_to(pat).listed().count() > 1


def test_the_answer_to_a_change_names_no_more(pat: User, places: dict[str, Any], monkeypatch: Any) -> None:
    sent: list[str] = []
    monkeypatch.setattr(live, "_send", sent.append)
    Incident.objects.update(on_hold=False)  # or its alerts would not leave it
    client, path = caller(pat), f"/incidents/{places['incidents.pk']}"
    name = client.get(path).body["display_name"]
    changed = client.patch(path, {"display_name": name, "custom_tags": ["seen"]})
    alert = client.get(f"{path}/alerts").body["results"][0]["id"]
    moved = client.post("/alerts/move", {"alerts": [alert], "incident": None, "reason": "eventSequence"})
    assert (changed.status, moved.status) == (200, 200)
    assert CANARY not in str([changed.body, moved.body, sent])
    assert Incident.objects.get(pk=places["incidents.pk"]).name_source == ValueSource.AUTO


def test_a_narrowed_incident_cannot_be_saved(pat: User, places: dict[str, Any]) -> None:
    row = Incident.objects.visible_to(pat).get(pk=places["incidents.pk"])
    row.refresh_from_db()
    assert CANARY not in row.display_name
    with pytest.raises(RuntimeError):
        row.save()


def test_the_whole_history_stays_in_the_audit_log(adam: User, places: dict[str, Any]) -> None:
    thread = f"incident:{places['incidents.pk']}"
    assert AuditEvent.objects.filter(thread=thread, reason__contains=CANARY).exists()
