"""Two hosts on one wire, for tests that run in a network namespace of their own: this one, and a peer."""

import subprocess
import sys

HERE, PEER, GATEWAY = "10.77.0.1", "10.77.0.2", "10.77.0.9"
HERE6, PEER6, PEER_MAC = "fd77::1", "fd77::2", "02:77:00:00:00:02"


def run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


def wire() -> subprocess.Popen[bytes]:
    """The peer's namespace is held by the process that is returned."""
    peer = subprocess.Popen(["/usr/bin/unshare", "-n", "/bin/sleep", "300"])
    mine = subprocess.run(["/bin/readlink", "/proc/self/ns/net"], capture_output=True, check=True).stdout
    while subprocess.run(["/bin/readlink", f"/proc/{peer.pid}/ns/net"], capture_output=True, check=True).stdout == mine:
        pass
    inside = ("/usr/bin/nsenter", "-t", str(peer.pid), "-n")
    run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "p0")
    run("ip", "link", "set", "p0", "netns", str(peer.pid))
    for before, name, four, six in (((), "eth0", HERE, HERE6), (inside, "p0", PEER, PEER6)):
        if name == "p0":
            run(*before, "ip", "link", "set", "p0", "address", PEER_MAC)
        run(*before, "ip", "link", "set", "lo", "up")
        run(*before, "ip", "link", "set", name, "up")
        run(*before, "ip", "addr", "add", f"{four}/24", "dev", name)
        run(*before, "ip", "-6", "addr", "add", f"{six}/64", "dev", name, "nodad")
    run("ip", "route", "add", "default", "via", GATEWAY)
    return peer


# Nobody listens there: a host that can be reached says so at once.
_PROBE = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], 9), 0.7)
except ConnectionRefusedError:
    sys.exit(0)
except OSError:
    sys.exit(1)
"""


def answers(address: str) -> bool:
    return subprocess.run([sys.executable, "-c", _PROBE, address], check=False).returncode == 0


def reached_by(peer: subprocess.Popen[bytes], address: str = HERE) -> bool:
    words = ["/usr/bin/nsenter", "-t", str(peer.pid), "-n", sys.executable, "-c", _PROBE, address]
    return subprocess.run(words, check=False).returncode == 0
