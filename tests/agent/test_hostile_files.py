"""Files that are not what they seem: links, races, changed stores, full disks. Nothing but what was ordered goes."""

import hashlib
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from soc_agent import quarantine
from soc_agent.attributes import read_attributes
from soc_agent.folders import Folders
from soc_agent.orders import Refused
from soc_agent.quarantine import restore, take
from soc_agent.spool import MAX_FILE, keep_file
from soc_agent.vault import Vault, VaultError
from tests.agent.needs import in_namespaces, need_program, need_root


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "vault")


@pytest.fixture
def thing(tmp_path: Path) -> tuple[Path, str]:
    path = tmp_path / "thing"
    path.write_bytes(content := os.urandom(70_000))
    return path, hashlib.sha256(content).hexdigest()


def refused(path: object, digest: str, vault: Vault) -> str:
    with pytest.raises(Refused) as reason:
        take(str(path), digest, vault)
    assert vault.items() == []
    return reason.value.code


@pytest.mark.parametrize(
    ("path", "code"),
    [("relative", "bad_path"), ("/a/../b", "bad_path"), ("/tmp//x", "bad_path"), ("/x\0y", "bad_path"),
     ("/" + "x" * 5000, "bad_path"), ("/etc/passwd", "protected"), ("/usr/bin/env", "protected"),
     ("/var/lib/soc-agent/helper/journal.sqlite", "protected"), ("/dev/null", "protected"),
     ("/dev/shm/nowhere", "not_found"), ("/nowhere/at/all", "not_found")],
)  # fmt: skip
def test_a_path_that_is_none_or_not_to_be_touched_is_refused(path: str, code: str, vault: Vault) -> None:
    assert refused(path, "0" * 64, vault) == code


def test_a_link_on_the_way_or_at_the_end_is_not_followed(thing: tuple[Path, str], vault: Vault, tmp_path: Path) -> None:
    path, digest = thing
    (tmp_path / "end").symlink_to(path)
    (tmp_path / "way").symlink_to(tmp_path)
    assert refused(tmp_path / "end", digest, vault) == "link_on_the_way"
    assert refused(tmp_path / "way/thing", digest, vault) == "link_on_the_way"
    assert path.exists()


def test_what_is_no_plain_file_or_another_one_is_refused(thing: tuple[Path, str], vault: Vault, tmp_path: Path) -> None:
    path, digest = thing
    os.mkfifo(tmp_path / "pipe")
    assert refused(tmp_path / "pipe", digest, vault) == "no_file"
    assert refused(tmp_path, digest, vault) == "no_file"
    assert refused(path, "0" * 64, vault) == "other_content"


