"""What an administrator does on the pages, and that nobody else gets there."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import ApiToken, DeviceGroup, Role, User
from accounts.services.tokens import find_token
from core import options
from core.models import AuditEvent
from tests.conftest import SignedIn
from tests.factories.people import DeviceGroupFactory

HTMX = {"HX-Request": "true"}
PATHS = ["users", "users/new", "roles", "groups", "groups/new", "tokens", "options", "connections", "dead-letters"]


@pytest.fixture
def admin(client: Client, adam: User, signed_in: SignedIn) -> Client:
    return signed_in(client, adam)


def role_id(key: str) -> int:
    return Role.objects.get(key=key).pk


@pytest.mark.parametrize("path", PATHS)
def test_no_other_role_opens_the_administration(
    ada: User, rita: User, mona: User, signed_in: SignedIn, path: str
) -> None:
    for person in (ada, rita, mona):
        assert signed_in(Client(), person).get(f"/admin/{path}/").status_code == 403


def test_a_refusal_names_the_right_that_is_missing(client: Client, ada: User, signed_in: SignedIn) -> None:
    assert "Authorization (manage)" in signed_in(client, ada).get("/admin/users/").text


def test_a_new_person_gets_a_password_that_is_shown_once_and_works(admin: Client) -> None:
    body = {"username": "Nora", "display_name": "Nora Berg", "roles": [role_id("analyst")], "scope_kind": "all"}
    answer = admin.post(reverse("accounts:new_person"), body, headers=HTMX)
    assert answer["Cache-Control"] == "no-store"
    password = re.search(r"[a-z2-9]{4}(?:-[a-z2-9]{4}){3}", answer.text)
    assert password is not None
    newcomer = Client()
    newcomer.post("/accounts/login/", {"login": "nora", "password": password[0]})
    assert newcomer.get("/incidents/")["Location"] == "/me/password/"


def test_a_form_that_cannot_be_saved_comes_back_with_its_reason(admin: Client) -> None:
    body = {"username": "adam", "display_name": "x", "roles": [role_id("reader")], "scope_kind": "selected"}
    answer = admin.post(reverse("accounts:new_person"), body, headers=HTMX)
    assert answer.status_code == 422
    assert "This user name is taken." in answer.text
    assert "Select at least one group" in answer.text


def test_roles_and_scope_change_together_or_not_at_all(admin: Client, adam: User, elsewhere: DeviceGroup) -> None:
    body = {
        "display_name": "Renamed",
        "roles": [role_id("reader")],
        "scope_kind": "selected",
        "device_groups": [elsewhere.pk],
        "reason": "Try",
    }
    answer = admin.post(reverse("accounts:edit_person", args=[adam.pk]), body, headers=HTMX)
    assert answer.status_code == 422
    assert "last active administrator" in answer.text
    adam.refresh_from_db()
    assert adam.display_name == "Adam Novak"
    assert adam.scope_kind == "all"


def test_switching_off_needs_a_reason_and_can_be_undone(admin: Client, ada: User) -> None:
    url = reverse("accounts:switch_person", args=[ada.pk])
    assert admin.post(url, {"reason": ""}, headers=HTMX).status_code == 422
    assert admin.post(url, {"reason": "Left"}, headers=HTMX).status_code == 204
    ada.refresh_from_db()
    assert not ada.is_active
    admin.post(url, {"reason": "Came back"}, headers=HTMX)
    ada.refresh_from_db()
    assert ada.is_active


def test_a_locked_out_person_is_let_in_again(admin: Client, ada: User) -> None:
    for _ in range(5):
        Client().post("/accounts/login/", {"login": "ada", "password": "wrong"})
    pane = reverse("accounts:person", args=[ada.pk])
    assert "Locked out" in admin.get(pane).text
    admin.post(reverse("accounts:unlock_person", args=[ada.pk]), headers=HTMX)
    assert "Locked out" not in admin.get(pane).text
    assert AuditEvent.objects.filter(verb="user.unlocked").exists()


def test_names_from_outside_are_text_on_the_pages(admin: Client, ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(display_name="<script>alert(1)</script>\u202egpj")
    page = admin.get("/admin/users/").text
    assert "<script>alert" not in page
    assert "\u202e" not in page


def test_people_are_found_by_name_role_and_state(admin: Client, ada: User, rita: User) -> None:
    User.objects.filter(pk=rita.pk).update(is_active=False)
    shown = [row.username for row in admin.get("/admin/users/?q=lind").context["rows"]]
    assert shown == ["ada"]
    assert [row.username for row in admin.get("/admin/users/?state=off").context["rows"]] == ["rita"]
    assert [row.username for row in admin.get("/admin/users/?role=admin").context["rows"]] == ["adam"]


def test_a_role_of_ones_own_is_made_changed_and_deleted(admin: Client) -> None:
    admin.post(reverse("accounts:new_role"), {"name": "Hunter", "permissions": ["security_data.read"]}, headers=HTMX)
    made = Role.objects.get(key="hunter")
    body = {"name": "Hunter", "permissions": ["security_data.read", "alerts.manage"]}
    admin.post(reverse("accounts:edit_role", args=[made.pk]), body, headers=HTMX)
    made.refresh_from_db()
    assert made.permissions == ["alerts.manage", "security_data.read"]
    admin.post(reverse("accounts:delete_role", args=[made.pk]), {"reason": "Tried"}, headers=HTMX)
    assert not Role.objects.filter(key="hunter").exists()


def test_a_built_in_role_has_no_edit_page(admin: Client) -> None:
    assert admin.get(reverse("accounts:edit_role", args=[role_id("analyst")])).status_code == 404


def test_a_group_is_made_from_the_lines_of_its_rule(admin: Client) -> None:
    body = {"name": "Finance", "name_operator": "startswith", "name_values": "fin-\n acc- \n\nfin-"}
    assert admin.post(reverse("accounts:new_group"), body).status_code == 302
    rule = DeviceGroup.objects.get(name="Finance").rule
    assert rule == {"name": {"operator": "startswith", "values": ["fin-", "acc-"]}}


def test_a_rule_with_eleven_values_is_refused(admin: Client) -> None:
    body = {"name": "Many", "tag_operator": "equals", "tag_values": "\n".join(f"t{n}" for n in range(11))}
    answer = admin.post(reverse("accounts:new_group"), body)
    assert answer.status_code == 422
    assert "between 1 and 10 values" in answer.text


def test_moving_a_group_by_its_button(admin: Client) -> None:
    low, high = DeviceGroupFactory.create(rank=2), DeviceGroupFactory.create(rank=1)
    admin.post(reverse("accounts:move_group", args=[low.pk, 1]), headers=HTMX)
    low.refresh_from_db()
    high.refresh_from_db()
    assert (low.rank, high.rank) == (1, 2)


def test_a_service_token_is_shown_once_and_can_be_revoked(admin: Client) -> None:
    body = {"name": "sensor", "role": "ingest", "scope_kind": "all", "lifetime": "90"}
    page = admin.post(reverse("accounts:new_token"), body, headers=HTMX).text
    secret = re.search(r"soc_[\w-]{43}", page)
    assert secret is not None
    token = find_token(secret[0])
    assert token is not None
    assert secret[0] not in admin.get("/admin/tokens/").text
    admin.post(reverse("accounts:revoke_token", args=[token.pk]), {"reason": "Rotated"}, headers=HTMX)
    assert find_token(secret[0]) is None


def test_somebody_elses_token_is_not_mine_to_revoke(client: Client, ada: User, rita: User, signed_in: SignedIn) -> None:
    signed_in(client, rita).post(reverse("accounts:new_own_token"), {"name": "x", "lifetime": "7"})
    token = ApiToken.objects.get(user=rita)
    assert signed_in(Client(), ada).get(reverse("accounts:revoke_own_token", args=[token.pk])).status_code == 404


def test_an_option_is_changed_with_a_reason_and_keeps_its_history(admin: Client) -> None:
    option = next(one for one in options.declared() if one.kind == "int")
    url = reverse("accounts:edit_option", args=[option.key])
    wanted = option.default + 1
    assert admin.post(url, {"value": wanted, "reason": ""}, headers=HTMX).status_code == 422
    assert admin.post(url, {"value": wanted, "reason": "Slower team"}, headers=HTMX).status_code == 204
    assert options.get(option.key) == wanted
    assert "Slower team" in admin.get(url).text
    assert AuditEvent.objects.get(verb="option.changed").changes == {"value": [option.default, wanted]}


def test_an_unknown_option_is_not_found(admin: Client) -> None:
    assert admin.get("/admin/options/no.such/").status_code == 404


def test_a_right_that_the_person_cannot_grant_is_off_and_says_why(admin: Client, adam: User) -> None:
    adam.roles.set([Role.objects.create(key="keeper", name="Keeper", permissions=["authorization.manage"])])
    page = admin.get(reverse("accounts:new_role"), headers=HTMX).text
    boxes = {key: box for box, key in re.findall(r'(<input type="checkbox"[^>]*value="([^"]+)"[^>]*>)', page)}
    assert [key for key, box in boxes.items() if "disabled" not in box] == ["authorization.manage"]
    assert page.count("you do not hold it, so you cannot grant it") == len(boxes) - 1 > 0
