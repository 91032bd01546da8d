"""Names of people lie sealed in the history: read as names, gone when the key is, and the chain whole throughout."""

import pytest
from django.db import connection, transaction

from accounts.models import User
from core import audit, personal
from core.models import AuditEvent
from tests.factories.people import person

pytestmark = pytest.mark.django_db


def note(by: User, about: User) -> AuditEvent:
    with transaction.atomic():
        audit.record(
            "incident.changed",
            subject="incident:1",
            actor=by.actor,
            changes={"assigned_to": (None, about.named)},
            data={"people": [about.in_history(about.username)]},
        )
    return AuditEvent.objects.latest("id")


def as_stored() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT actor_name, changes::text, data::text FROM core_audit_event ORDER BY id DESC LIMIT 1")
        return " ".join(cursor.fetchone())


def erase(user: User) -> None:
    User.objects.filter(pk=user.pk).update(name_key=None)
    personal.forget_key("user", user.pk)
    user.refresh_from_db()


def test_a_name_is_read_as_it_was_and_not_stored_as_it_is(ada: User, rita: User) -> None:
    event = note(ada, rita)
    assert (event.actor_name, event.changes) == (str(ada), {"assigned_to": [None, str(rita)]})
    assert event.data == {"people": [rita.username]}
    for word in (str(ada), str(rita), rita.username):
        assert word not in as_stored()
    assert AuditEvent.objects.values_list("actor_name", flat=True).latest("id") == str(ada)


def test_without_the_key_nobody_reads_the_name_and_the_chain_is_whole(ada: User, rita: User) -> None:
    note(ada, rita)
    audit.seal()
    erase(ada)
    event = AuditEvent.objects.latest("id")
    assert event.actor_name == f"Erased person {ada.pk}"
    assert event.changes["assigned_to"][1] == str(rita)
    assert audit.verify().broken_at is None
    assert note(ada, rita).actor_name == f"Erased person {ada.pk}"
    assert str(ada) not in as_stored()


def test_the_same_name_gives_the_same_words_and_of_another_person_others(ada: User) -> None:
    twin = person("twin", "analyst")
    User.objects.filter(pk=twin.pk).update(display_name=ada.display_name)
    twin.refresh_from_db()
    assert ada.named.sealed == ada.named.sealed != twin.named.sealed


@pytest.mark.parametrize(
    "words", ["name:1:user:1:", "name:1:user:x:AAAA", "name:1:ghost:1:AAAA", "name:1:", "name:1:user"]
)
def test_words_that_only_look_sealed_are_read_as_they_are(ada: User, words: str) -> None:
    written = words.replace("user:1", f"user:{ada.pk}")
    with transaction.atomic():
        audit.record("thing.made", subject="thing:1", actor=ada.actor, data={"text": written})
    assert AuditEvent.objects.latest("id").data == {"text": written}


def test_what_is_sealed_for_one_person_is_not_opened_as_anothers(ada: User, rita: User) -> None:
    moved = ada.named.sealed.replace(f"user:{ada.pk}:", f"user:{rita.pk}:")
    assert personal.opened(moved) == moved
