"""The same key with the same body answers what the first answered."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection, transaction

from core import clock, idempotency
from core.idempotency import Claim, KeyReused, Remembered, StillRunning
from core.models import IdempotencyRecord
from soc_portal.up.processes import wait_until
from tests.running_portal import database_url_of_this_test

# A web process in the middle of a request: it holds the key and waits.
HOLDER = """
import django, sys
django.setup()
from django.db import transaction
from core import idempotency
with transaction.atomic():
    idempotency.begin(principal="person-1", path="/api/v1/actions", key="k", body=b"{}")
    print("held", flush=True)
    sys.stdin.read()
"""


def begin(body: bytes = b"{}", *, principal: str = "person-1", path: str = "/api/v1/actions", key: str = "k") -> object:
    return idempotency.begin(principal=principal, path=path, key=key, body=body)


@pytest.fixture
def first(db: None) -> Claim:
    claim = begin()
    assert isinstance(claim, Claim)
    return claim


@pytest.fixture
def other_process(transactional_db: None) -> Iterator["subprocess.Popen[str]"]:
    """A process that holds the key."""
    env = {**os.environ, "DATABASE_URL": database_url_of_this_test(), "DJANGO_SETTINGS_MODULE": "soc_portal.settings"}
    command = [sys.executable, "-c", HOLDER]
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def is_free() -> bool:
    try:
        with transaction.atomic():
            return isinstance(begin(), Claim)
    except StillRunning:
        return False


def test_a_repeat_gets_the_first_answer(first: Claim) -> None:
    idempotency.finish(first, status=201, response={"id": "7"})
    assert begin() == Remembered(201, {"id": "7"})


def test_another_body_under_the_same_key_is_refused(first: Claim) -> None:
    idempotency.finish(first, status=201, response={})
    with pytest.raises(KeyReused):
        begin(b'{"other": 1}')


def test_a_repeat_while_the_first_is_at_work_is_refused(other_process: "subprocess.Popen[str]") -> None:
    assert not is_free()


def test_the_key_of_a_killed_process_is_free_as_soon_as_it_is_gone(other_process: "subprocess.Popen[str]") -> None:
    assert not is_free()
    other_process.kill()
    other_process.wait()
    assert wait_until(is_free, seconds=5, pause=0.05)


def test_a_key_is_held_inside_a_transaction_only(transactional_db: None) -> None:
    with pytest.raises(RuntimeError):
        begin()
    assert not connection.in_atomic_block


@pytest.mark.parametrize("other", [{"principal": "person-2"}, {"path": "/api/v1/alerts"}, {"key": "l"}])
def test_a_key_belongs_to_its_person_and_address(first: Claim, other: dict[str, str]) -> None:
    idempotency.finish(first, status=201, response={})
    assert isinstance(begin(b"{2}", **other), Claim)


def test_keys_are_forgotten_after_a_day(first: Claim) -> None:
    idempotency.finish(first, status=201, response={})
    IdempotencyRecord.objects.update(created=clock.real_now() - timedelta(days=2))
    idempotency.forget_old()
    assert not IdempotencyRecord.objects.exists()
