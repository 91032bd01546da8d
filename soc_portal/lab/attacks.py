"""Harmless stand-ins for what attackers do, started on hosts of the lab one after the other.

Nothing spreads by itself: it is this conductor that starts the stand-in on the next host, and only while the next host
answers the first one, so that an isolation really ends it.
"""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soc_portal.lab.conductor import Lab, entering, run_on
from soc_portal.lab.plan import environment
from soc_portal.up.errors import UpError

_FOLDER = Path(__file__).parent / "standins"
_PROBE = ("import socket, sys; sys.exit(0 if any(socket.socket(f).connect_ex((a, 80)) == 0 for f, a in "
          "((socket.AF_INET, sys.argv[1]), (socket.AF_INET6, sys.argv[2]))) else 1)")  # fmt: skip
_PROBE_S = 4


@dataclass(frozen=True, slots=True)
class Attack:
    """`place` is where its program lies on the host, `spreads` whether the conductor goes on to further hosts."""

    place: str
    told: str
    spreads: bool = False


ATTACKS = {
    "ransomware": Attack("/var/tmp/.helpful/encrypt", "rewrites its own scratch files and talks to the sink", True),  # noqa: S108 - of the host, which is its own
    "persistence": Attack("/var/tmp/.helpful/install", "left a line of cron and a unit of systemd"),  # noqa: S108 - as above
    "exfiltration": Attack("/tmp/.upload", "sends scratch bytes to the sink"),  # noqa: S108 - as above
}


def attack(lab: Lab, name: str, *, first: str = "lab-1", pause_s: float = 5.0, seconds: float | None = None
           ) -> dict[str, Any]:  # fmt: skip
    """Where it was started, and why it went no further; returns when all stand-ins are over."""
    wanted = ATTACKS[name]
    lab.host(first)
    names = [str(one["name"]) for one in lab.needed_state()["hosts"]]
    rest = names[names.index(first) + 1 :] + names[: names.index(first)] if wanted.spreads else []
    begun: list[dict[str, Any]] = []
    running = [_begin(lab, name, first, seconds, begun)]
    ended = "It was to go no further." if not wanted.spreads else "Every host was reached."
    for other in rest:
        time.sleep(pause_s)
        if not reaches(lab, first, other):
            ended = f"{other} cannot be reached from {first} any more: it went no further."
            break
        running.append(_begin(lab, name, other, seconds, begun))
    for process in running:
        process.wait()
    return {"attack": name, "hosts": begun, "ended": ended}


def reaches(lab: Lab, one: str, other: str) -> bool:
    """Whether the web server of `other` answers to `one`, over either address family."""
    target = lab.host(other)
    words = [sys.executable, "-P", "-c", f"import socket; socket.setdefaulttimeout({_PROBE_S / 2}); {_PROBE}"]
    return run_on(lab, one, [*words, target["address4"], target["address6"]], capture=True).returncode == 0


def _begin(lab: Lab, name: str, host: str, seconds: float | None,
           begun: list[dict[str, Any]]) -> "subprocess.Popen[bytes]":  # fmt: skip
    """Lay the program on the host and start it there. Its content is its own each time, so that what is decided about
    one file is decided about no other."""
    wanted = ATTACKS[name]
    text = (_FOLDER / f"{name}.py").read_text() + f"\n# {host}, {time.time_ns()}\n"
    laid = run_on(lab, host, ["sh", "-c", 'mkdir -p "$(dirname "$1")" && cat > "$1" && chmod 755 "$1"', "sh",
                              wanted.place], given=text.encode(), capture=True)  # fmt: skip
    if laid.returncode:
        raise UpError(f"the stand-in cannot be laid on {host}: {laid.stderr.strip()[:200]}")
    words = entering(lab.host(host), root=bool(lab.needed_state()["root"]))
    arguments = [] if seconds is None else [str(seconds)]
    process = subprocess.Popen(
        [*words, sys.executable, "-P", wanted.place, *arguments], env=dict(environment(host)),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    begun.append({"host": host, "program": wanted.place, "began": time.time(), "detail": wanted.told})
    return process
