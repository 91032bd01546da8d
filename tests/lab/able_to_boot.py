"""Whether this machine can boot a host whose first process is systemd: tried out, not guessed."""

import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from soc_portal.up.processes import wait_until

SYSTEMD = Path("/lib/systemd/systemd")
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
# What the agent's own package depends on, and what is asked on the host.
_PACKAGES = ("python3", "python3-cryptography", "python3-psutil", "python3-pycryptodome", "adduser", "nftables",
             "iproute2")  # fmt: skip
_TRIAL = """
mount -t tmpfs tmpfs /mnt && mkdir /mnt/up /mnt/work /mnt/root || exit 11
mount -t overlay -o lowerdir=/,upperdir=/mnt/up,workdir=/mnt/work tmpfs /mnt/root || exit 11
echo 0 > "$1/cgroup.procs" || exit 12
unshare --cgroup --pid --ipc --uts --net --mount --fork sh -c '
    mount -t cgroup2 cgroup2 /mnt/root/sys && mkdir /mnt/root/sys/trial && rmdir /mnt/root/sys/trial || exit 13
    mount -t proc proc /mnt/root/proc && mount -t sysfs -o ro sysfs /mnt/root/mnt || exit 14
    mount -t devpts -o newinstance devpts /mnt/root/srv || exit 14'
"""
_REASONS = {
    11: "the kernel lays no overlay over this machine's files",
    12: "no process may be put into a cgroup2 of its own",
    13: "a cgroup2 may not be mounted or divided in a namespace of its own",
    14: "proc, sysfs or devpts may not be mounted in namespaces of their own",
}


def cgroup_mount() -> Path:
    """Where this machine's hierarchy of the second kind is. Raises `OSError` when there is none."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _source, place, kind, options = line.split()[:4]
        if kind == "cgroup2" and "rw" in options.split(","):
            return Path(place)
    raise OSError("there is no cgroup2 that may be written")


def _is_swept(cgroup: Path) -> bool:
    """A cgroup stays as long as the last process of it has not been forgotten."""
    with suppress(OSError):
        cgroup.rmdir()
    return not cgroup.exists()


def lacking() -> str:
    """What is not installed on this machine; empty when nothing is."""
    if not SYSTEMD.exists() or shutil.which("dpkg", path=_PATH) is None:
        return "systemd or dpkg is not installed: a host that boots is made of both."
    found = subprocess.run(["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\\n", *_PACKAGES],
                           capture_output=True, text=True, check=False).stdout.splitlines()  # fmt: skip
    missing = [name for name in _PACKAGES if f"{name} installed" not in found]
    return f"The package of the agent stands on {', '.join(missing)}: apt-get install them." if missing else ""


def refused() -> str:
    """What this kernel, or the container that the tests run in, does not let systemd have; tried, not guessed."""
    try:
        cgroup = cgroup_mount() / f"soc-trial-{uuid4().hex[:8]}"
        cgroup.mkdir()
    except OSError as error:
        return f"systemd cannot be booted here: it needs a cgroup2 of its own ({error})."
    try:
        done = subprocess.run(["unshare", "--mount", "sh", "-c", _TRIAL, "sh", str(cgroup)],
                              capture_output=True, text=True, check=False, timeout=60)  # fmt: skip
    finally:
        wait_until(lambda: _is_swept(cgroup), seconds=10)
    why = _REASONS.get(done.returncode, f"namespaces are refused ({done.stderr.strip()[:200]})")
    return f"systemd cannot be booted here: {why}." if done.returncode else ""
