"""The words of the command line that make people and tokens."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import ApiToken, DeviceGroup, User
from accounts.services.tokens import find_token
from core import clock


def run(*words: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command(*words, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def sign_in(username: str, password: str) -> Client:
    client = Client()
    assert client.post("/accounts/login/", {"login": username, "password": password}).status_code == 302
    return client


def password_of(username: str, told: str) -> str:
    return next(line.split()[1] for line in told.splitlines() if line.split()[:1] == [username])


def test_the_first_start_makes_an_administrator_with_a_one_time_password(db: None) -> None:
    told, _ = run("create_first_users")
    client = sign_in("admin", password_of("admin", told))
    assert client.get("/admin/users/")["Location"] == "/me/password/"
    assert User.objects.count() == 1


def test_with_the_demo_three_more_people_can_work_at_once(db: None) -> None:
    told, _ = run("create_first_users", "--demo")
    for username in ("analyst", "responder", "manager"):
        client = sign_in(username, password_of(username, told))
        assert client.get("/me/").status_code == 200


def test_a_second_start_makes_nobody_and_says_nothing(db: None) -> None:
    run("create_first_users", "--demo")
    passwords = list(User.objects.order_by("pk").values_list("password", flat=True))
    assert run("create_first_users", "--demo") == ("", "")
    assert list(User.objects.order_by("pk").values_list("password", flat=True)) == passwords


def test_a_token_goes_alone_to_standard_output(db: None) -> None:
    out, err = run("create_token", "sensor", "--role", "ingest", "--expires", "12h")
    token = find_token(out.removesuffix("\n"))
    assert token is not None
    assert token.user.permission_keys == {"ingest.write"}
    assert token.user.scope.everything
    assert abs(token.expires_at - clock.real_now() - timedelta(hours=12)) < timedelta(minutes=1)
    assert out.strip() not in err


def test_a_token_may_be_held_to_device_groups_and_may_decide_when_told(elsewhere: DeviceGroup) -> None:
    out, _ = run("create_token", "bot", "--role", "responder", "--group", "elsewhere", "--may-decide")
    token = find_token(out.strip())
    assert token is not None
    assert token.user.scope.group_ids == {elsewhere.pk}
    assert token.may_decide


def test_the_same_service_gets_a_second_token_but_never_other_rights(db: None) -> None:
    _, first = run("create_token", "bot", "--role", "reader")
    _, second = run("create_token", "bot", "--role", "reader")
    assert "was there already" not in first
    assert "a further token beside 1 that still works" in second
    assert ApiToken.objects.count() == 2
    with pytest.raises(CommandError, match="another role"):
        run("create_token", "bot", "--role", "admin")


@pytest.mark.parametrize(
    "words",
    [
        ("ada", "--role", "reader"),
        ("bot", "--role", "reader", "--group", "nowhere"),
        ("bot", "--role", "reader", "--expires", "soon"),
        ("bot", "--role", "reader", "--expires", "9999d"),
        ("not a name", "--role", "reader"),
        ("bot", "--role", "emperor"),
    ],
)
def test_a_token_that_cannot_be_made_says_why_and_leaves_nothing(ada: User, words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        run("create_token", *words)
    assert not ApiToken.objects.exists()
    assert not User.objects.filter(username="bot").exists()


def test_a_lost_password_is_reset_on_the_machine(client: Client, ada: User) -> None:
    out, _ = run("reset_password", "ADA")
    signed = sign_in("ada", out.strip())
    assert signed.get("/incidents/")["Location"] == "/me/password/"
