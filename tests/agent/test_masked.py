"""What one half leaves for the other, it can read, whatever its unit or its shell masks; and what its unit forbids it,
it does another way."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from soc_agent import inventory
from soc_agent.folders import Folders
from soc_agent.live.scripts import run_script
from soc_agent.spool import keep_file


@pytest.fixture(autouse=True)
def mask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


def test_a_file_on_its_way_is_readable_for_the_group_of_the_folder(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    (tmp_path / "note").write_text("some text")
    kept = keep_file(tmp_path / "note", "note", "text/plain", folders)
    assert (folders.spool / kept["sha256"]).stat().st_mode & 0o777 == 0o640


def test_settings_are_readable_for_everybody_and_keys_are_not(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    folders.write(tmp_path / "settings.json", b"{}", 0o644)
    folders.write(tmp_path / "key.pem", b"secret")
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("settings.json", "key.pem")] == [0o644, 0o600]


def test_what_a_script_makes_is_as_open_as_what_root_makes(tmp_path: Path) -> None:
    (tmp_path / "script").write_text("umask")
    arguments = {"session": "LR-7", "name": "script.sh"}
    answer = asyncio.run(run_script(tmp_path / "script", arguments, Folders(tmp_path), lambda *_lines: None))
    assert answer.text == "0022\n"


def test_without_sockets_of_addresses_the_interfaces_are_told_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> None:
        raise OSError(97, "Address family not supported by protocol")

    monkeypatch.setattr(psutil, "net_if_stats", refused)
    found = inventory.read_inventory()
    assert "interfaces" not in found["unread"]
    assert {type(one["up"]) for one in found["interfaces"]} <= {bool}
