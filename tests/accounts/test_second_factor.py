"""Second factors: set up, asked for, counted towards the lock-out, used once."""

import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from accounts.mfa_adapter import FACTOR
from accounts.models import Role, User
from accounts.services import factors, sessions
from core.encryption import decrypt, encrypt
from core.models import AuditEvent
from tests.conftest import SignedIn
from tests.factories.people import PASSWORD

LOGIN, SECOND = "/accounts/login/", "/accounts/second-factor/"


def code_of(secret: str, *, step: int = 0) -> str:
    counter = int(time.time()) // 30 + step
    return str(totp.format_hotp_value(totp.hotp_value(secret, counter)))


def at_clock(monkeypatch: pytest.MonkeyPatch, *, ahead_s: int) -> None:
    """The machine's clock runs ahead, for the portal and for `code_of`."""
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + ahead_s)


@pytest.fixture
def secret() -> str:
    return factors.new_secret()


@pytest.fixture
def codes(ada: User, secret: str) -> list[str]:
    """Ada's recovery codes; she set up an app with the code of half a minute ago."""
    return factors.set_up_app(ada, secret=secret, code=code_of(secret, step=-1), actor=ada.actor)


def _in_plain(client: Client) -> str:
    """The secret of an app that is being set up; the session keeps it as ciphertext."""
    return decrypt(client.session["app_secret"].encode(), FACTOR).decode()


def give_password(client: Client, name: str = "ada") -> Any:
    return client.post(LOGIN, {"login": name, "password": PASSWORD})


def is_in(client: Client) -> bool:
    return client.get("/me/").status_code == 200


def test_the_password_alone_opens_nothing(client: Client, ada: User, codes: list[str]) -> None:
    assert give_password(client)["Location"] == SECOND
    assert not is_in(client)


def test_the_code_of_the_app_signs_in(client: Client, ada: User, codes: list[str], secret: str) -> None:
    give_password(client)
    assert client.post(SECOND, {"code": code_of(secret)}).status_code == 302
    assert is_in(client)
    assert sessions.sessions_of(ada)[0].data == {"by": "password and app"}


def test_a_code_counts_once(client: Client, ada: User, codes: list[str], secret: str) -> None:
    code = code_of(secret)
    give_password(client)
    client.post(SECOND, {"code": code})
    other = Client()
    give_password(other)
    assert other.post(SECOND, {"code": code}).status_code == 200
    assert not is_in(other)


def test_an_earlier_code_is_refused_after_a_later_one(ada: User, codes: list[str], secret: str) -> None:
    assert factors.check_code(ada, code_of(secret, step=1)) is not None
    assert factors.check_code(ada, code_of(secret)) is None


