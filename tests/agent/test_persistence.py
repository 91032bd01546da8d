"""What starts a file goes with it and comes back with it, identical; what was changed meanwhile is left alone."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from soc_agent import persistence
from soc_agent.host import Host
from soc_agent.journal import State
from soc_agent.keep_guard import take_away
from soc_agent.persistence import find, removed_with, restored_with
from tests.agent.hosts import a_host
from tests.agent.needs import need_root

EVIL = "/opt/evil tool"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    need_root()
    made = a_host(tmp_path / "host")
    yield made
    made.journal.close()


def files(root: Path) -> dict[str, bytes | str]:
    return {
        str(one.relative_to(root)): os.readlink(one) if one.is_symlink() else one.read_bytes()  # noqa: PTH115 - text
        for one in sorted(root.rglob("*")) if one.is_symlink() or one.is_file()
    }  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A host on which the file starts in eight ways, beside what has nothing to do with it."""
    found = tmp_path / "root"
    texts = {
        "etc/systemd/system/evil.service": f'[Service]\nExecStart="{EVIL}" --quiet\n',
        "etc/systemd/system/evil.timer": "[Timer]\nOnBootSec=1\n",
        "etc/systemd/system/good.service": "[Service]\n# /opt/evil tool\nExecStart=/opt/evil tools\n",
        "etc/crontab": f"SHELL=/bin/sh\n* * * * * root '{EVIL}' -c\n1 1 * * * root /bin/true\n",
        "var/spool/cron/atjobs/a1": f"#!/bin/sh\n{EVIL}\n",
        "home/ann/.config/autostart/evil.desktop": f"[Desktop Entry]\nExec={EVIL}\n",
        "etc/rc.local": f"#!/bin/sh\n{EVIL.replace(' ', chr(92) + ' ')} &\nexit 0\n",
        "home/ann/.bashrc": f"alias ll='ls -l'\n\"{EVIL}\" &",
        "home/ann/.ssh/authorized_keys": f'ssh-ed25519 AAAA ann\ncommand="{EVIL}" ssh-ed25519 BBBB evil\n',
        "etc/ld.so.preload": f"{EVIL}\n",
    }
    for name, text in texts.items():
        (found / name).parent.mkdir(parents=True, exist_ok=True)
        (found / name).write_text(text)
        (found / name).chmod(0o640)
    wants = found / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir()
    (wants / "evil.service").symlink_to("../evil.service")
    return found


TAKEN = {"taken": [{"item": "evil1", "path": EVIL}]}


def test_every_way_is_found_and_nothing_else(root: Path) -> None:
    found = sorted((one.kind, one.line) for one in find([EVIL], root))
    assert found == [("at", 0), ("authorized_keys", 2), ("autostart", 0), ("cron", 2), ("preload", 1), ("profile", 2),
                     ("rc", 2), ("unit", 0)]  # fmt: skip


def test_it_goes_and_comes_back_identical(host: Host, root: Path) -> None:
    before, modes = files(root), (root / "etc/crontab").stat().st_mode
    state, result = removed_with(host, State.SUCCEEDED, dict(TAKEN), root)
    assert (state, len(result["persistence"]), result["persistence_refused"]) == (State.SUCCEEDED, 8, [])
    assert find([EVIL], root) == []
    after = files(root)
    assert after["etc/crontab"] == b"SHELL=/bin/sh\n1 1 * * * root /bin/true\n"
    assert after["home/ann/.ssh/authorized_keys"] == b"ssh-ed25519 AAAA ann\n"
    assert not [name for name in after if "evil." in name]
    assert (root / "etc/crontab").stat().st_mode == modes
    assert "etc/systemd/system/good.service" in after
    state, result = restored_with(host, State.SUCCEEDED, {"restored": [{"item": "evil1", "path": EVIL}]})
    assert (state, len(result["persistence"])) == (State.SUCCEEDED, 8), result
    assert files(root) == before
    assert persistence.store_of(host).items() == []


def test_a_place_that_was_changed_meanwhile_is_left_alone(host: Host, root: Path) -> None:
    removed_with(host, State.SUCCEEDED, dict(TAKEN), root)
    with (root / "etc/crontab").open("a") as file:
        file.write("5 5 * * * root /bin/new\n")
    (root / "var/spool/cron/atjobs/a1").write_text("another job")
    restored = {"restored": [{"item": "evil1", "path": EVIL}]}
    state, result = restored_with(host, State.SUCCEEDED, restored)
    assert state is State.PARTIALLY_SUCCEEDED
    assert sorted(one["code"] for one in result["persistence_refused"]) == ["changed_meanwhile", "in_the_way"]
    assert b"/bin/new" in (root / "etc/crontab").read_bytes()
    assert len(persistence.store_of(host).items()) == 2
    (root / "var/spool/cron/atjobs/a1").unlink()
    _, again = restored_with(host, State.SUCCEEDED, restored)
    assert [one["kind"] for one in again["persistence"]] == ["at"]


def test_a_link_is_not_followed(host: Host, root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text(f"{EVIL}\n")
    (root / "etc/profile").symlink_to(outside)
    removed_with(host, State.SUCCEEDED, dict(TAKEN), root)
    assert outside.read_text() == f"{EVIL}\n"


def test_nothing_taken_nothing_removed(host: Host, root: Path) -> None:
    before = files(root)
    _, result = removed_with(host, State.FAILED, {"taken": []}, root)
    assert result["persistence"] == []
    assert files(root) == before


def test_what_an_indicator_takes_away_loses_what_starts_it_too_and_gets_it_back(host: Host, tmp_path: Path) -> None:
    evil, root = tmp_path / "evil", tmp_path / "small"
    evil.write_bytes(b"#!/bin/sh\nexit 0\n")
    cron = root / "etc/crontab"
    cron.parent.mkdir(parents=True)
    before = f"SHELL=/bin/sh\n* * * * * root {evil} -c\n1 1 * * * root /bin/true\n"
    cron.write_text(before)
    digest = hashlib.sha256(evil.read_bytes()).hexdigest()
    result = take_away(host, str(evil), digest, "indicator IND-1", root)
    assert ([one["kind"] for one in result["persistence"]], evil.exists()) == (["cron"], False)
    assert cron.read_text() == "SHELL=/bin/sh\n1 1 * * * root /bin/true\n"
    (taken,) = result["taken"]
    restored_with(host, State.SUCCEEDED, {"restored": [{"item": taken["item"], "path": str(evil)}]})
    assert cron.read_text() == before
