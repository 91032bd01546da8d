"""The pages and the API of indicators: list, import, buttons on evidence, and who may."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import DeviceGroup, User
from connectors.models import Connection
from incidents.enums import IncidentStatus
from incidents.models import Evidence, Incident
from incidents.story import story_of
from remediation.models import Indicator
from remediation.services.enforce_indicators import enforce_now
from remediation.services.set_indicator import create_indicator
from tests.conftest import SignedIn
from tests.factories.api import Caller, caller
from tests.factories.remediation import FileFactory, company, incident_naming

pytestmark = pytest.mark.django_db
IP = {"type": "ipAddress", "value": "203.0.113.9", "action": "block", "title": "Command server"}
HEAD = (
    "indicatorType,indicatorValue,action,title,description,expirationTime,"
    "severity,recommendedActions,rbacGroups,category,mitretechniques,GenerateAlert"
)
ROWS = (
    (
        "IpAddress,203.0.113.9,Block,Server,Command server,"
        "2999-12-31T00:00:00.0Z,High,Call us,,CommandAndControl,T1071,True"
    ),
    "DomainName,evil.example,Warn,Domain,Lures,,,,,,,False",
    "IpAddress,10.0.0.1,Block,Inside,Wrong,,,,,,,",
    "Url,https://evil.example/a,BlockAndRemediate,Wrong,Wrong,,,,,,,",
    "DomainName,EVIL.example.,Block,Twice,Twice,,,,,,,",
    "DomainName,other.example,Block,Group,Group,,,,Nowhere,,,",
)
TEXT = "\n".join([HEAD, *ROWS])


def made(user: User, **fields: Any) -> Indicator:
    return create_indicator(fields={**IP, **fields}, reason="Seen in an attack", actor=user.actor, user=user)


def page(client: Client, url: str) -> str:
    return client.get(url).content.decode()


def with_address(address: str = "203.0.113.9") -> tuple[Incident, str]:
    """An incident with a node for the address, and the address of its pane."""
    incident = incident_naming(FileFactory.create())
    alert = incident.alerts.get()
    Evidence.objects.create(alert=alert, type="ip", display=address, key=f"ip:{address}")
    return incident, address


def pane_of(incident: Incident, label: str, user: User) -> str:
    key = next(key for key, node in story_of(incident, user).nodes.items() if node.label == label)
    return f"/incidents/{incident.pk}/nodes/{key}/"


def test_an_indicator_is_made_in_the_dialog_and_listed(client: Client, rita: User, signed_in: SignedIn) -> None:
    fields = {**IP, "severity": "high", "expires": "30", "reason": "Seen in an attack"}
    answer = signed_in(client, rita).post("/indicators/new/", fields)
    indicator = Indicator.objects.get()
    assert answer.headers["Location"] == f"/indicators/{indicator.pk}/"
    assert indicator.expires_at is not None
    shown = page(client, "/indicators/")
    assert "203.0.113[.]9" in shown
    assert "Command server" in shown


def test_a_wrong_value_is_told_beside_its_field(client: Client, rita: User, signed_in: SignedIn) -> None:
    answer = signed_in(client, rita).post(
        "/indicators/new/", {**IP, "value": "10.0.0.1", "severity": "low", "reason": "x"}
    )
    assert answer.status_code == 422
    assert "internal or special address" in answer.content.decode()


def test_an_analyst_sees_the_list_and_makes_nothing(client: Client, ada: User, rita: User, signed_in: SignedIn) -> None:
    made(rita)
    assert "Command server" in page(signed_in(client, ada), "/indicators/")
    assert client.post("/indicators/new/", IP).status_code == 403
    assert Indicator.objects.count() == 1


def test_an_indicator_for_other_groups_does_not_exist(
    client: Client, rita: User, eve: User, signed_in: SignedIn
) -> None:
    default = DeviceGroup.objects.get(is_default=True)
    hidden, open_one = made(rita, device_group_ids=[default.pk], title="Hidden"), made(rita, value="203.0.113.10")
    signed_in(client, eve)
    assert client.get(f"/indicators/{hidden.pk}/").status_code == 404
    assert client.get(f"/indicators/{open_one.pk}/").status_code == 200
    assert "Hidden" not in page(client, "/indicators/")
    assert "Hidden" not in b"".join(client.get("/indicators/export/").streaming_content).decode()  # type: ignore[attr-defined]


def test_the_page_says_how_each_connection_follows(client: Client, rita: User, signed_in: SignedIn) -> None:
    place = company()
    indicator = made(rita)
    assert "Not read back yet." in page(signed_in(client, rita), f"/indicators/{indicator.pk}/")
    enforce_now(place.connection)
    assert "In force" in page(client, f"/indicators/{indicator.pk}/")
    assert Connection.objects.get().name in page(client, f"/indicators/{indicator.pk}/")


def test_an_address_in_the_story_is_blocked_from_its_pane(client: Client, rita: User, signed_in: SignedIn) -> None:
    incident, address = with_address()
    shown = page(signed_in(client, rita), pane_of(incident, address, rita))
    assert "Block this address" in shown
    wanted = {**IP, "severity": "high", "expires": "", "reason": "Beacons"}
    client.post(f"/indicators/new/?type=ipAddress&value={address}&incident={incident.pk}", wanted)
    indicator = Indicator.objects.get()
    assert (indicator.incident, indicator.source, indicator.expires_at) == (incident, "incident", None)
    assert indicator.number in page(client, pane_of(incident, address, rita))


def test_an_internal_address_says_why_it_cannot_be_blocked(client: Client, rita: User, signed_in: SignedIn) -> None:
    incident, address = with_address("10.0.0.7")
    assert "only public ones can be named" in page(signed_in(client, rita), pane_of(incident, address, rita))


def test_a_file_shows_that_one_of_its_hashes_is_blocked(
    client: Client, ada: User, rita: User, signed_in: SignedIn
) -> None:
    file = FileFactory.create(sha1="b" * 40)
    incident_naming(file)
    assert "Block this hash" in page(signed_in(client, ada), f"/files/{file.pk}/")
    indicator = made(rita, type="fileSha1", value="b" * 40)
    assert f"Blocked by {indicator.number}" in page(client, f"/files/{file.pk}/")


def test_an_indicator_keeps_the_file_it_was_made_of(client: Client, rita: User, signed_in: SignedIn) -> None:
    file = FileFactory.create(exercise="demo")
    incident_naming(file)
    wanted = {"type": "fileSha256", "value": file.sha256, "action": "block", "title": "Dropper", "severity": "high",
              "expires": "", "reason": "Spreads"}  # fmt: skip
    signed_in(client, rita).post(f"/indicators/new/?file={file.pk}", wanted)
    indicator = Indicator.objects.get()
    assert (indicator.origin["id"], indicator.exercise) == (str(file.pk), "demo")
    assert f"/files/{file.pk}/" in page(client, f"/indicators/{indicator.pk}/")


def test_an_import_says_row_by_row_what_it_would_do_and_writes_nothing(
    client: Client, rita: User, signed_in: SignedIn
) -> None:
    made(rita)
    shown = signed_in(client, rita).post("/indicators/import/", {"text": TEXT, "reason": "Feed"}).content.decode()
    for said in ("internal or special address", "only allow, audit, warn, block", "Row 2 names the same value",
                 "There is no device group", "2 of 6 rows can be taken"):  # fmt: skip
        assert said in shown
    assert Indicator.objects.count() == 1


def test_an_import_takes_the_rows_that_are_right(client: Client, rita: User, signed_in: SignedIn) -> None:
    held = made(rita)
    signed_in(client, rita).post("/indicators/import/", {"text": TEXT, "reason": "Feed", "take": "1"})
    held.refresh_from_db()
    assert (held.title, held.severity, held.generate_alert, held.techniques) == ("Server", "high", True, ["T1071"])
    domain = Indicator.objects.get(type="domainName")
    assert (domain.value, domain.action, domain.source) == ("evil.example", "warn", "csv")
    assert Indicator.objects.count() == 2


@pytest.mark.parametrize(
    "text",
    ["", "nothing\n1", HEAD, HEAD + "\n" + "\n".join([ROWS[1]] * 501), 'indicatorType,"x\n',
     ",".join(f"c{n}" for n in range(60_000)) + "\n" + "a\n" * 200_000],
)  # fmt: skip
def test_a_file_that_is_no_list_is_refused_as_a_whole(
    client: Client, rita: User, signed_in: SignedIn, text: str
) -> None:
    answer = signed_in(client, rita).post("/indicators/import/", {"text": text, "reason": "Feed", "take": "1"})
    assert answer.status_code == 422
    assert not Indicator.objects.exists()


def test_the_columns_are_known_whatever_their_capitals(client: Client, rita: User, signed_in: SignedIn) -> None:
    text = "\n".join([HEAD.title().replace("Rbacgroups", " RbacGroups "), *ROWS])
    shown = signed_in(client, rita).post("/indicators/import/", {"text": text, "reason": "Feed"}).content.decode()
    assert "2 of 6 rows can be taken" in shown


def test_a_list_without_rows_says_so(client: Client, rita: User, signed_in: SignedIn) -> None:
    answer = signed_in(client, rita).post("/indicators/import/", {"text": HEAD, "reason": "Feed"})
    assert "no row under the names of the columns" in answer.content.decode()


def test_what_is_exported_can_be_imported(client: Client, rita: User, signed_in: SignedIn) -> None:
    indicator = made(rita, techniques=["T1071.001"])
    signed_in(client, rita)
    text = b"".join(client.get("/indicators/export/").streaming_content).decode()  # type: ignore[attr-defined]
    text = text.replace("Seen", "").replace(",Command server,,", ",Command server,Text,")
    shown = client.post("/indicators/import/", {"text": text, "reason": "Back"}).content.decode()
    assert f"{indicator.number}</a>: description" in shown


def test_the_winner_is_told(client: Client, ada: User, rita: User, signed_in: SignedIn) -> None:
    made(rita, type="domainName", value="evil.example")
    longer = made(rita, type="url", value="https://evil.example/good", action="allowed")
    shown = page(signed_in(client, ada), "/indicators/which/?value=https://evil.example/good/x&group=")
    assert shown.count("Wins") == 1
    assert shown.index("Wins") > shown.index(f'id="indicator-{longer.pk}"')


@pytest.fixture
def api(rita: User) -> Caller:
    return caller(rita, may_decide=True)


def test_the_api_makes_changes_removes_and_takes_back(api: Caller) -> None:
    answer = api.post("/indicators", {**IP, "comment": "Seen"})
    assert (answer.status, answer.body["status"]) == (201, "active")
    path = f"/indicators/{answer.body['id']}"
    assert api.post("/indicators", {**IP, "comment": "Again"}).status == 409
    assert api.patch(path, {"severity": "low", "comment": "Less"}).body["severity"] == "low"
    assert api.patch(path, {"severity": "low"}).status == 400
    assert api.post(f"{path}/remove", {"comment": "Over"}).body["status"] == "removed"
    assert api.post(f"{path}/undo", {"comment": "Back"}).body["status"] == "active"
    assert api.get("/indicators", status="active", type="ipAddress").ids == [answer.body["id"]]


def test_the_api_tells_of_each_row_of_an_import(api: Caller) -> None:
    rows = [IP, {**IP, "value": "10.0.0.1"}, {"value": "x"}, {**IP, "value": "203.0.113.11", "extra": 1}]
    results = api.post("/indicators/import", {"indicators": rows, "comment": "Feed"}).body["results"]
    assert [row["verdict"] for row in results] == ["new", "wrong", "wrong", "wrong"]
    assert [bool(row["failure_reason"]) for row in results] == [False, True, True, True]


def test_the_api_tells_the_winner(api: Caller) -> None:
    made_id = api.post("/indicators", {**IP, "comment": "Seen"}).body["id"]
    answer = api.get("/indicators/which", value="203.0.113.9")
    assert (answer.body["winner"], [one["id"] for one in answer.body["matching"]]) == (made_id, [made_id])
    assert api.get("/indicators/which", value="nonsense").status == 400


def test_those_that_contradict_each_other_are_named_in_the_list_and_on_the_page(
    client: Client, rita: User, signed_in: SignedIn
) -> None:
    group = DeviceGroup.objects.get(is_default=True)
    wide, narrow = made(rita), made(rita, action="allowed", device_group_ids=[group.pk])
    alone = made(rita, value="203.0.113.10")
    listed = page(signed_in(client, rita), "/indicators/")
    assert f"{narrow.number} says allow" in listed
    assert f"{wide.number} says block" in listed
    shown = page(client, f"/indicators/{wide.pk}/")
    assert f'On devices of <bdi>{group.name}</bdi> <a href="/indicators/{narrow.pk}/">' in shown
    assert f'On every other device <a href="/indicators/{wide.pk}/">' in shown
    assert "Others speak of it too" not in page(client, f"/indicators/{alone.pk}/")


def test_who_wins_is_told_without_those_that_the_person_does_not_see(
    client: Client, rita: User, eve: User, signed_in: SignedIn
) -> None:
    group = DeviceGroup.objects.get(is_default=True)
    wide, narrow = made(rita), made(rita, action="allowed", device_group_ids=[group.pk])
    shown = page(signed_in(client, eve), "/indicators/") + page(client, f"/indicators/{wide.pk}/")
    assert narrow.number not in shown


def made_of_a_file(client: Client, url: str, incident: str) -> Indicator:
    fields = {"type": "fileSha256", "value": "c" * 64, "action": "block", "title": "Dropper", "severity": "medium",
              "expires": "90", "reason": "Seen in an attack", "incident": incident}  # fmt: skip
    assert client.post(url, fields).status_code == 302
    return Indicator.objects.get()


def test_the_only_open_incident_of_a_file_is_chosen_for_its_indicator(
    client: Client, rita: User, signed_in: SignedIn
) -> None:
    file = FileFactory.create()
    incident = incident_naming(file)
    incident_naming(file, status=IncidentStatus.RESOLVED)
    url = f"/indicators/new/?file={file.pk}"
    form = signed_in(client, rita).get(url).context["form"]
    assert [key for key, _label in form.fields["incident"].choices] == [str(incident.pk), ""]
    assert form.fields["incident"].initial == str(incident.pk)
    made = made_of_a_file(client, url, str(incident.pk))
    assert (made.incident, made.source) == (incident, "incident")


def test_of_several_open_incidents_none_is_chosen_beforehand(client: Client, rita: User, signed_in: SignedIn) -> None:
    file = FileFactory.create()
    both = {str(incident_naming(file).pk) for _ in range(2)}
    url = f"/indicators/new/?file={file.pk}"
    field = signed_in(client, rita).get(url).context["form"].fields["incident"]
    assert {key for key, _label in field.choices} == {*both, ""}
    assert field.initial == ""
    assert made_of_a_file(client, url, "").incident is None


def test_an_incident_that_does_not_hold_the_file_is_refused(client: Client, rita: User, signed_in: SignedIn) -> None:
    file, other = FileFactory.create(), incident_naming(FileFactory.create())
    incident_naming(file)
    fields = {"type": "fileSha256", "value": "c" * 64, "action": "block", "title": "Dropper", "severity": "medium",
              "expires": "90", "reason": "Seen", "incident": str(other.pk)}  # fmt: skip
    assert signed_in(client, rita).post(f"/indicators/new/?file={file.pk}", fields).status_code == 422
    assert not Indicator.objects.exists()
