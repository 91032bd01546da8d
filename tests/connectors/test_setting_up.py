"""Connections made, changed, switched, tested and deleted by an administrator, on the pages and over the API."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from connectors import registry
from connectors.kinds.simulator.connector import SimulatorConnector
from connectors.models import Connection
from connectors.registry import Kind, Setting
from connectors.services.connections import create_connection, secrets_of
from core.actors import Actor
from core.models import AuditEvent
from tests.conftest import SignedIn
from tests.factories.api import caller
from tests.factories.remediation import company

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
ME = Actor.system("test")
BODY = {"name": "Lab", "setting_start_after_s": "0", "setting_finish_after_s": "0.5"}


@pytest.fixture
def admin(client: Client, adam: User, signed_in: SignedIn) -> Client:
    return signed_in(client, adam)


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kind]:
    """A kind with a secret, a needed value and one that has a default."""
    settings = (
        Setting("address", "Address", required=True),
        Setting("password", "Password", secret=True, required=True),
        Setting("pause_s", "Pause", default="5", between=(1, 60)),
    )
    kind = Kind("simulator", "Vault", "Keeps a secret.", simulated=True, open=SimulatorConnector, settings=settings)
    monkeypatch.setattr("connectors.services.connections.get_kind", lambda key: kind)
    monkeypatch.setattr("connectors.views.setting_up.get_kind", lambda key: kind)
    monkeypatch.setattr("connectors.views.connections.get_kind", lambda key: kind)
    yield kind
    assert registry.get_kind("simulator").label == "Simulated company"


def made(**settings: str) -> Connection:
    return create_connection(name="Vault", kind="simulator", settings={"address": "a", **settings}, actor=ME)


def url(page: str, connection: Connection) -> str:
    return reverse(f"connectors:{page}", args=[connection.pk])


def new(client: Client, **fields: Any) -> Any:
    return client.post(reverse("connectors:new_connection", args=["simulator"]), {**BODY, **fields}, headers=HTMX)


def test_what_a_connection_can_is_told_in_words(admin: Client) -> None:
    page = admin.get(url("connection", create_connection(name="Lab", kind="simulator", actor=ME))).text
    assert "Isolate device" in page
    assert "device.isolate" not in page


def test_a_new_connection_is_made_and_asked_for_its_health(admin: Client, adam: User) -> None:
    assert new(admin)["HX-Redirect"] == "/admin/connections/"
    connection = Connection.objects.get()
    assert (connection.name, connection.health, connection.enabled) == ("Lab", "healthy", True)
    assert connection.settings == {"start_after_s": "0", "finish_after_s": "0.5"}
    event = AuditEvent.objects.get(verb="connection.created")
    assert (event.actor_id, event.subject) == (str(adam.pk), f"connection:{connection.pk}")


def test_the_list_tells_health_targets_and_what_is_under_way(admin: Client) -> None:
    place = company()
    place.device()
    page = admin.get("/admin/connections/").text
    assert "New connection" in page
    assert '<td class="num wide">1</td>' in page
    assert "1 device" in admin.get(url("connection", place.connection)).text


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "", "required"),
        ("setting_start_after_s", "soon", "a number from 0 to 3600 is needed"),
        ("setting_finish_after_s", "nan", "a number from 0 to 3600 is needed"),
        ("setting_finish_after_s", "-1", "a number from 0 to 3600 is needed"),
    ],
)
def test_a_wrong_value_is_told_beside_its_field(admin: Client, field: str, value: str, words: str) -> None:
    answer = new(admin, **{field: value})
    assert (answer.status_code, Connection.objects.count()) == (422, 0)
    assert words in answer.text


def test_a_name_is_given_once(admin: Client) -> None:
    new(admin)
    assert "There is a connection of this name already." in new(admin).text


def test_a_kind_that_is_not_installed_has_no_page(admin: Client) -> None:
    assert admin.get("/admin/connections/new/telepathy/").status_code == 404


def test_fields_beyond_the_form_change_nothing(admin: Client) -> None:
    new(admin, enabled="", health="healthy", exercise="demo", kind="other", setting_colour="red", secrets="x")
    connection = Connection.objects.get()
    assert (connection.kind, connection.exercise, connection.enabled) == ("simulator", "", True)
    assert set(connection.settings) == {"start_after_s", "finish_after_s"}


def test_a_secret_goes_in_and_never_comes_out(admin: Client, vault: Kind) -> None:
    connection = made(password="open sesame")
    for page in ("connection", "edit_connection"):
        assert "open sesame" not in admin.get(url(page, connection)).text
    assert b"open sesame" not in bytes(Connection.objects.get().secrets or b"")
    assert "open sesame" not in str(list(AuditEvent.objects.values_list("data", "changes")))


def test_a_secret_that_is_left_empty_stays(admin: Client, vault: Kind) -> None:
    connection = made(password="first")
    body = {"name": "Vault", "setting_address": "b", "setting_password": "", "setting_pause_s": "7"}
    admin.post(url("edit_connection", connection), body, headers=HTMX)
    connection.refresh_from_db()
    assert (connection.settings, secrets_of(connection)) == (
        {"address": "b", "pause_s": "7"},
        {"password": "first"},
    )
    event = AuditEvent.objects.get(verb="connection.changed")
    assert event.changes == {"address": ["a", "b"], "pause_s": ["5", "7"]}
    assert event.data == {"secrets": []}


def test_a_new_secret_is_audited_by_its_name_alone(admin: Client, vault: Kind) -> None:
    connection = made(password="first")
    body = {"name": "Vault", "setting_address": "a", "setting_password": "second", "setting_pause_s": "5"}
    admin.post(url("edit_connection", connection), body, headers=HTMX)
    connection.refresh_from_db()
    assert secrets_of(connection) == {"password": "second"}
    assert AuditEvent.objects.get(verb="connection.changed").data == {"secrets": ["password"]}


def test_a_needed_value_is_asked_for(admin: Client, vault: Kind) -> None:
    answer = admin.post(reverse("connectors:new_connection", args=["simulator"]), {"name": "V"}, headers=HTMX)
    assert answer.status_code == 422
    assert answer.text.count("This field is required") == 2


def test_switching_off_needs_a_reason_and_says_what_becomes_of_orders(admin: Client) -> None:
    connection = company().connection
    address = url("switch_connection", connection)
    assert "they go on to their end" not in admin.get(address).text
    assert "Orders under way" in admin.get(address).text
    assert admin.post(address, {}, headers=HTMX).status_code == 422
    admin.post(address, {"reason": "Maintenance"}, headers=HTMX)
    connection.refresh_from_db()
    assert not connection.enabled
    assert AuditEvent.objects.get(verb="connection.enabled").reason == "Maintenance"
    admin.post(address, {"reason": "Done"}, headers=HTMX)
    connection.refresh_from_db()
    assert connection.enabled


def test_only_what_nothing_refers_to_is_deleted(admin: Client) -> None:
    place = company()
    place.device()
    address = url("delete_connection", place.connection)
    assert "in use by 1 device binding" in admin.get(address).text
    answer = admin.post(address, {"reason": "No longer needed"}, headers=HTMX)
    assert (answer.status_code, Connection.objects.count()) == (422, 1)
    new(admin)
    unused = Connection.objects.get(name="Lab")
    admin.post(url("delete_connection", unused), {"reason": "A try"}, headers=HTMX)
    assert not Connection.objects.filter(pk=unused.pk).exists()
    assert AuditEvent.objects.get(verb="connection.deleted").data["name"] == "Lab"


def test_nobody_else_sets_connections_up(ada: User, rita: User, mona: User, signed_in: SignedIn) -> None:
    connection = company().connection
    for user in (ada, rita, mona):
        client = signed_in(Client(), user)
        assert new(client).status_code == 403
        for page in ("edit_connection", "switch_connection", "delete_connection"):
            assert client.post(url(page, connection), {"name": "x", "reason": "x"}).status_code == 403
        assert caller(user).post("/connections", {"name": "x", "kind": "simulator"}).status == 403
    assert Connection.objects.get().enabled


def test_the_api_makes_changes_and_asks_a_connection(adam: User) -> None:
    client = caller(adam)
    answer = client.post("/connections", {"name": "Lab", "kind": "simulator", "settings": {"start_after_s": 0}})
    assert (answer.status, answer.body["health"]) == (201, "unknown")
    path = f"/connections/{answer.body['id']}"
    assert client.post(f"{path}/check").body["health"] == "healthy"
    assert client.patch(path, {"name": "Laboratory"}).body["name"] == "Laboratory"
    assert client.patch(path, {"enabled": False}).body["error"]["field"] == "reason"
    assert client.patch(path, {"enabled": False, "reason": "Maintenance"}).body["enabled"] is False
    assert Connection.objects.get().settings["start_after_s"] == "0"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "L", "kind": "telepathy"}, "kind"),
        ({"name": "L", "kind": "simulator", "settings": {"colour": "red"}}, "settings"),
        ({"name": "L", "kind": "simulator", "settings": {"start_after_s": [1]}}, "settings.start_after_s"),
        ({"name": "L", "kind": "simulator", "enabled": False}, "enabled"),
        ({"name": "L", "kind": "simulator", "exercise": "demo"}, "exercise"),
        ({"name": " ", "kind": "simulator"}, "name"),
    ],
)
def test_the_api_takes_nothing_extra(adam: User, body: dict[str, Any], field: str) -> None:
    answer = caller(adam).post("/connections", body)
    assert (answer.status, answer.body["error"]["field"], Connection.objects.count()) == (400, field, 0)
