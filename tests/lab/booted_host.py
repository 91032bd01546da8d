"""A host of its own that really boots: systemd is its first process, its packages are this machine's, what it writes
lies in memory. It is joined to the bridge of a lab, and can be switched off and on again with what it wrote.

It is what systemd asks of those who run it in a container: a cgroup of its own, `/proc/sys` read-only, `/run` and
`/dev` made anew for each start. The kernel is the machine's and goes on: its `boot_id` stays the same over all starts.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from soc_portal.lab.conductor import Lab
from soc_portal.lab.keeper import first_child, namespace
from soc_portal.lab.plan import BRIDGE4, PORTAL_NAME
from soc_portal.up.processes import wait_until
from tests.lab.able_to_boot import SYSTEMD, cgroup_mount

# What of this machine it goes without: other programs' services, and what would reach for the machine itself.
_WITHOUT = (
    "dev-hugepages.mount", "dev-mqueue.mount", "sys-fs-fuse-connections.mount", "sys-kernel-config.mount",
    "sys-kernel-debug.mount", "sys-kernel-tracing.mount", "proc-sys-fs-binfmt_misc.automount",
    "systemd-binfmt.service", "systemd-firstboot.service", "systemd-hwdb-update.service", "systemd-logind.service",
    "systemd-machine-id-commit.service", "systemd-modules-load.service", "systemd-networkd.service",
    "systemd-random-seed.service", "systemd-resolved.service", "systemd-sysctl.service", "systemd-timesyncd.service",
    "systemd-udev-trigger.service", "systemd-udevd.service", "systemd-udevd-control.socket",
    "systemd-udevd-kernel.socket", "systemd-update-utmp.service", "getty.target", "timers.target",
)  # fmt: skip
_HOLD = """
set -e
mount -t tmpfs -o size=1g,mode=755 soc-booted "$1"
mkdir "$1/up" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/up,workdir=$1/work" soc-booted "$1/root"
echo ready
exec sleep infinity
"""
_BOOT = """
set -e
echo 0 > "$2/cgroup.procs"
exec unshare --cgroup --pid --ipc --uts --net --mount --fork --kill-child sh -ec "$3" sh "$1" "$4"
"""
_INSIDE = """
cd "$1"
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
for name in null zero full random urandom tty; do
    touch dev/$name
    mount --bind /dev/$name dev/$name
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
hostname "$(cat etc/hostname)"
pivot_root . .
umount -l .
mount --make-rshared /
exec env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin "$2" </dev/null >/dev/null 2>&1
"""
# Its network and its page, as services of a host are: the network comes after what has to be there before it.
_UNITS = {
    "wire.service": """
[Unit]
DefaultDependencies=no
Wants=network-pre.target
After=network-pre.target local-fs.target
Before=network.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'until ip link show eth0; do sleep 0.05; done; ip -batch /etc/wire'
[Install]
WantedBy=network.target multi-user.target
""",
    "scanner.service": """
[Service]
RuntimeDirectory=clamav
ExecStart=/usr/bin/python3 /etc/scanner
[Install]
WantedBy=multi-user.target
""",
    "page.service": """
[Unit]
After=wire.service
Requires=wire.service
[Service]
ExecStart=/usr/bin/python3 -m http.server --bind :: --directory /srv 80
[Install]
WantedBy=multi-user.target
""",
    # As long as the file is there, the agent does not start: what holds then was made without it.
    "hold.service": """
[Unit]
Before=soc-agent-helper.service soc-agent.service
[Service]
Type=oneshot
TimeoutStartSec=infinity
ExecStart=/bin/sh -c 'while [ -e /etc/hold ]; do sleep 0.1; done'
[Install]
WantedBy=multi-user.target
""",
}

# Speaks as ClamAV's daemon does and finds what has the word in it: the real one needs signatures and a gigabyte.
_SCANNER = """
import os, socket
line = socket.socket(socket.AF_UNIX)
line.bind("/run/clamav/clamd.ctl")
line.listen()
while True:
    one, _address = line.accept()
    asked, handles, *_rest = socket.recv_fds(one, 100, 1)
    if asked.startswith(b"zFILDES") and not handles:
        _asked, handles, *_rest = socket.recv_fds(one, 100, 1)
    said = b"Stand-in 1"
    for handle in handles:
        said = b"fd: Standin FOUND" if b"standin-to-be-found" in os.pread(handle, 1_000_000, 0) else b"fd: OK"
        os.close(handle)
    if asked:
        one.sendall(said + bytes(1))
    one.close()
