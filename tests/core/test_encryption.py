"""What is kept is unreadable without the key, and a change of it is noticed."""

from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ValidationError
from pytest_django import Settings

from core import blobs, clock, encryption
from core.models import Blob


@pytest.fixture(autouse=True)
def fresh_box() -> None:
    encryption._box.cache_clear()


def test_what_goes_in_comes_out_and_nothing_shows() -> None:
    kept = encryption.encrypt(b"a secret")
    assert b"secret" not in kept
    assert encryption.decrypt(kept) == b"a secret"


def test_a_changed_byte_is_noticed() -> None:
    kept = bytearray(encryption.encrypt(b"a secret"))
    kept[30] ^= 1
    with pytest.raises(encryption.Unreadable):
        encryption.decrypt(bytes(kept))


def test_a_new_key_in_front_still_reads_what_the_old_one_wrote(settings: Settings) -> None:
    kept = encryption.encrypt(b"old")
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.ENCRYPTION_KEYS]
    encryption._box.cache_clear()
    assert encryption.decrypt(kept) == b"old"
    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS[:1]
    encryption._box.cache_clear()
    with pytest.raises(encryption.Unreadable):
        encryption.decrypt(kept)


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
