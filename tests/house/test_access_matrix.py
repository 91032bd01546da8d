"""Role by operation by scope: who is let in where follows from the declared right alone, for every address there is."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.http import HttpResponseBase
from django.test import Client

from accounts.enums import BuiltInRole
from accounts.models import DeviceGroup, Role, User
from accounts.roles import BUILT_IN
from core.permissions import is_registered
from incidents.models import Alert, Comment, Device, Incident
from remediation.models import ActionRun
from tests.api.places import set_api_stage
from tests.factories.api import caller
from tests.factories.people import person, sign_in
from tests.house.url_map import TWINS, Operation, operations

pytestmark = pytest.mark.django_db

# Without a declared right, each with the reason.
FOR_EVERYBODY = {
    "account_login": "the sign-in page itself",
    "account_logout": "ends one's own session",
}
MARKS = {"signed_in", "anonymous"}
# Rows that belong to no device group: whoever holds the right to administer them sees them all.
WITHOUT_SCOPE = {"connections", "device-groups", "users", "roles", "tokens", "options", "ingest", "accounts",
                 "connectors", "protections", "approvers", "isolation-exclusions", "trusted-programs", "contacts",
                 "drills", "correlation-rules", "live-library"}  # fmt: skip
PAGES_WITHOUT_SCOPE = (
    "remediation:unprotect", "remediation:edit_approver_rule", "remediation:delete_approver_rule",
    "remediation:edit_isolation_rule", "remediation:delete_isolation_rule", "remediation:edit_trusted",
    "incidents:bind-known", "incidents:unbind-known", "notifications:endpoint", "notifications:edit-endpoint",
    "notifications:rotate-endpoint", "notifications:delete-endpoint", "notifications:resume-endpoint",
    "notifications:switch-endpoint", "notifications:test-endpoint", "notifications:dispatch", "notifications:limit",
    "notifications:forget", "notifications:new-", "remediation:edit_expert_group",
    "reviews:edit_contact", "reviews:confirm_contact", "reviews:delete_contact", "reviews:edit_drill",
    "reviews:delete_drill",
    "remediation:edit_retainer", "incidents:correlation-rule", "remediation:edit_recovery_step", "live_response:file",
)  # fmt: skip
SECRETS = ("Ransomware spreading", "WS-14", "m.okafor", "svc_update", "Invoice fraud")
ALL = operations()


@pytest.fixture
def places(ada: User, rita: User, adam: User) -> dict[str, Any]:
    return set_api_stage(ada, rita, adam)


def ask(operation: Operation, user: User | None, places: Mapping[str, Any]) -> HttpResponseBase:
    """Carry the operation out as `user`, with an empty body."""
    path = operation.path(places)
    client = Client(raise_request_exception=False)
    if operation.is_api and operation.name != "api:docs":
        body: Any = {} if operation.method == "GET" else {"data": json.dumps({}), "content_type": "application/json"}
        return client.generic(operation.method, path, headers=_token(user), **body)
    if user is not None:
        sign_in(client, user)
    return client.generic(operation.method, path)


def _token(user: User | None) -> dict[str, str]:
    """One token for the whole of a test."""
    if user is None:
        return {}
    if not hasattr(user, "bearer"):
        user.bearer = caller(user).headers  # type: ignore[attr-defined]
    return user.bearer  # type: ignore[attr-defined]


def is_let_in(operation: Operation, answer: HttpResponseBase) -> bool:
    """Whether the guard let the request through, whatever became of it behind the guard."""
    if answer.status_code == 302:
        return not answer.headers["Location"].startswith("/accounts/login/")
    if answer.status_code == 403 and operation.permission not in MARKS:
        # A rule behind the guard says why in its own words.
        return operation.is_api and f"needs the permission {operation.permission}" not in _text(answer)
    return answer.status_code not in {401, 403}


def _text(answer: Any) -> str:
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return str(content.decode(errors="replace"))


def test_every_operation_declares_a_known_right() -> None:
    silent = {operation.name for operation in ALL if operation.permission is None}
    assert silent == set(FOR_EVERYBODY)
    declared = {operation.permission for operation in ALL if operation.permission}
    assert [key for key in declared - MARKS if not is_registered(key)] == []


def test_an_address_with_a_slash_is_the_same_operation() -> None:
    twins = {(one.name.replace(TWINS, ""), one.method, one.action, one.permission) for one in ALL if TWINS in one.name}
    assert twins <= {(one.name, one.method, one.action, one.permission) for one in ALL}


def test_nobody_is_let_in_without_signing_in(places: dict[str, Any]) -> None:
    let_in = [
        str(operation)
        for operation in ALL
        if operation.name not in FOR_EVERYBODY
        and operation.permission != "anonymous"
        and ask(operation, None, places).status_code not in {302, 401, 405}
    ]
    assert let_in == []


@pytest.mark.parametrize("role", list(BuiltInRole), ids=lambda role: role.value)
def test_a_role_is_let_in_where_it_holds_the_right_and_nowhere_else(role: BuiltInRole, places: dict[str, Any]) -> None:
    sam = person("sam", role.value)
    wrong = []
    for operation in _guarded():
        answer = ask(operation, sam, places)
        expected = operation.permission in MARKS or operation.permission in BUILT_IN[role]
        if answer.status_code != 405 and is_let_in(operation, answer) != expected:
            wrong.append(f"{operation}: {answer.status_code}, expected {'in' if expected else 'out'}")
    assert wrong == []


def test_a_token_that_may_not_decide_is_kept_out_of_decisions(rita: User, places: dict[str, Any]) -> None:
    token = caller(rita, may_decide=False).headers
    deciding = [one for one in ALL if one.is_api and one.permission == "response.manage"]
    assert deciding
    for operation in deciding:
        assert Client().generic(operation.method, operation.path(places), headers=token).status_code == 403


# ---- outside the scope ----


@pytest.fixture
def hidden(places: dict[str, Any], eve: User) -> Iterator[dict[str, Any]]:
    """Everything on the stage belongs to one device group, which is not eve's; eve holds every right there is."""
    group = Device.objects.get().device_group_id
    Incident.objects.update(open_to_all=False, device_group_ids=[group])
    Alert.objects.update(device_group_ids=[group])
    eve.roles.set([Role.objects.get(key="admin")])
    assert DeviceGroup.objects.get(name="Elsewhere").pk != group
    return places  # type: ignore[return-value]


