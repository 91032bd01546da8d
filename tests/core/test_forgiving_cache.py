"""A lost broker costs time, never a page."""

import pytest
from django.core.cache import caches
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from core.forgiving_cache import ForgivingRedisCache
from tests.conftest import SignedIn
from tests.factories.people import PASSWORD


@pytest.fixture
def no_broker(settings: Settings) -> None:
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}


def test_an_unreachable_cache_knows_nothing_and_takes_everything(no_broker: None) -> None:
    cache = caches["default"]
    assert isinstance(cache, ForgivingRedisCache)
    cache.set("a", 1, 5)
    assert cache.get("a", "nothing") == "nothing"
    assert cache.get_many(["a"]) == {}
    assert cache.add("a", 1)
    assert "a" not in cache
    assert not cache.delete("a")
    assert cache.incr("a") == 1


def test_people_go_on_working_without_a_broker(client: Client, ada: User, signed_in: SignedIn, no_broker: None) -> None:
    assert signed_in(client, ada).get("/me/").status_code == 200


def test_people_can_still_sign_in_and_are_still_locked_out(client: Client, ada: User, no_broker: None) -> None:
    answer = client.post("/accounts/login/", {"login": "ada", "password": PASSWORD})
    assert answer.status_code == 302
    answers = [Client().post("/accounts/login/", {"login": "ada", "password": "x"}).status_code for _ in range(5)]
    assert answers[-1] == 429