def test_a_file_that_is_exchanged_meanwhile_stays(
    thing: tuple[Path, str], vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, digest = thing
    real = Vault.put

    def exchanged(self: Vault, *arguments: Any) -> None:
        real(self, *arguments)
        path.rename(path.with_name("elsewhere"))
        path.write_text("harmless")

    monkeypatch.setattr(Vault, "put", exchanged)
    assert refused(path, digest, vault) == "other_content"
    assert path.read_text() == "harmless"


def test_a_further_name_of_the_file_leads_to_nothing_that_can_be_read(
    thing: tuple[Path, str], vault: Vault, tmp_path: Path
) -> None:
    path, digest = thing
    os.link(path, tmp_path / "second")
    taken = take(str(path), digest, vault)
    assert taken.links == 2
    assert stat.S_IMODE((tmp_path / "second").stat().st_mode) == 0
    assert take(str(path), digest, vault).already


def test_what_is_given_back_is_the_same_in_everything(thing: tuple[Path, str], vault: Vault) -> None:
    need_root()
    need_program("chattr", "e2fsprogs")
    path, digest = thing
    path.chmod(0o4711)
    os.setxattr(path, "user.note", b"kept")
    os.utime(path, ns=(1_600_000_000_000_000_001, 1_500_000_000_000_000_002))
    before = attributes(path)
    taken = take(str(path), digest, vault)
    assert not path.exists()
    assert restore(taken.item, vault) == []
    after = attributes(path)
    assert {**after, "atime_ns": 0} == {**before, "atime_ns": 0}
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    assert vault.items() == []


def attributes(path: Path) -> dict[str, Any]:
    handle = os.open(path, os.O_RDONLY)
    try:
        return read_attributes(handle)
    finally:
        os.close(handle)


def test_what_stands_in_the_way_stays(thing: tuple[Path, str], vault: Vault) -> None:
    path, digest = thing
    taken = take(str(path), digest, vault)
    path.write_text("new")
    with pytest.raises(Refused) as reason:
        restore(taken.item, vault)
    assert reason.value.code == "in_the_way"
    assert path.read_text() == "new"
    assert [one.name for one in path.parent.iterdir() if one.name.startswith(".thing")] == []


@pytest.mark.parametrize("place", [0, 12, 80, 5_000, -1])
def test_a_store_that_was_changed_gives_nothing_back(thing: tuple[Path, str], vault: Vault, place: int) -> None:
    path, digest = thing
    taken = take(str(path), digest, vault)
    (sealed,) = path.parent.glob("vault/*.sealed")
    content = bytearray(sealed.read_bytes())
    content[place] ^= 1
    sealed.write_bytes(content)
    with pytest.raises(VaultError):
        restore(taken.item, vault)
    assert not path.exists()


def test_a_store_that_was_cut_off_or_exchanged_gives_nothing_back(thing: tuple[Path, str], vault: Vault) -> None:
    path, digest = thing
    first = take(str(path), digest, vault)
    path.write_bytes(other := os.urandom(70_000))
    second = take(str(path), hashlib.sha256(other).hexdigest(), vault)
    folder = path.parent / "vault"
    (folder / f"{first.item}.sealed").write_bytes((folder / f"{second.item}.sealed").read_bytes())
    with pytest.raises(VaultError):
        restore(first.item, vault)
    cut = (folder / f"{second.item}.sealed").read_bytes()[:-20]
    (folder / f"{second.item}.sealed").write_bytes(cut)
    with pytest.raises(VaultError):
        restore(second.item, vault)
    with pytest.raises(VaultError):
        restore("../key", vault)


def test_a_file_that_is_too_large_to_send_is_refused(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.touch()
    os.truncate(large, MAX_FILE + 1)
    with pytest.raises(Refused) as reason:
        keep_file(large, "large", "application/octet-stream", Folders(tmp_path / "host"))
    assert reason.value.code == "too_large"
    assert list((tmp_path / "host").rglob(".*")) == []


def test_without_room_the_file_stays_and_the_journal_goes_on() -> None:
    """On a disk of one mebibyte of its own."""
    need_program("mount", "util-linux")
    said = in_namespaces("""
        import hashlib, os, pathlib, subprocess, tempfile
        from soc_agent.quarantine import take
        from soc_agent.vault import Vault
        folder = pathlib.Path(tempfile.mkdtemp())
        (folder / "small").mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder / "small"], check=True)
        path = folder / "thing"
        path.write_bytes(content := os.urandom(3_000_000))
        vault = Vault(folder / "small/vault")
        try:
            take(str(path), hashlib.sha256(content).hexdigest(), vault)
        except OSError as error:
            print(error.errno, path.read_bytes() == content, vault.items(), list((folder / "small/vault").iterdir()))
        path.unlink()
    """, kinds="-m")  # fmt: skip
    assert said.startswith("28 True []"), said
    assert said.count("PosixPath") == 1  # the key of the store alone


def test_an_immutable_file_is_taken_and_given_back_so(thing: tuple[Path, str], vault: Vault) -> None:
    need_root()
    path, digest = thing
    if subprocess.run(["chattr", "+i", path], capture_output=True, check=False).returncode:
        pytest.skip("The file system knows no immutable files.")
    try:
        assert take(str(path), digest, vault).path == str(path)
        assert not path.exists()
        (item,) = vault.items()
        assert restore(item.id, vault) == []
        assert attributes(path)["flags"]
    finally:
        for left in path.parent.glob("*thing*"):
            subprocess.run(["chattr", "-i", left], check=True)


def test_packaged_files_are_refused(thing: tuple[Path, str], vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    path, digest = thing
    monkeypatch.setattr(quarantine, "package_of", lambda _path: "coreutils")
    assert refused(path, digest, vault) == "packaged"
