"""What the portal asks of a host that systemd runs, each with what is seen on the host itself: what the agent's units
forbid too much breaks one of these."""

import os
from base64 import b64encode
from functools import partial
from hashlib import sha256

from soc_portal.up.processes import wait_until
from tests.lab.booted_host import BootedHost
from tests.lab.estate import DEVICE, Estate
from tests.lab.live_console import Console, Said, opened, shell_of
from tests.lab.on_a_host import comes_to

USER = "#microsoft.graph.security.userEvidence"
NAME = "standin"
UNIT, LINK = (f"/etc/systemd/system/{one}{NAME}.service" for one in ("", "multi-user.target.wants/"))
# Of a person, of everybody, of what was mounted after the agent began, and of the kernel.
PLACES = ("/home/lab/tool", "/tmp/tool", "/dev/shm/tool", "/opt/stick/tool", "/usr/lib/modules/0/tool.ko")
PUT = 'mkdir -p "$(dirname "$0")" && printf %s "$1" > "$0" && chmod 750 "$0"'
SERVICE = f"""
cat > {UNIT} <<END
[Service]
ExecStart=/bin/sh -c "sleep 900; {PLACES[0]}"
[Install]
WantedBy=multi-user.target
END
systemctl daemon-reload
systemctl enable --now {NAME}
"""
SCRIPT = b"""#!/usr/bin/python3 -I
import os, subprocess, sys
sys.path.insert(0, "/usr/lib/soc-agent")
from soc_agent.inventory import read_inventory
found = read_inventory()
journal = subprocess.run(["journalctl", "-n", "1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
print(f"{os.umask(0):o}", found["unread"], [one["up"] for one in found["interfaces"]], journal)
"""


class Asked:
    """Of one host, from the portal."""

    def __init__(self, lab: Estate, host: BootedHost, device: str) -> None:
        self.lab, self.host, self.device = lab, host, device

    def put(self, place: str, text: str) -> None:
        self.host.said("sh", "-c", PUT, place, text)

    def begin_package(self) -> str:
        return self.lab.ask_of_device("device.collect_package", self.device)

    def end_package(self, run: str) -> None:
        assert self.lab.ended(run, seconds=300) == "succeeded", self.lab.result_of(run)
        assert [one for one in self.lab.result_of(run)["steps"] if one["error"]] == []

    def take_a_file_and_give_it_back(self) -> None:
        """From all places, with the unit that starts it."""
        text = f"#!/bin/sh\n# {os.urandom(8).hex()}\n"
        digest = sha256(text.encode()).hexdigest()
        self.host.said("sh", "-c", "mkdir /opt/stick && mount -t tmpfs stick /opt/stick")
        for place in PLACES:
            self.put(place, text)
            self.lab.alert(name := f"tool-{digest[:8]}{place}", self.host.name, place, digest)
            self.lab.incident_of(name)
        self.host.said("sh", "-ec", SERVICE)
        look = ("stat", "--format=%n %a %u %Y %s", *PLACES)
        before = self.host.said(*look)
        self.lab.done(self.lab.ask_of_file("file.quarantine", digest))
        assert [
            one for one in (*PLACES, UNIT, LINK) if self.host.run("test", "-L", one, "-o", "-e", one).returncode == 0
        ] == []
        assert self.host.run("systemctl", "is-active", NAME).stdout == "inactive\n"
        self.lab.done(self.lab.ask_of_file("file.restore", digest))
        assert self.host.said(*look) == before
        assert self.host.said("systemctl", "is-enabled", NAME) == "enabled"

    def block_a_hash(self) -> None:
        text, place = f"#!/bin/sh\n# {os.urandom(8).hex()}\n", "/home/lab/other"
        self.put(place, text)
        body = {"type": "fileSha256", "value": sha256(text.encode()).hexdigest(), "action": "block",
                "title": "Unwanted", "comment": "For real"}  # fmt: skip
        number = self.lab.done_by("decider", "/indicators", body, 201)["id"]
        comes_to(lambda: [self.host.run(*one).returncode == 0 for one in (("cat", place), (place,))], [False, False])
        assert self.host.shows("soc-agent-helper.service", "LimitMEMLOCK") == "infinity", "the guard waits for no disk"
        self.lab.done_by("decider", f"/indicators/{number}/remove", {"comment": "It was harmless"})
        comes_to(lambda: self.host.run(place).returncode, 0)

    def keep_an_account_out(self) -> None:
        name = f"person{self.host.address4.rpartition('.')[2]}"
        self.host.said("useradd", "--create-home", "--shell", "/bin/sh", name)
        self.host.said("systemd-run", f"--uid={name}", "sleep", "900")
        comes_to(lambda: self.host.run("pgrep", "-u", name).returncode, 0)
        before = self.host.said("sha256sum", "/etc/shadow")
        self.lab.tell(f"logon-{name}", [
            {"@odata.type": DEVICE, "hostName": self.host.name},
            {"@odata.type": USER, "userAccount": {"accountName": name}},
        ])  # fmt: skip
        self.lab.incident_of(f"logon-{name}")
        pk = self.lab.ledger.value("SELECT id FROM incidents_identity WHERE account_name = %s", name)
        run = self.lab.ask_of_identity("identity.contain", str(pk), peers="seen", days="1")
        self.lab.done(run)
        assert self.host.run("pgrep", "-u", name).stdout == ""
        assert self.host.run("su", name, "-c", "true").returncode != 0
        self.lab.done(self.lab.undo(run))
        self.host.said("su", name, "-c", "true")
        assert self.host.said("sha256sum", "/etc/shadow") == before

    def scan(self) -> None:
        """By a daemon of another service, which is handed the open file."""
        self.put(place := "/var/tmp/scanned", "standin-to-be-found")
        run = self.lab.ask_of_device("device.antivirus_scan", self.device, scan_type="custom", paths=place)
        self.lab.done(run)
        assert [one["path"] for one in self.lab.result_of(run)["found"]] == [place]

    def respond(self) -> None:
        """A script, a service and a raw shell."""
        with opened(self.lab, self.device) as console:
            body = {"name": "standin.py", "content": b64encode(SCRIPT).decode(), "overwrite": True}
            self.lab.done_by("chief", "/live-library", body, 201)
            assert console.done("run standin.py")["output"].strip() == "22 {} [True] 0"
            console.done(f"remediate service {NAME} -auto")
            assert self.host.run("test", "-L", LINK).returncode == 1
            console.done(f"undo service {NAME} -auto")
            comes_to(partial(self.host.shows, NAME, "ActiveState"), "active")
            self._type(console)

    def _type(self, console: Console) -> None:
        told = console.type('shell "A stand-in has to be looked at" -minutes 10')
        pk, number = told["id"], told["number"]
        shell_of(self.lab, f"approve({pk})")
        assert wait_until(lambda: console.state(number)["state"] == "started", seconds=90), console.state(number)
        said = Said(self.lab, int(console.number))
        shell_of(self.lab, f"press({pk}, 1, 'echo $((6*7)).$(tty).$(umask); touch /etc/typed; exit\\r')")
        assert wait_until(lambda: "42./dev/pts/" in said.text(), seconds=90), said.text()
        comes_to(lambda: self.host.run("stat", "--format=%a", "/etc/typed").stdout, "644\n")