def test_a_clock_that_ran_ahead_locks_nobody_out(
    ada: User, codes: list[str], secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = code_of(secret, step=2880)
    with monkeypatch.context() as wrong:
        at_clock(wrong, ahead_s=86400)
        assert factors.check_code(ada, ahead) is not None
        assert factors.check_code(ada, ahead) is None
    assert factors.check_code(ada, code_of(secret)) is not None
    assert factors.check_code(ada, code_of(secret)) is None


def test_a_code_that_was_used_ahead_of_its_time_is_not_taken_again_when_its_time_comes(
    ada: User, codes: list[str], secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, expected in (("first", True), ("when its time has come", False)):
        with monkeypatch.context() as clock:
            at_clock(clock, ahead_s=86400)
            assert (factors.check_code(ada, code_of(secret)) is not None) is expected, name
        factors.check_code(ada, code_of(secret))


def test_a_clock_that_fell_behind_brings_no_used_code_back(
    ada: User, codes: list[str], secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = code_of(secret)
    assert factors.check_code(ada, used) is not None
    for step in range(2, 2 * factors.REMEMBERED, 2):
        with monkeypatch.context() as later:
            at_clock(later, ahead_s=30 * step)
            assert factors.check_code(ada, code_of(secret)) is not None
    assert factors.check_code(ada, used) is None


def test_a_row_that_knows_the_latest_code_alone_refuses_it(ada: User, codes: list[str], secret: str) -> None:
    data = {"secret": encrypt(secret.encode(), FACTOR).decode(), "last": int(time.time()) // 30}
    Authenticator.objects.filter(type=factors.APP).update(data=data)
    assert factors.check_code(ada, code_of(secret)) is None
    assert factors.check_code(ada, code_of(secret, step=-1)) is None
    assert factors.check_code(ada, code_of(secret, step=1)) is not None


def test_a_factor_that_a_provider_asked_for_counts_for_that_person_alone(
    client: Client, ada: User, rita: User, codes: list[str]
) -> None:
    """Somebody left a session in which a provider had vouched with a factor; the next one has a password alone."""
    session = client.session
    session[sessions.FACTOR_ELSEWHERE] = rita.pk
    session.save()
    assert give_password(client)["Location"] == SECOND
    assert not is_in(client)


def test_a_recovery_code_signs_in_once(client: Client, ada: User, codes: list[str]) -> None:
    assert len(set(codes)) == 10
    give_password(client)
    client.post(SECOND, {"code": f"{codes[0][:5]}-{codes[0][5:]}"})
    assert is_in(client)
    assert factors.check_code(ada, codes[0]) is None
    assert factors.factors_of(ada).codes_left == 9


def test_wrong_codes_lock_the_account_as_wrong_passwords_do(client: Client, ada: User, codes: list[str]) -> None:
    give_password(client)
    answers = [client.post(SECOND, {"code": "000000"}).status_code for _ in range(5)]
    assert answers == [200, 200, 200, 200, 429]
    assert give_password(Client()).status_code == 429
    assert AuditEvent.objects.filter(verb="user.locked_out", subject=f"user:{ada.pk}").count() == 1


def test_a_locked_account_is_not_opened_by_the_right_code(
    client: Client, ada: User, codes: list[str], secret: str
) -> None:
    give_password(client)
    for _ in range(5):
        client.post(SECOND, {"code": "000000"})
    assert client.post(SECOND, {"code": code_of(secret)}).status_code == 429
    assert not is_in(client)


def test_secrets_lie_encrypted(ada: User, codes: list[str], secret: str) -> None:
    stored = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in stored
    assert not any(code in stored for code in codes)


def test_somebody_else_may_take_the_place(client: Client, ada: User, rita: User, codes: list[str]) -> None:
    give_password(client)
    assert client.post(SECOND, {"cancel": "1"})["Location"] == LOGIN
    give_password(client, "rita")
    assert is_in(client)


def test_the_page_sets_an_app_up_and_shows_the_codes_once(client: Client, ada: User, signed_in: SignedIn) -> None:
    signed_in(client, ada)
    page = client.get(reverse("accounts:new_app"))
    assert "data:image/svg+xml" in page.text
    assert _in_plain(client) not in str(dict(client.session))
    typed = _in_plain(client)
    answer = client.post(reverse("accounts:new_app"), {"code": code_of(typed)})
    assert answer.text.count('<code class="secret">') == 10
    assert answer["Cache-Control"] == "no-store"
    assert factors.has_factor(ada)
    assert "app_secret" not in client.session


def test_a_wrong_code_sets_nothing_up(client: Client, ada: User, signed_in: SignedIn) -> None:
    signed_in(client, ada).get(reverse("accounts:new_app"))
    assert client.post(reverse("accounts:new_app"), {"code": "000000"}).status_code == 422
    assert not factors.has_factor(ada)


def test_confirming_asks_for_the_factor_of_who_has_one(
    client: Client, ada: User, codes: list[str], secret: str, signed_in: SignedIn
) -> None:
    signed_in(client, ada)
    confirm = reverse("accounts:confirm")
    assert client.post(confirm, {"password": PASSWORD}).status_code == 422
    assert client.post(confirm, {"code": code_of(secret)}).status_code == 302


def test_the_recovery_codes_go_with_the_last_factor(ada: User, codes: list[str]) -> None:
    app = factors.factors_of(ada).app
    assert app is not None
    factors.remove_factor(ada, factor=app, actor=ada.actor)
    assert not Authenticator.objects.filter(user=ada).exists()


def test_new_codes_end_the_former_ones(ada: User, codes: list[str]) -> None:
    fresh = factors.new_recovery_codes(ada, actor=ada.actor)
    assert set(fresh).isdisjoint(codes)
    assert factors.check_code(ada, codes[0]) is None
    assert factors.check_code(ada, fresh[0]) is not None


def test_nobody_sets_up_or_takes_away_for_somebody_else(ada: User, adam: User, secret: str) -> None:
    with pytest.raises(ValidationError):
        factors.set_up_app(ada, secret=secret, code=code_of(secret), actor=adam.actor)
    with pytest.raises(ValidationError):
        factors.reset_factors(adam, actor=adam.actor)


@pytest.fixture
def demanded(db: None) -> Role:
    """The role of an analyst needs a second factor from now on."""
    Role.objects.filter(key="analyst").update(needs_second_factor=True, grace_days=0)
    return Role.objects.get(key="analyst")


def test_without_a_factor_nothing_else_opens(client: Client, ada: User, demanded: Role) -> None:
    give_password(client)
    assert client.get("/incidents/")["Location"] == reverse("accounts:factors")
    assert client.get("/api/v1/incidents").status_code == 401
    assert "Set up a second factor to go on" in client.get(reverse("accounts:factors")).text


def test_setting_one_up_opens_the_portal_at_once(client: Client, ada: User, demanded: Role) -> None:
    give_password(client)
    client.get(reverse("accounts:new_app"))
    client.post(reverse("accounts:new_app"), {"code": code_of(_in_plain(client))})
    assert client.get("/incidents/").status_code == 200


def test_the_days_of_grace_leave_the_portal_open_and_say_so(client: Client, ada: User, demanded: Role) -> None:
    Role.objects.update(grace_days=3)
    give_password(client)
    assert client.get("/incidents/").status_code == 200
    assert "Your role needs a second factor" in client.get(reverse("accounts:factors")).text


def test_the_days_of_grace_are_not_begun_anew_at_each_sign_in(client: Client, ada: User, demanded: Role) -> None:
    Role.objects.update(grace_days=3)
    give_password(client)
    first = User.objects.get(pk=ada.pk).second_factor_due
    give_password(Client())
    assert first is not None
    assert User.objects.get(pk=ada.pk).second_factor_due == first


def test_other_roles_are_not_asked(client: Client, rita: User, demanded: Role) -> None:
    give_password(client, "rita")
    assert client.get("/incidents/").status_code == 200
