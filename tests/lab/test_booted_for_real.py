"""The Debian package on a host that systemd runs: installed, joined, cut off, started anew, killed, taken away. Its
units hold it there with all that they forbid."""

import itertools
import os
import shutil
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from soc_portal.lab.conductor import Lab
from soc_portal.lab.enrolling import tokens_of
from soc_portal.lab.plan import URL
from soc_portal.up.agent_package import build_agent
from tests.agent.needs import need
from tests.lab.able_to_boot import lacking, refused
from tests.lab.booted_host import BootedHost, booted
from tests.lab.estate import Estate
from tests.lab.on_a_host import comes_to
from tests.lab.under_units import Asked

pytestmark = pytest.mark.slow
HELPER, LINE, BOOT = "soc-agent-helper.service", "soc-agent.service", "soc-agent-isolation.service"
PEER = "lab-1"
NUMBERS = itertools.count(21)
OPEN, CUT = (True, True), (False, False)
# Everything of the package and of what it made.
LEFT = """
ls -d /etc/soc-agent* /var/lib/soc-agent* /usr/lib/soc-agent /run/soc-agent /usr/bin/soc-agent* \
    /usr/lib/systemd/system/soc-agent* /etc/systemd/system/*/soc-agent* /usr/share/doc/soc-agent \
    /var/lib/dpkg/info/soc-agent.* 2>/dev/null
getent passwd soc-agent
getent group soc-agent
systemctl list-unit-files --no-legend 'soc-agent*'
"""
# A peer that tries all the time, until the file is there: how often it tried, and how often it got through.
WATCH = """
import os, socket, sys, time
tries = reached = 0
while not os.path.exists("/tmp/watched enough"):
    tries += 1
    try:
        socket.create_connection((sys.argv[1], 80), timeout=0.5).close()
        reached += 1
    except OSError:
        time.sleep(0.02)
with open("/tmp/watched.new", "w") as file:
    file.write(f"{tries > 3} {reached}")
os.replace("/tmp/watched.new", "/tmp/watched")
"""


class Machine:
    """A host as the portal and its peers know it."""

    def __init__(self, lab: Estate, host: BootedHost) -> None:
        self.lab, self.host, self.device = lab, host, ""

    def install(self, package: Path) -> None:
        shutil.copy(package, self.host.root / "srv/agent.deb")
        self.host.said("dpkg", "--install", "/srv/agent.deb")

    def join(self) -> None:
        """As the page of the portal says it: the one command."""
        token = tokens_of(self.lab.portal.data)(self.host.name)
        self.host.said("soc-agent", "enroll", "--url", URL, "--token", token)
        assert self.enabled() == ["enabled"] * 3
        comes_to(lambda: self.agent() is not None and bool(self.told()), True)
        query = "SELECT device_id FROM incidents_devicebinding WHERE remote_id = %s"
        comes_to(lambda: len(self.lab.ledger.rows(query, self.remote)), 1)
        self.device = str(self.lab.ledger.value(query, self.remote))

    def enabled(self) -> list[str]:
        return [self.host.run("systemctl", "is-enabled", unit).stdout.strip() for unit in (HELPER, LINE, BOOT)]

    def agent(self) -> tuple[Any, ...] | None:
        """Its row at the portal while that counts on it: id, its device there, what it told last, when."""
        query = "SELECT id, device_id, status, seen_at FROM connectors_agent WHERE name = %s AND state = 'approved'"
        return next(iter(self.lab.ledger.rows(query, self.host.name)), None)

    @property
    def remote(self) -> str:
        found = self.agent()
        assert found is not None
        return str(found[1])

    def told(self) -> dict[str, Any]:
        found = self.agent()
        assert found is not None
        return dict(found[2])

    def heard(self) -> object:
        found = self.agent()
        return found and found[3]

    def reached(self) -> tuple[bool, bool]:
        """Whether a peer gets its page, by v4 and by v6; the page is there."""
        self.host.said("systemctl", "is-active", "wire.service", "page.service")
        return (self.lab.reaches(PEER, self.host.address4), self.lab.reaches(PEER, self.host.address6))

    def isolate(self) -> None:
        self.lab.done(self.lab.ask_of_device("device.isolate", self.device, isolation_type="full"))
        assert self.reached() == CUT

    def release(self) -> None:
        self.lab.done(self.lab.ask_of_device("device.release", self.device))
        comes_to(self.reached, OPEN)

    def collect(self, content: bytes) -> None:
        """A file of it comes to the portal, which takes both halves."""
        (self.host.root / "srv/evidence").write_bytes(content)
        digest = sha256(content).hexdigest()
        self.lab.alert(f"evidence-{digest[:8]}", self.host.name, "/srv/evidence", digest)
        self.lab.incident_of(f"evidence-{digest[:8]}")
        run = self.lab.ask_of_file("file.collect", digest)
        self.lab.done(run)
        runs = ",".join([run, *self.lab.children_of(run)])
        rows = self.lab.ledger.rows(f"SELECT name FROM remediation_runartefact WHERE run_id IN ({runs})")
        assert any("evidence" in name for (name,) in rows), rows

    def is_held(self, unit: str) -> dict[str, str]:
        """What the kernel says of the rights of its first process."""
        pid = self.host.shows(unit, "MainPID")
        lines = self.host.said("cat", f"/proc/{pid}/status").splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def leave(self) -> None:
        """The portal expects nothing of it any more, whatever became of it."""
        if (found := self.agent()) is not None:
            self.lab.done_by("chief", f"/agents/{found[0]}/revoke", {"reason": "The trial is over"})


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need(lacking())
    if reason := refused():
        pytest.skip(reason)  # in CI too: what a kernel refuses to systemd is no fault of the agent
    (made,) = [path for path in build_agent(tmp_path_factory.mktemp("dist")) if path.suffix == ".deb"]
    return made