"""


class BootedHost:
    """`number` is the last part of its addresses; the lab's own hosts have 11 to 15."""

    def __init__(self, lab: Lab, name: str, number: int) -> None:
        self.name, self.address4, self.address6 = name, f"192.0.2.{number}", f"2001:db8::{number}"
        self._machine_id, self._wire = uuid4().hex, f"02:00:5e:00:53:{number:02x}"
        self._keeper = int(lab.needed_state()["keeper"])
        self._folder = Path(tempfile.mkdtemp(prefix="soc-booted-", dir="/tmp"))
        self._cgroup = cgroup_mount() / self._folder.name
        self._holder: subprocess.Popen[str] | None = None
        self._outer: subprocess.Popen[bytes] | None = None
        self.pid = 0

    @property
    def root(self) -> Path:
        """Its files as they lie there when it is switched off; only from this machine's own root."""
        assert self._holder is not None
        return Path(f"/proc/{self._holder.pid}/root{self._folder}/root")

    def furnish(self) -> None:
        """Raises `OSError` when the kernel refuses."""
        self._cgroup.mkdir()
        words = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "sh", "-c", _HOLD, "sh", str(self._folder)]
        self._holder = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != "ready\n":
            raise OSError("the kernel lays no overlay over this machine's files")
        units = self.root / "etc/systemd/system"
        shutil.rmtree(units)
        (units / "multi-user.target.wants").mkdir(parents=True)
        for name in _WITHOUT:
            (units / name).symlink_to("/dev/null")
        for name, text in _UNITS.items():
            (units / name).write_text(text)
            (units / "multi-user.target.wants" / name).symlink_to(f"../{name}")
        (units / "default.target").symlink_to("/lib/systemd/system/multi-user.target")
        (self.root / "etc/scanner").write_text(_SCANNER)
        # Every host with a kernel of its own has it, a container has not.
        (self.root / "usr/lib/modules").mkdir(exist_ok=True)
        self._name_it()

    def _name_it(self) -> None:
        addresses = (f"{self.address4}/24", f"{self.address6}/64 nodad")
        wire = ("link set lo up", *(f"addr add {one} dev eth0" for one in addresses), "link set eth0 up")
        texts = {
            "hostname": self.name, "hosts": f"127.0.0.1 localhost {self.name}\n{BRIDGE4} {PORTAL_NAME}",
            "machine-id": self._machine_id, "wire": "\n".join(wire), "fstab": "", "resolv.conf": "",
        }  # fmt: skip
        for name, text in texts.items():
            (self.root / "etc" / name).unlink(missing_ok=True)
            (self.root / "etc" / name).write_text(f"{text}\n")

    def boot(self) -> None:
        """Switch it on, and wait until systemd answers."""
        assert self._holder is not None
        inside = ["sh", "-c", _BOOT, "sh", f"{self._folder}/root", str(self._cgroup), _INSIDE, str(SYSTEMD)]
        self._outer = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "nsenter", f"--target={self._holder.pid}", "--mount", *inside]
        )
        self._plug_in(self._outer.pid)
        assert wait_until(lambda: bool(first_child(self._outer_pid)), seconds=60)
        self.pid = first_child(self._outer_pid)
        assert wait_until(self._is_itself, seconds=60), "it has not found its own files"
        assert wait_until(self._answers, seconds=120, pause=0.2), self.told()

    @property
    def _outer_pid(self) -> int:
        return self._outer.pid if self._outer else 0

    def _plug_in(self, pid: int) -> None:
        """A wire from its namespace to the lab's bridge, with the hardware address that it always has."""
        here = namespace(os.getpid(), "net")
        assert wait_until(lambda: namespace(pid, "net") not in (0, here), seconds=60), "it has no namespaces"
        port = f"to-{self.name}"
        with suppress(subprocess.CalledProcessError):
            self._on_the_bridge("link", "del", port)
        self._on_the_bridge("link", "add", port, "type", "veth", "peer", "name", "eth0", "address", self._wire,
                            "netns", str(pid))  # fmt: skip
        self._on_the_bridge("link", "set", port, "master", "br0", "up")

    def _on_the_bridge(self, *words: str) -> None:
        subprocess.run(["nsenter", f"--target={self._keeper}", "--net", "ip", *words], check=True, capture_output=True)

    def _is_itself(self) -> bool:
        """Whether its first process stands on its own files; before that a command would meet this machine."""
        with suppress(OSError):
            return Path(f"/proc/{self.pid}/root", "etc/machine-id").read_text().strip() == self._machine_id
        return False

    def _answers(self) -> bool:
        return self.run("systemctl", "is-system-running").stdout.strip() in {"starting", "running", "degraded"}

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """On the host, as its root."""
        assert self._is_itself(), "it is switched off"
        words = ["nsenter", f"--target={self.pid}", "--all", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                 "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"]  # fmt: skip
        return subprocess.run([*words, *command], capture_output=True, text=True, check=False, timeout=300)

    def said(self, *command: str) -> str:
        """What a command says that has to go well."""
        done = self.run(*command)
        assert done.returncode == 0, (command, done.stdout, done.stderr, self.told())
        return done.stdout.strip()

    def shows(self, unit: str, name: str) -> str:
        """A property of a unit, as systemd says it."""
        return self.said("systemctl", "show", "--value", f"--property={name}", unit)

    def told(self) -> str:
        """For whoever reads a failure."""
        done = self.run("journalctl", "--no-pager", "--lines=60")
        return f"{done.stdout}\n{done.stderr}"

    def reboot(self) -> None:
        """As a person does it."""
        self.run("systemctl", "reboot")
        assert self._outer is not None
        self._outer.wait(180)
        self.boot()

    def cut_power(self) -> None:
        (self._cgroup / "cgroup.kill").write_text("1")
        assert self._outer is not None
        self._outer.wait(60)

    def end(self) -> None:
        """Nothing of it is left."""
        if self._outer is not None and self._outer.poll() is None:
            self.cut_power()
        if self._holder is not None:
            self._holder.kill()
            self._holder.wait(30)
            if self._holder.stdout:
                self._holder.stdout.close()
        wait_until(self._swept, seconds=30)
        self._folder.rmdir()

    def _swept(self) -> bool:
        folders = sorted((one for one in self._cgroup.rglob("*") if one.is_dir()), reverse=True)
        with suppress(OSError):
            for one in [*folders, self._cgroup]:
                one.rmdir()
        return not self._cgroup.exists()


@contextmanager
def booted(lab: Lab, name: str, number: int) -> Iterator[BootedHost]:
    host = BootedHost(lab, name, number)
    try:
        host.furnish()
        host.boot()
        yield host
    finally:
        host.end()
