"""The same key with the same body answers what the first answered."""

from datetime import timedelta

import pytest

from core import clock, idempotency
from core.idempotency import KeyReused, Remembered, StillRunning
from core.models import IdempotencyRecord


def begin(body: bytes = b"{}", *, principal: str = "person-1", path: str = "/api/v1/actions", key: str = "k") -> object:
    return idempotency.begin(principal=principal, path=path, key=key, body=body)


@pytest.fixture
def first(db: None) -> IdempotencyRecord:
    record = begin()
    assert isinstance(record, IdempotencyRecord)
    return record


def test_a_repeat_gets_the_first_answer(first: IdempotencyRecord) -> None:
    idempotency.finish(first, status=201, response={"id": "7"})
    assert begin() == Remembered(201, {"id": "7"})


def test_another_body_under_the_same_key_is_refused(first: IdempotencyRecord) -> None:
    idempotency.finish(first, status=201, response={})
    with pytest.raises(KeyReused):
        begin(b'{"other": 1}')


def test_a_repeat_while_the_first_is_at_work_is_refused(first: IdempotencyRecord) -> None:
    with pytest.raises(StillRunning):
        begin()


def test_a_first_that_died_can_be_taken_over(first: IdempotencyRecord) -> None:
    IdempotencyRecord.objects.update(created=clock.real_now() - timedelta(minutes=5))
    assert begin() == first


@pytest.mark.parametrize("other", [{"principal": "person-2"}, {"path": "/api/v1/alerts"}, {"key": "l"}])
def test_a_key_belongs_to_its_person_and_address(first: IdempotencyRecord, other: dict[str, str]) -> None:
    assert isinstance(begin(b"{2}", **other), IdempotencyRecord)


def test_keys_are_forgotten_after_a_day(first: IdempotencyRecord) -> None:
    IdempotencyRecord.objects.update(created=clock.real_now() - timedelta(days=2))
    idempotency.forget_old()
    assert not IdempotencyRecord.objects.exists()
