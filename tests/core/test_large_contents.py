"""Contents that are too large for a row lie encrypted in files, and what is missing, moved or changed is noticed."""

import io
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ValidationError
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from core import blobs, content_files, encryption
from core.encryption import Unreadable
from core.models import Blob

CHUNK = content_files.CHUNK
SEALED = CHUNK + 28


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Settings) -> Iterator[Path]:
    settings.BLOBS_DIR = tmp_path / "files"
    encryption._box.cache_clear()
    yield settings.BLOBS_DIR
    encryption._box.cache_clear()


def some(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def keep(content: bytes) -> Blob:
    return blobs.keep(content, name="image.raw", media_type="application/octet-stream")


def file_of(blob: Blob) -> Path:
    return content_files.path_of(blob.place)


@pytest.mark.parametrize("size", [CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1, 3 * CHUNK - 1])
def test_a_large_content_lies_in_a_file_that_tells_nothing(db: None, size: int) -> None:
    content = some(size)
    blob = keep(content)
    sealed = file_of(blob).read_bytes()
    assert (blob.size, len(bytes(blob.ciphertext)) < 500) == (size, True)
    assert content[:64] not in sealed
    assert content[-64:] not in sealed
    assert blobs.read(Blob.objects.get()) == content
    assert b"".join(blobs.pieces(blob)) == content


def test_a_small_one_stays_in_its_row(db: None, folder: Path) -> None:
    blob = keep(some(CHUNK))
    assert (blob.place, folder.exists()) == ("", False)
    with blobs.opened(blob) as file:
        assert file.read() == some(CHUNK)


def test_it_is_read_from_any_place(db: None) -> None:
    content = some(3 * CHUNK + 5)
    with blobs.opened(keep(content)) as file:
        for at, size in ((3 * CHUNK - 2, 7), (0, 3), (CHUNK - 1, 2), (3 * CHUNK + 4, 9), (3 * CHUNK + 5, 1)):
            file.seek(at)
            assert file.read(size) == content[at : at + size]
        file.seek(-4, os.SEEK_END)
        assert file.read() == content[-4:]


class Endless:
    """A source that never ends, and counts what was asked of it."""

    def __init__(self) -> None:
        self.given = 0

    def read(self, size: int, /) -> bytes:
        self.given += size
        return bytes(size)


def test_what_is_larger_than_its_limit_is_given_up_and_leaves_nothing(db: None, folder: Path) -> None:
    source = Endless()
    with pytest.raises(ValidationError, match="limit"):
        blobs.keep_from(source, limit=3 * CHUNK, name="endless", media_type="x/y")
    assert source.given < 8 * CHUNK
    assert [file for file in folder.rglob("*") if file.is_file()] == []
    assert not Blob.objects.exists()


def _swap(sealed: bytes) -> bytes:
    start = len(content_files.MAGIC)
    first, second = sealed[start : start + SEALED], sealed[start + SEALED : start + 2 * SEALED]
    return sealed[:start] + second + first + sealed[start + 2 * SEALED :]


DAMAGES = {
    "a changed byte": lambda sealed: sealed[:500] + bytes([sealed[500] ^ 1]) + sealed[501:],
    "two chunks swapped": _swap,
    "the last chunk cut off": lambda sealed: sealed[: len(content_files.MAGIC) + 2 * SEALED],
    "half of a chunk cut off": lambda sealed: sealed[: -CHUNK // 2],
    "a chunk doubled": lambda sealed: sealed + sealed[-SEALED:],
    "nothing left": lambda _sealed: b"",
    "another file": lambda _sealed: bytes(4 * CHUNK),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_was_changed_is_not_given_out(db: None, damage: str) -> None:
    blob = keep(some(3 * CHUNK))
    file_of(blob).write_bytes(DAMAGES[damage](file_of(blob).read_bytes()))
    with pytest.raises(Unreadable):
        blobs.read(blob)


def test_one_file_does_not_stand_for_another(db: None) -> None:
    one, other = keep(some(2 * CHUNK)), keep(some(2 * CHUNK + 1))
    file_of(one).write_bytes(file_of(other).read_bytes())
    with pytest.raises(Unreadable):
        blobs.read(one)


def test_a_new_key_in_front_still_reads_it(db: None, settings: Settings) -> None:
    blob = keep(some(2 * CHUNK))
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.ENCRYPTION_KEYS]
    encryption._box.cache_clear()
    assert blobs.read(blob) == some(2 * CHUNK)
    assert len(list(content_files.all_places())) == 1


def test_a_place_that_leads_out_of_the_folder_is_none(db: None) -> None:
    blob = keep(some(2 * CHUNK))
    blob.place = "../../etc/passwd"
    with pytest.raises(Unreadable):
        blobs.read(blob)


def test_a_deleted_row_takes_its_file_along(
    db: None, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    one, other = keep(some(2 * CHUNK)), keep(some(2 * CHUNK))
    with django_capture_on_commit_callbacks(execute=True):
        Blob.objects.filter(pk=one.pk).delete()
        assert file_of(one).exists()
    assert (file_of(one).exists(), file_of(other).exists()) == (False, True)


def test_a_copy_lives_on_its_own(db: None, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks) -> None:
    one = keep(some(2 * CHUNK))
    second = blobs.copy(one, name="copy", media_type="x/y", for_days=1)
    with django_capture_on_commit_callbacks(execute=True):
        one.delete()
    assert blobs.read(second) == some(2 * CHUNK)
    assert (second.sha256, second.size, second.name) == (one.sha256, one.size, "copy")


def test_where_a_file_has_one_name_alone_it_is_copied(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    one = keep(some(2 * CHUNK))
    monkeypatch.setattr(os, "link", refuse)
    second = blobs.copy(one, name="copy", media_type="x/y")
    assert file_of(one).stat().st_nlink == 1
    assert blobs.read(second) == some(2 * CHUNK)


@pytest.mark.django_db(transaction=True)
def test_while_a_backup_is_taken_files_stay_and_are_swept_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs, "_backup_is_taken", lambda: True)
    blob = keep(some(2 * CHUNK))
    file = file_of(blob)
    blob.delete()
    assert (file.exists(), blobs.forget_unknown()) == (True, 0)
    monkeypatch.undo()
    assert blobs.forget_unknown() == 0  # young ones may belong to a transaction that is not over
    monkeypatch.setattr(blobs, "UNKNOWN_AFTER", -blobs.UNKNOWN_AFTER)
    blobs.forget_unknown()
    assert not file.exists()


def test_the_sweep_takes_what_belongs_to_nothing_and_nothing_else(
    db: None, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, lost = keep(some(2 * CHUNK)), keep(some(2 * CHUNK))
    Blob.objects.filter(pk=lost.pk).delete()  # never committed, so the file stays for now
    unfinished = file_of(kept).with_name(f"{'0' * 32}.unfinished")
    unfinished.write_bytes(b"half")
    stranger = folder / "01234567" / "ab" / ("a" * 32)
    stranger.parent.mkdir(parents=True)
    stranger.write_bytes(b"of another portal")
    assert blobs.forget_unknown() == 0
    monkeypatch.setattr(blobs, "UNKNOWN_AFTER", -blobs.UNKNOWN_AFTER)
    assert blobs.forget_unknown() == 2
    assert (file_of(kept).exists(), file_of(lost).exists(), unfinished.exists()) == (True, False, False)
    assert stranger.exists()


def test_a_file_in_parts_takes_whole_chunks_and_goes_on_after_a_crash(db: None) -> None:
    content = some(2 * CHUNK + 100)
    place, key = content_files.new_place()
    assert content_files.append(place, key, at=0, content=content[: CHUNK + 7], total=len(content)) == CHUNK
    # Written, but never noted as taken: it is written again, over what is there.
    content_files.append(place, key, at=CHUNK, content=content[CHUNK : 2 * CHUNK], total=len(content))
    assert content_files.holds(place, CHUNK)
    rest = content[CHUNK:]
    assert content_files.append(place, key, at=CHUNK, content=rest, total=len(content)) == len(rest)
    with content_files.opened(place, key) as file:
        assert file.read() == content
    assert not content_files.holds(place, 3 * CHUNK)


def test_an_unfinished_one_is_not_given_out(db: None) -> None:
    place, key = content_files.new_place()
    content_files.append(place, key, at=0, content=some(2 * CHUNK), total=3 * CHUNK)
    with pytest.raises(Unreadable), content_files.opened(place, key) as file:
        file.read()


def test_a_full_disk_is_told_and_leaves_nothing(db: None, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(content_files, "_flush", full)
    with pytest.raises(ValidationError, match="no room"):
        blobs.keep_from(io.BytesIO(some(3 * CHUNK)), limit=9 * CHUNK, name="x", media_type="x/y")
    assert [file for file in folder.rglob("*") if file.is_file()] == []