@pytest.fixture
def machine(package: Path, root_lab: Estate) -> Iterator[Machine]:
    """Installed, joined and within reach."""
    number = next(NUMBERS)
    with booted(Lab(root_lab.portal.data), f"booted-{number}", number) as host:
        found = Machine(root_lab, host)
        found.install(package)
        assert [host.shows(unit, "ActiveState") for unit in (HELPER, LINE)] == ["inactive"] * 2, "nobody was enrolled"
        try:
            found.join()
            comes_to(found.reached, OPEN)
            yield found
        finally:
            found.leave()


def test_a_host_that_is_cut_off_stays_so_from_the_first_moment_of_its_next_start(machine: Machine) -> None:
    machine.isolate()
    before = machine.told()["generation"]
    (machine.host.root / "etc/hold").touch()
    machine.lab.on(PEER, "sh", "-c", 'python3 -c "$0" "$1" >/dev/null 2>&1 &', WATCH, machine.host.address4)
    machine.host.reboot()
    comes_to(lambda: machine.host.run("systemctl", "is-active", "page.service").returncode, 0)
    assert machine.host.shows(HELPER, "ActiveState") == "inactive"
    assert machine.reached() == CUT, "without the agent"
    heard = machine.heard()
    machine.host.said("rm", "/etc/hold")
    comes_to(lambda: machine.heard() != heard and machine.told()["generation"], before)
    comes_to(lambda: machine.told()["observed"]["network"]["value"], "isolated")
    assert machine.reached() == CUT, "with the agent"
    machine.lab.on(PEER, "touch", "/tmp/watched enough")
    comes_to(lambda: machine.lab.on(PEER, "cat", "/tmp/watched").stdout, "True 0")
    machine.lab.on(PEER, "rm", "/tmp/watched", "/tmp/watched enough")
    machine.release()
    machine.host.cut_power()
    machine.host.boot()
    comes_to(lambda: machine.host.run("systemctl", "is-active", "page.service", HELPER, LINE).returncode, 0)
    comes_to(machine.reached, OPEN)


def test_killed_halves_come_back_and_a_stopped_agent_opens_nothing(machine: Machine) -> None:
    held = {unit: machine.is_held(unit) for unit in (HELPER, LINE)}
    assert [(one["NoNewPrivs"], one["Seccomp"]) for one in held.values()] == [("1", "2")] * 2
    assert (int(held[LINE]["CapEff"], 16), int(held[LINE]["CapBnd"], 16)) == (0, 0)
    machine.isolate()
    heard = machine.heard()
    for unit in (HELPER, LINE):
        pid = machine.host.shows(unit, "MainPID")
        machine.host.said("systemctl", "kill", "--kill-whom=main", "--signal=KILL", unit)
        comes_to(partial(machine.host.shows, unit, "NRestarts"), "1")
        comes_to(partial(machine.host.shows, unit, "ActiveState"), "active")
        assert machine.host.shows(unit, "MainPID") != pid
        assert machine.reached() == CUT
    comes_to(lambda: machine.heard() != heard, True)
    machine.host.said("systemctl", "stop", LINE, HELPER)
    assert machine.reached() == CUT
    machine.host.said("systemctl", "start", HELPER, LINE)
    machine.collect(os.urandom(20_000))
    machine.release()


def test_everything_is_done_with_all_that_the_units_forbid(machine: Machine) -> None:
    asked = Asked(machine.lab, machine.host, machine.device)
    package = asked.begin_package()
    asked.take_a_file_and_give_it_back()
    asked.block_a_hash()
    asked.keep_an_account_out()
    asked.scan()
    asked.respond()
    asked.end_package(package)


def test_a_host_that_leaves_is_not_asked_again_and_a_purged_package_leaves_nothing(machine: Machine) -> None:
    run = {"action": "device.offboard", "target": {"kind": "device", "id": machine.device}, "comment": "For real"}
    told = machine.lab.done_by("chief", "/actions", run, 201)
    if told["decision"] == "pending":
        machine.lab.done_by("deputy", f"/actions/{told['id']}/approve", {})
    machine.lab.done(str(told["id"]))
    for unit in (HELPER, LINE):
        comes_to(partial(machine.host.shows, unit, "ActiveState"), "inactive")
    assert machine.enabled() == ["disabled"] * 3
    machine.join()
    machine.isolate()
    machine.host.said("dpkg", "--purge", "soc-agent")
    assert machine.host.run("sh", "-c", LEFT).stdout == ""
    assert machine.reached() == CUT, "rules in the kernel stay until the next start"
    machine.host.reboot()
    comes_to(lambda: machine.host.run("systemctl", "is-active", "page.service").returncode, 0)
    comes_to(machine.reached, OPEN)
    assert machine.host.said("nft", "list", "ruleset") == ""
