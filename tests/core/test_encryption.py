"""What is kept is unreadable without the key, and a change of it is noticed."""

from datetime import timedelta
from importlib import import_module

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from pytest_django import Settings

from accounts.mfa_adapter import FACTOR
from accounts.models import SignInProvider
from connectors.models import Connection
from connectors.services.connections import SECRETS, secrets_of
from core import blobs, clock, encryption
from core.models import Blob
from notifications.models import Endpoint
from tests.factories.people import person

MIGRATIONS = ("connectors.migrations.0013_bind_secrets", "notifications.migrations.0008_bind_secrets",
              "accounts.migrations.0009_bind_secrets")  # fmt: skip


@pytest.fixture(autouse=True)
def fresh_box() -> None:
    encryption._box.cache_clear()


def test_what_goes_in_comes_out_and_nothing_shows() -> None:
    kept = encryption.encrypt(b"a secret", "this")
    assert b"secret" not in kept
    assert encryption.decrypt(kept, "this") == b"a secret"


def test_a_changed_byte_is_noticed() -> None:
    kept = bytearray(encryption.encrypt(b"a secret", "this"))
    kept[30] ^= 1
    with pytest.raises(encryption.Unreadable):
        encryption.decrypt(bytes(kept), "this")


def test_a_new_key_in_front_still_reads_what_the_old_one_wrote(settings: Settings) -> None:
    kept = encryption.encrypt(b"old", "this")
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.ENCRYPTION_KEYS]
    encryption._box.cache_clear()
    assert encryption.decrypt(kept, "this") == b"old"
    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS[:1]
    encryption._box.cache_clear()
    with pytest.raises(encryption.Unreadable):
        encryption.decrypt(kept, "this")


def former(plain: bytes) -> bytes:
    """As it was kept before there were purposes."""
    return Fernet(settings.ENCRYPTION_KEYS[0]).encrypt(plain)


def test_what_is_kept_for_one_purpose_opens_for_no_other() -> None:
    kept = encryption.encrypt(b"a secret", "secret of a connection")
    for purpose in ("content of a file", "", "secret of a connection "):
        with pytest.raises(encryption.Unreadable):
            encryption.decrypt(kept, purpose)


def test_what_was_kept_before_still_opens_and_is_bound_when_it_is_kept_anew() -> None:
    old = former(b"a secret")
    assert encryption.decrypt(old, "this") == b"a secret"
    kept = encryption.bound(old, "this")
    assert (encryption.is_bound(old), encryption.is_bound(kept)) == (False, True)
    assert encryption.decrypt(kept, "this") == b"a secret"
    assert encryption.bound(kept, "this") == kept
    assert encryption.bound(b"nobody's", "this") == b"nobody's"


@pytest.mark.parametrize("kept", [b"1:", b"1:????", b"1:AAAA", b"1:" + b"A" * 80, b"", b"2:AAAA"])
def test_what_was_never_kept_does_not_open(kept: bytes) -> None:
    with pytest.raises(encryption.Unreadable):
        encryption.decrypt(kept, "this")


def test_a_secret_that_is_put_where_a_file_lies_is_not_handed_out(db: None) -> None:
    blob = blobs.keep(b"harmless", name="a", media_type="text/plain")
    secret = encryption.encrypt(b"a secret", SECRETS)
    Blob.objects.filter(pk=blob.pk).update(ciphertext=secret)
    with pytest.raises(encryption.Unreadable):
        blobs.read(Blob.objects.get(pk=blob.pk))


def test_the_secrets_that_were_there_are_bound(db: None) -> None:
    connection = Connection.objects.create(name="a", kind="simulator", secrets=former(b'{"token": "x"}'))
    none = Connection.objects.create(name="b", kind="simulator")
    endpoint = Endpoint.objects.create(name="a", host="h", sealed_url=former(b"https://h/"), sealed_secret=former(b"s"))
    provider = SignInProvider.objects.create(key="a", name="a", issuer="https://p/", client_id="c",
                                             secret=former(b"word").decode())  # fmt: skip
    row = Authenticator.objects.create(user=person("zoe", "analyst"), type="totp",
                                       data={"secret": former(b"seed").decode(), "used": [1]})  # fmt: skip
    for migration in MIGRATIONS:
        import_module(migration).bind_secrets(apps, None)
    for one in (connection, none, endpoint, provider, row):
        one.refresh_from_db()
    kept = [bytes(connection.secrets or b""), bytes(endpoint.sealed_url), bytes(endpoint.sealed_secret or b""),
            provider.secret.encode(), row.data["secret"].encode()]  # fmt: skip
    assert all(map(encryption.is_bound, kept))
    assert none.secrets is None
    assert endpoint.sealed_former is None
    assert (secrets_of(connection), endpoint.url, endpoint.secrets) == ({"token": "x"}, "https://h/", ["s"])
    assert (provider.client_secret, encryption.decrypt(kept[-1], FACTOR)) == ("word", b"seed")


def test_a_file_is_kept_encrypted_with_its_digest(db: None) -> None:
    blob = blobs.keep(b"evidence", name="a.txt", media_type="text/plain")
    assert b"evidence" not in bytes(Blob.objects.get().ciphertext)
    assert blobs.read(blob) == b"evidence"
    assert blob.size == 8


def test_a_file_that_is_too_large_is_refused(db: None) -> None:
    with pytest.raises(ValidationError, match="over the limit"):
        blobs.keep(b"x" * (blobs.MAX_BYTES + 1), name="big", media_type="x/y")


def test_a_file_goes_when_its_time_is_over(db: None) -> None:
    kept = blobs.keep(b"1", name="kept", media_type="x/y")
    with clock.at(clock.real_now() - timedelta(days=3)):
        blobs.keep(b"2", name="gone", media_type="x/y", for_days=2)
    assert blobs.forget_expired() == 1
    assert list(Blob.objects.all()) == [kept]
