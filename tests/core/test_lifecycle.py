"""A status moves along its table only, and of two who move it at once one wins."""

import pytest
from django.db import transaction

from core.actors import Actor
from core.lifecycle import IllegalMove, Lifecycle, LostRace
from core.models import AuditEvent, Blob

MOVER = Actor.system("mover")
# Any row with a text column will do; this room has no status of its own.
STATES = Lifecycle(field="name", subject="blob", moves={"new": {"open", "closed"}, "open": {"closed"}})


@pytest.fixture
def row(db: None) -> Blob:
    return Blob.objects.create(name="new", media_type="x/y", size=0, sha256="", ciphertext=b"")


def test_a_move_writes_the_row_the_instance_and_the_history(row: Blob) -> None:
    STATES.move(row, "open", actor=MOVER, reason="because", size=3)
    assert (row.name, row.size) == ("open", 3)
    row.refresh_from_db()
    assert (row.name, row.size) == ("open", 3)
    event = AuditEvent.objects.get()
    assert (event.verb, event.changes, event.reason) == ("blob.name", {"name": ["new", "open"]}, "because")


def test_a_move_that_the_table_does_not_know_is_refused(row: Blob) -> None:
    STATES.move(row, "closed", actor=MOVER)
    with pytest.raises(IllegalMove) as refused:
        STATES.move(row, "open", actor=MOVER)
    assert (refused.value.current, refused.value.wanted) == ("closed", "open")
    assert AuditEvent.objects.count() == 1


def test_of_two_who_move_at_once_one_loses_and_changes_nothing(row: Blob) -> None:
    rival = Blob.objects.get(pk=row.pk)
    STATES.move(row, "open", actor=MOVER)
    with pytest.raises(LostRace):
        STATES.move(rival, "closed", actor=MOVER)
    row.refresh_from_db()
    assert row.name == "open"
    assert rival.name == "new"
    assert AuditEvent.objects.count() == 1


def test_a_move_falls_with_the_transaction_around_it(row: Blob) -> None:
    with transaction.atomic():
        STATES.move(row, "open", actor=MOVER)
        transaction.set_rollback(True)
    row.refresh_from_db()
    assert row.name == "new"
    assert not AuditEvent.objects.exists()


def test_several_rows_move_together_or_not_at_all(row: Blob) -> None:
    other = Blob.objects.create(name="open", media_type="x/y", size=0, sha256="", ciphertext=b"")
    STATES.move_many([row, other], "closed", actor=MOVER)
    assert AuditEvent.objects.count() == 2
    with pytest.raises(IllegalMove):
        STATES.move_many([row, other], "open", actor=MOVER)
