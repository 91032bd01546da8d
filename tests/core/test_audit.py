"""The history is append-only, and a change of it shows."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from core import audit, clock, partitions
from core.actors import Actor
from core.models import AuditEvent, AuditSeal

MAKER = Actor.system("maker")
TABLES = ("core_audit_event", "core_audit_seal")


def write(count: int = 5) -> list[int]:
    with transaction.atomic():
        audit.record_many(
            [audit.Entry("thing.made", f"thing:{n}", changes={"n": (None, n)}) for n in range(count)], actor=MAKER
        )
    return list(AuditEvent.objects.order_by("id").values_list("id", flat=True))


@contextmanager
def as_a_malicious_owner() -> Iterator[None]:
    """Somebody who owns the tables can switch the triggers off; the chain is what tells on them."""
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only")
        yield
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER append_only")


@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {}", "DELETE FROM {}"])
@pytest.mark.parametrize(("table", "column"), [("core_audit_event", "verb"), ("core_audit_seal", "digest")])
def test_the_database_refuses_to_change_history(db: None, statement: str, table: str, column: str) -> None:
    write()
    audit.seal()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table, column, column))


def test_the_running_portal_has_no_grant_to_change_history(transactional_db: None) -> None:
    write()
    call_command("grant_runtime_role", role="soc_app")
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(
                "SELECT has_table_privilege('soc_app', %s, 'INSERT'), has_table_privilege('soc_app', %s, "
                "'UPDATE, DELETE, TRUNCATE')",
                [table, table],
            )
            assert cursor.fetchone() == (True, False)


def test_granting_warns_about_nothing(transactional_db: None) -> None:
    notices: list[str] = []
    with connection.cursor():
        assert connection.connection is not None
        connection.connection.add_notice_handler(lambda notice: notices.append(str(notice.message_primary)))
    call_command("grant_runtime_role", role="soc_app")
    assert notices == []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_table_privilege('soc_app', 'incidents_alert', 'SELECT, INSERT, UPDATE, DELETE'), "
            "has_sequence_privilege('soc_app', 'incidents_alert_id_seq', 'USAGE, SELECT'), "
            "has_function_privilege('soc_app', 'core_ensure_audit_partition(date)', 'EXECUTE')"
        )
        assert cursor.fetchone() == (True, True, True)


@pytest.mark.parametrize(
    ("months", "refused"), [(-5, True), (-4, False), (0, False), (3, False), (4, True), (900, True)]
)
def test_partitions_are_made_near_the_present_only(db: None, months: int, refused: bool) -> None:
    day = "(date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => %s))::date"
    statement = f"SELECT core_ensure_audit_partition({day})"
    with connection.cursor() as cursor:
        if refused:
            with pytest.raises(DatabaseError, match="3 months ahead"), transaction.atomic():
                cursor.execute(statement, [months])
        else:
            cursor.execute(statement, [months])


def test_an_event_outside_a_transaction_is_refused(transactional_db: None) -> None:
    with pytest.raises(RuntimeError, match="in the transaction"):
        audit.record("thing.made", subject="thing:1", actor=MAKER)


def test_an_event_falls_with_its_change(db: None) -> None:
    with transaction.atomic():
        audit.record("thing.made", subject="thing:1", actor=MAKER)
        transaction.set_rollback(True)
    assert not AuditEvent.objects.exists()


def test_a_whole_chain_is_whole(db: None) -> None:
    write(7)
    assert audit.seal() == 7
    assert audit.seal() == 0
    verdict = audit.verify()
    assert (verdict.sealed, verdict.unsealed, verdict.broken_at, verdict.missing) == (7, 0, None, 0)


def test_what_is_not_sealed_yet_is_told_apart(db: None) -> None:
    write(3)
    audit.seal()
    write(2)
    verdict = audit.verify()
    assert (verdict.sealed, verdict.unsealed, verdict.broken_at) == (3, 2, None)


def test_sealing_in_parts_gives_the_same_chain(db: None) -> None:
    write(5)
    while audit.seal(limit=2):
        pass
    assert list(AuditSeal.objects.order_by("seq").values_list("seq", flat=True)) == [1, 2, 3, 4, 5]
    assert audit.verify().broken_at is None


@pytest.mark.parametrize("column", ["verb", "actor_name", "subject", "thread", "reason"])
def test_a_changed_word_breaks_the_chain_at_its_place(db: None, column: str) -> None:
    ids = write()
    audit.seal()
    with as_a_malicious_owner():
        AuditEvent.objects.filter(id=ids[2]).update(**{column: "forged"})
    assert audit.verify().broken_at == 3


def test_a_changed_value_or_time_breaks_the_chain(db: None) -> None:
    ids = write()
    audit.seal()
    with as_a_malicious_owner():
        AuditEvent.objects.filter(id=ids[0]).update(changes={"n": [None, 99]})
    assert audit.verify().broken_at == 1


def test_a_removed_event_is_missed(db: None) -> None:
    ids = write()
    audit.seal()
    with as_a_malicious_owner():
        AuditEvent.objects.filter(id=ids[3]).delete()
    verdict = audit.verify()
    assert (verdict.broken_at, verdict.missing) == (4, 1)


def test_removing_an_event_with_its_seal_leaves_a_gap(db: None) -> None:
    ids = write()
    audit.seal()
    with as_a_malicious_owner():
        AuditEvent.objects.filter(id=ids[1]).delete()
        AuditSeal.objects.filter(event_id=ids[1]).delete()
    assert audit.verify().broken_at is not None


def test_a_resealed_forgery_breaks_everything_after_it(db: None) -> None:
    ids = write()
    audit.seal()
    with as_a_malicious_owner():
        AuditEvent.objects.filter(id=ids[1]).update(verb="forged")
        AuditSeal.objects.filter(event_id=ids[1]).update(digest=b"\x01" * 32)
    assert audit.verify().broken_at == 2


def test_an_owner_of_the_tables_cannot_chain_a_forgery_anew(db: None) -> None:
    ids = write()
    audit.seal()
    with as_a_malicious_owner():
        AuditEvent.objects.filter(id=ids[1]).update(verb="forged")
        digest = audit.GENESIS
        for row in AuditSeal.objects.order_by("seq"):
            digest = hashlib.sha256(digest + audit.canonical(*audit.stored([row.event_id]))).digest()
            AuditSeal.objects.filter(seq=row.seq).update(digest=digest)
    assert audit.verify().broken_at == 1


def test_a_chain_outlives_the_change_of_its_key_and_not_the_loss(db: None, settings: Any) -> None:
    write(2)
    audit.seal()
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.ENCRYPTION_KEYS]
    write(2)
    audit.seal()
    assert (audit.verify().sealed, audit.verify().broken_at) == (4, None)
    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS[:1]
    assert audit.verify().broken_at == 1


def test_an_end_that_was_cut_off_shows_against_a_noted_head(db: None) -> None:
    ids = write()
    audit.seal()
    noted = audit.verify().head
    call_command("audit", "verify", head=noted, stdout=StringIO())
    with as_a_malicious_owner():
        AuditSeal.objects.filter(event_id__in=ids[3:]).delete()
        AuditEvent.objects.filter(id__in=ids[3:]).delete()
    assert audit.verify().broken_at is None
    with pytest.raises(CommandError, match="cut off"):
        call_command("audit", "verify", head=noted, stdout=StringIO())


def test_verify_on_the_command_line_fails_when_the_chain_is_broken(db: None) -> None:
    ids = write()
    out = StringIO()
    call_command("audit", "seal", stdout=out)
    assert "The chain is whole." in out.getvalue()
    with as_a_malicious_owner():
        AuditEvent.objects.filter(id=ids[2]).update(reason="forged")
    with pytest.raises(CommandError, match="broken at seal 3"):
        call_command("audit", "verify", stdout=StringIO())


def test_hostile_text_is_kept_without_breaking_the_row(db: None) -> None:
    hostile = {
        "nul\x00": "\x00",
        "half": "\ud800x",
        "slash": "C:\\u0000",
        "number": float("inf"),
        "deep": [{"a": "\udfff"}],
    }
    with transaction.atomic():
        audit.record("thing.made", subject="thing:1", actor=MAKER, reason="a\x00b\ud800", data=hostile)
    audit.seal()
    event = AuditEvent.objects.get()
    assert event.reason == "ab?"
    kept = {"nul": "", "half": "?x", "slash": "C:\\u0000", "number": "inf", "deep": [{"a": "?"}]}
    assert event.data == kept
    assert audit.verify().broken_at is None


def test_history_of_long_ago_and_of_next_year_has_a_place(db: None) -> None:
    partitions.ensure()
    for year in (1999, 2031):
        with clock.at(clock.real_now().replace(year=year, month=1, day=1)), transaction.atomic():
            audit.record("thing.made", subject="thing:1", actor=MAKER)
    assert AuditEvent.objects.count() == 2
