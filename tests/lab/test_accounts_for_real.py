"""An account that is kept out cannot log in by any door: asked of real sshd and PAM, with a key and with a password.
What it runs ends, others go on, and afterwards the host has its account file back as it was."""

from collections.abc import Iterator
from functools import partial

import pytest

from soc_portal.up.processes import wait_until
from tests.agent.needs import need_program
from tests.lab.estate import Estate
from tests.lab.on_a_host import comes_to, put

pytestmark = pytest.mark.slow
USER = "#microsoft.graph.security.userEvidence"
ANN, BOB = "annlab", "boblab"
CLIENT, HOST, LATER = "lab-1", "lab-2", "lab-3"
PASSWORD = "correct-horse-9"
OPTIONS = ("-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o",
           "ConnectTimeout=60", "-o", "LogLevel=ERROR")  # fmt: skip
WAYS = {
    "key": (*OPTIONS, "-i", "/tmp/key", "-o", "BatchMode=yes", "-o", "PreferredAuthentications=publickey"),
    "password": (*OPTIONS, "-o", "PreferredAuthentications=password", "-o", "NumberOfPasswordPrompts=1"),
}
# The settings are the package's own; the key of the host is this host's.
SERVE = """
set -e
mkdir -p -m 755 /run/sshd
ssh-keygen -q -t ed25519 -N '' -f /run/sshd/key
$(command -v sshd || echo /usr/sbin/sshd) -o HostKey=/run/sshd/key -o UsePAM=yes -o PasswordAuthentication=yes \
    -o ListenAddress=0.0.0.0 -o PidFile=/run/sshd/pid
"""
MAKE = """
set -e
useradd --create-home --shell /bin/sh "$1"
echo "$1:$2" | chpasswd
install -d -m 700 -o "$1" "/home/$1/.ssh"
install -m 600 -o "$1" /tmp/key.pub "/home/$1/.ssh/authorized_keys"
"""
# A session that stays; when it is over, a file says so.
STAY = '(ssh "$@" "exec sleep 900"; echo ended > "/tmp/session-$0") </dev/null >/dev/null 2>&1 &'


class Doors:
    """The ways into a host, tried from another one."""

    def __init__(self, lab: Estate) -> None:
        self.lab = lab
        self.asking = ("env", "SSH_ASKPASS=/tmp/askpass", "SSH_ASKPASS_REQUIRE=force")

    def open(self) -> None:
        self.said(CLIENT, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/tmp/key")
        put(self.lab, CLIENT, "/tmp/askpass", f"#!/bin/sh\necho {PASSWORD}\n".encode(), 0o700)
        key = self.said(CLIENT, "cat", "/tmp/key.pub")
        for host in (HOST, LATER):
            put(self.lab, host, "/tmp/key.pub", key.encode(), 0o600)
        self.said(HOST, "sh", "-c", SERVE)
        for name in (ANN, BOB):
            self.make(HOST, name)

    def make(self, host: str, name: str) -> None:
        self.said(host, "sh", "-c", MAKE, "sh", name, PASSWORD)

    def said(self, host: str, *command: str) -> str:
        done = self.lab.on(host, *command)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout.strip()

    def lets_in(self, name: str) -> dict[str, str]:
        """Whom each door takes somebody for; empty where it stays shut."""
        found = {
            way: self.lab.on(CLIENT, *self.asking, "ssh", *words, f"{name}@192.0.2.12", "id", "-un").stdout.strip()
            for way, words in WAYS.items()
        }
        return {**found, "su": self.lab.on(HOST, "su", name, "-c", "id -un").stdout.strip()}

    def begin_session(self, name: str) -> str:
        """One that stays; the number of its program."""
        words = ("sh", "-c", STAY, name, *WAYS["key"], f"{name}@192.0.2.12")
        self.said(CLIENT, *words)
        sleeping = ("pgrep", "-u", name, "-x", "sleep")
        assert wait_until(lambda: self.lab.on(HOST, *sleeping).returncode == 0, seconds=120, pause=0.3), "no session"
        return self.said(HOST, *sleeping)

    def runs(self, name: str) -> list[str]:
        return self.lab.on(HOST, "pgrep", "-u", name).stdout.split()

    def shadow(self, host: str = HOST) -> str:
        return self.said(host, "sha256sum", "/etc/shadow").split()[0]

    def expiry(self, name: str, host: str = HOST) -> str:
        return self.said(host, "getent", "shadow", name).split(":")[7]


@pytest.fixture
def doors(root_lab: Estate) -> Iterator[Doors]:
    for name, package in (("sshd", "openssh-server"), ("ssh", "openssh-client"), ("useradd", "passwd")):
        need_program(name, package)
    found = Doors(root_lab)
    try:
        found.open()
        yield found
    finally:
        clear = f"kill $(cat /run/sshd/pid); pkill -9 -u {ANN}; pkill -9 -u {BOB}; rm -rf /run/sshd"
        root_lab.on(HOST, "sh", "-c", clear)
        for host in (HOST, LATER):
            root_lab.on(host, "sh", "-c", f"userdel -r {ANN}; userdel -r {BOB}; rm -f /tmp/key.pub")
        root_lab.on(CLIENT, "sh", "-c", "rm -f /tmp/key /tmp/key.pub /tmp/askpass /tmp/session-*")


def identity_of(lab: Estate, name: str) -> str:
    """The account as the portal knows it, from an alert that names it."""
    lab.tell(f"logon-{name}", [{"@odata.type": USER, "userAccount": {"accountName": name}}])
    lab.incident_of(f"logon-{name}")
    return str(lab.ledger.value("SELECT id FROM incidents_identity WHERE account_name = %s", name))


FREE = {"key": ANN, "password": ANN, "su": ANN}
SHUT = {"key": "", "password": "", "su": ""}
OTHER = {"key": BOB, "password": BOB, "su": BOB}


def test_an_account_that_is_kept_out_is_refused_at_every_door_and_comes_back(root_lab: Estate, doors: Doors) -> None:
    assert (doors.lets_in(ANN), doors.lets_in(BOB)) == (FREE, OTHER)
    doors.begin_session(ANN)
    staying, before = doors.begin_session(BOB), doors.shadow()
    run = root_lab.ask_of_identity("identity.contain", identity_of(root_lab, ANN), peers="all", days="1")
    root_lab.done(run)
    assert len(root_lab.children_of(run)) == len(root_lab.devices), "every host does its part"
    assert doors.runs(ANN) == []
    comes_to(lambda: root_lab.on(CLIENT, "cat", f"/tmp/session-{ANN}").stdout, "ended\n")
    assert (doors.lets_in(ANN), doors.lets_in(BOB)) == (SHUT, OTHER)
    assert staying in doors.runs(BOB), "the session of somebody else goes on"
    doors.said(HOST, "chage", "-E", "-1", ANN)
    comes_to(partial(doors.expiry, ANN), "1")
    doors.make(LATER, ANN)
    comes_to(lambda: doors.expiry(ANN, LATER), "1")
    root_lab.done(root_lab.undo(run))
    assert doors.lets_in(ANN) == FREE
    assert doors.shadow() == before, "byte for byte"
    assert doors.expiry(ANN, LATER) == ""
    assert staying in doors.runs(BOB)
