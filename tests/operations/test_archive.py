"""The file of a backup by itself."""

import io
import tarfile
from pathlib import Path

import pyrage
import pytest

from soc_portal.up.backup import archive
from soc_portal.up.errors import UpError
from tests.operations.lived import PASS_PHRASE


@pytest.fixture
def file(tmp_path: Path) -> Path:
    with (tmp_path / "kept.tar").open("w+b") as handle:
        writer = archive.Writer(handle, PASS_PHRASE)
        for name in (*archive.PARTS, archive.MANIFEST):
            writer.add(name, io.BytesIO(name.encode() * 50_000))
        writer.close()
    return tmp_path / "kept.tar"


def test_it_opens_without_this_program(file: Path) -> None:
    """As the README in it says: tar, then age with the key that the pass phrase opens."""
    with tarfile.open(file) as tar:
        parts = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    assert b"age -d -i key.age database.dump.age" in parts["README.txt"]
    key = pyrage.x25519.Identity.from_str(pyrage.passphrase.decrypt(parts["key.age"], PASS_PHRASE).decode().strip())
    assert pyrage.decrypt(parts["database.dump.age"], [key]) == b"database.dump" * 50_000


def test_each_backup_has_a_key_of_its_own(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.tar"
    with other.open("w+b") as handle:
        archive.Writer(handle, PASS_PHRASE).close()
    with tarfile.open(file) as one, tarfile.open(other) as two:
        keys = [pyrage.passphrase.decrypt(tar.extractfile("key.age").read(), PASS_PHRASE) for tar in (one, two)]  # type: ignore[union-attr]
    assert keys[0] != keys[1]


def test_a_machine_that_is_too_busy_is_told_from_a_wrong_pass_phrase(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "PAUSE_S", 0.0)
    content = file.read_bytes()
    start = content.index(b"-> scrypt ")
    line = content[start : content.index(b"\n", start)]
    file.write_bytes(content.replace(line, line[:-2] + b"38"))  # 2**38 rounds
    with pytest.raises(UpError, match="too busy, or far too slow"):
        archive.Opened(file, PASS_PHRASE)


def test_what_is_no_backup_says_so(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("dear")
    with pytest.raises(archive.Damaged, match="is no backup of this portal"):
        archive.Opened(tmp_path / "letter", PASS_PHRASE)
    with tarfile.open(tmp_path / "other.tar", "w") as tar:
        tar.add(tmp_path / "letter", "letter")
    with pytest.raises(archive.Damaged, match=r"README\.txt is missing"):
        archive.Opened(tmp_path / "other.tar", PASS_PHRASE)
    with pytest.raises(UpError, match="No such file"):
        archive.Opened(tmp_path / "nothing", PASS_PHRASE)
