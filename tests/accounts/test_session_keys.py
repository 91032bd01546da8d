"""What lies in the tables and the cache of sessions opens none of them."""

import pytest
from allauth.usersessions.models import UserSession
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection
from django.test import Client

from accounts.models import User
from accounts.session_store import SessionStore, row_of
from accounts.tasks import forget_ended_sessions
from core import clock
from tests.accounts.test_sign_in import sign_in_by_form

NAME = settings.SESSION_COOKIE_NAME


def with_cookie(value: str) -> Client:
    client = Client()
    client.cookies[NAME] = value
    return client


def test_nothing_that_is_stored_is_the_key_that_the_browser_holds(client: Client, ada: User) -> None:
    sign_in_by_form(client, "ada")
    key = client.cookies[NAME].value
    client.get("/me/")
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(s::text, ' ') FROM django_session s")
        stored = cursor.fetchone()[0]
        cursor.execute("SELECT string_agg(s::text, ' ') FROM usersessions_usersession s")
        stored += cursor.fetchone()[0]
    assert row_of(key) in stored
    assert key not in stored
    names = [name.decode() for name in cache._cache.get_client(None, write=True).scan_iter("*")]  # type: ignore[attr-defined]
    assert any(row_of(key) in name for name in names)
    assert not any(key in name for name in names)


@pytest.mark.parametrize("table", [Session, UserSession])
def test_what_the_tables_hold_signs_nobody_in(client: Client, ada: User, table: type[Session | UserSession]) -> None:
    sign_in_by_form(client, "ada")
    stored = table.objects.get().session_key
    assert with_cookie(stored).get("/me/").status_code == 302
    assert client.get("/me/").status_code == 200


def test_a_session_is_found_without_the_cache(client: Client, ada: User) -> None:
    sign_in_by_form(client, "ada")
    cache.clear()
    assert client.get("/me/").status_code == 200


def test_ending_a_session_of_the_list_ends_it_in_table_and_cache(client: Client, ada: User) -> None:
    other = Client()
    sign_in_by_form(other, "ada")
    sign_in_by_form(client, "ada")
    row = UserSession.objects.get(session_key=row_of(other.cookies[NAME].value))
    client.post(f"/me/sessions/{row.pk}/end/")
    assert other.get("/me/").status_code == 302
    assert client.get("/me/").status_code == 200
    assert Session.objects.count() == 1


def test_the_list_shows_live_sessions_and_which_is_this_one(client: Client, ada: User) -> None:
    for one in (client, Client()):
        sign_in_by_form(one, "ada")
    gone = Client()
    sign_in_by_form(gone, "ada")
    SessionStore(gone.cookies[NAME].value).delete()
    page = client.get("/me/factors/")
    assert len(page.context["sessions"]) == 2
    assert page.text.count("This session") == 1
    assert UserSession.objects.count() == 2


def test_a_changed_password_ends_the_other_sessions_and_they_leave_the_list(client: Client, ada: User) -> None:
    other = Client()
    for one in (client, other):
        sign_in_by_form(one, "ada")
    ada.refresh_from_db()
    ada.set_password("another correct battery staple")
    ada.save()
    assert other.get("/me/").status_code == 302
    assert SessionStore.live_of(ada, list(Session.objects.values_list("session_key", flat=True))) == set()


def test_keys_of_any_shape_open_nothing(client: Client, ada: User) -> None:
    sign_in_by_form(client, "ada")
    for value in ("", "x", "a" * 8000, "../../x", row_of("")):
        assert with_cookie(value).get("/me/").status_code == 302


async def _set_and_take_away() -> tuple[list[str], str, object, object]:
    store = SessionStore()
    await store.aset("who", "ada")
    await store.acreate()
    await store.asave()
    rows = [row.session_key async for row in Session.objects.all()]
    before = await SessionStore(store.session_key).aget("who")
    await store.adelete()
    return rows, str(store.session_key), before, await SessionStore(store.session_key).aget("who")


@pytest.mark.django_db(transaction=True)
def test_the_store_keeps_to_digests_when_it_is_awaited() -> None:
    rows, key, before, after = async_to_sync(_set_and_take_away)()
    assert rows == [row_of(key)]
    assert (before, after) == ("ada", None)


def test_sessions_whose_time_is_over_are_forgotten(client: Client, ada: User) -> None:
    client.get("/accounts/passkey/")
    other = Client()
    sign_in_by_form(other, "ada")
    Session.objects.filter(session_key=row_of(client.cookies[NAME].value)).update(expire_date=clock.real_now())
    forget_ended_sessions()
    assert [row.session_key for row in Session.objects.all()] == [row_of(other.cookies[NAME].value)]