def test_what_is_in_another_group_does_not_exist(hidden: dict[str, Any], eve: User) -> None:
    before = _state()
    found = [
        f"{operation}: {answer.status_code}"
        for operation in _guarded()
        if operation.parameters and _has_scope(operation)
        and (answer := ask(operation, eve, hidden)).status_code not in {404, 405}
    ]  # fmt: skip
    assert found == []
    assert _state() == before


def test_no_list_export_or_search_names_it(hidden: dict[str, Any], eve: User) -> None:
    leaks = []
    for operation in _guarded():
        if operation.method == "GET" and not operation.parameters and _has_scope(operation):
            text = _text(ask(operation, eve, hidden))
            leaks += [f"{operation}: {secret}" for secret in SECRETS if secret in text]
    for secret in SECRETS:
        page = _text(sign_in(Client(), eve).get("/search/", {"q": secret}))
        leaks += [f"search for {secret}: {other}" for other in SECRETS if other in page and other != secret]
    assert leaks == []


def test_naming_it_in_a_body_is_no_way_in(hidden: dict[str, Any], eve: User) -> None:
    client, before = caller(eve), _state()
    device = {"kind": "device", "id": str(hidden["devices.pk"])}
    bodies: dict[str, dict[str, Any]] = {
        "/actions": {"action": "device.isolate", "target": device, "comment": "x"},
        "/incidents": {"display_name": "x", "severity": "low", "entities": [device]},
        "/alerts/move": {"alerts": [str(hidden["alerts.pk"])], "incident": None, "reason": "sameActor"},
        "/incidents/merge": {"incidents": [str(hidden["incidents.pk"])] * 2},
        "/legal-holds": {"incident": str(hidden["incidents.pk"]), "reason": "x"},
    }
    assert {path: client.post(path, body).status for path, body in bodies.items()} == dict.fromkeys(bodies, 404)
    assert _state() == before


def _guarded() -> list[Operation]:
    return [one for one in ALL if _is_guarded(one)]


def _is_guarded(one: Operation) -> bool:
    return one.name not in FOR_EVERYBODY and one.permission != "anonymous" and TWINS not in one.name


def _has_scope(operation: Operation) -> bool:
    return operation.resource not in WITHOUT_SCOPE and not operation.name.startswith(PAGES_WITHOUT_SCOPE)


def _state() -> dict[str, Any]:
    """What eve must not be able to change."""
    return {
        "incidents": list(Incident.objects.order_by("pk").values_list("pk", "version", "status", "assigned_to")),
        "runs": list(ActionRun.objects.order_by("pk").values_list("pk", "version", "decision", "status")),
        "alerts": list(Alert.objects.order_by("pk").values_list("pk", "version", "incident")),
        "comments": Comment.objects.count(),
    }
