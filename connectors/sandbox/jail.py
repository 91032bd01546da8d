"""Namespaces of one analysis, made by the process itself: an ordinary user's, also when root starts it."""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
from pathlib import Path

PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
TOOLS = {"bwrap": "bubblewrap", "strace": "strace", "nft": "nftables", "ip": "iproute2", "mount": "mount"}
# Nobody's: what runs as root steps down to it, so that no file of the machine is the sample's.
UNUSED_ID = 61_999
_SWITCHES = {
    "/proc/sys/kernel/unprivileged_userns_clone": ("0", "sysctl kernel.unprivileged_userns_clone=1"),
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns":
        ("1", "sysctl kernel.apparmor_restrict_unprivileged_userns=0"),
    "/proc/sys/user/max_user_namespaces": ("0", "sysctl user.max_user_namespaces=10000"),
}  # fmt: skip
_RULES = """
table inet sink {
  chain out {
    type nat hook output priority -100; policy accept;
    ip daddr 127.0.0.0/8 return
    ip6 daddr ::1 return
    udp dport 53 redirect to :53
    meta l4proto udp redirect to :9998
    meta l4proto tcp redirect to :9999
  }
}
"""
_NO_NEW_PRIVS, _DEATH_SIGNAL, _DUMPABLE = 38, 1, 4
_libc = ctypes.CDLL(None, use_errno=True)


class NoJail(Exception):
    """The machine does not hold a sample; the message says what mends it."""


def missing_tools() -> str:
    """What is not installed, and how to get it; empty when all is here."""
    for tool, package in TOOLS.items():
        if shutil.which(tool, path=PATH) is None:
            return f"{tool} is not installed: apt-get install {package}"
    for file, (closed, cure) in _SWITCHES.items():
        with contextlib.suppress(OSError):
            if Path(file).read_text().strip() == closed and os.geteuid() != 0:
                return f"user namespaces are switched off for ordinary users: `{cure}` as root"
    return ""


def step_down() -> None:
    """From root to an account that owns nothing, for good."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(UNUSED_ID, UNUSED_ID, UNUSED_ID)
        os.setresuid(UNUSED_ID, UNUSED_ID, UNUSED_ID)
    _libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
    _libc.prctl(_DUMPABLE, 1, 0, 0, 0)  # else /proc/self stays root's after the change


def enter() -> None:
    """User, network, mount, process and host name namespaces of its own. The next child is process 1 of them.
    Raises `NoJail`."""
    user, group = os.geteuid(), os.getegid()
    flags = os.CLONE_NEWUSER | os.CLONE_NEWNET | os.CLONE_NEWNS | os.CLONE_NEWPID | os.CLONE_NEWUTS | os.CLONE_NEWIPC
    try:
        os.unshare(flags)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    except OSError as error:
        raise NoJail(f"namespaces are refused ({error.strerror}): run it outside of a container") from error


def become_first(wake: signal.Signals = signal.SIGKILL) -> None:
    """As process 1: die with the one outside, see only the own processes."""
    _libc.prctl(_DEATH_SIGNAL, int(wake), 0, 0, 0)
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "proc", "proc", "/proc")


def mount_scratch(folder: Path, size: int) -> None:
    """A file system of limited size, gone with the namespace."""
    run("mount", "-t", "tmpfs", "-o", f"size={size},nr_inodes=20000,mode=0755", "tmpfs", str(folder))


def make_network() -> None:
    """An interface that looks like the way out, and rules that lead everything to the sink."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "far0")
    run("ip", "addr", "add", "10.66.0.2/24", "dev", "eth0")
    run("ip", "link", "set", "eth0", "up")
    run("ip", "link", "set", "far0", "up")
    run("ip", "route", "add", "default", "via", "10.66.0.1", "dev", "eth0")
    with contextlib.suppress(NoJail):  # a kernel without IPv6
        run("ip", "-6", "addr", "add", "fd00:66::2/64", "dev", "eth0", "nodad")
        run("ip", "-6", "route", "add", "default", "dev", "eth0")
    run("nft", "-f", "-", said=_RULES)


def run(*words: str, said: str = "") -> None:
    """One of the system's tools. Raises `NoJail` with what it said."""
    tool = shutil.which(words[0], path=PATH) or words[0]
    try:
        done = subprocess.run(
            [tool, *words[1:]], input=said, capture_output=True, text=True, timeout=20, check=False,
            env={"PATH": PATH, "LC_ALL": "C"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoJail(f"{words[0]}: {error}") from error
    if done.returncode:
        raise NoJail(f"{' '.join(words[:3])}: {done.stderr.strip()[:200]}")
