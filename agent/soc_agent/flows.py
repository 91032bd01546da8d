"""Connections that were open before the host was cut off: the kernel forgets them, so that none goes on later."""

import logging
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address

import psutil

logger = logging.getLogger(__name__)
MAX_FLOWS = 2_000
_FLOW = re.compile(r"^\S+\s+(?P<protocol>tcp|udp)\b.*?src=(?P<src>\S+) dst=(?P<dst>\S+) sport=(?P<sport>\d+) "
                   r"dport=(?P<dport>\d+)")  # fmt: skip
Portal = tuple[IPv4Address | IPv6Address, int]


def end_flows(portals: Iterable[Portal]) -> int:
    """Those of this host itself, the portal's apart; how many. Flows that it passes on as a router are not its own.
    Without `conntrack` nothing is forgotten, and nothing passes the rules either."""
    found = shutil.which("conntrack", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if found is None:
        return 0
    kept = {(str(address), str(port)) for address, port in portals}
    ended = 0
    for family in ("ipv4", "ipv6"):
        listed = _run(found, "-L", "-f", family)
        for flow in list(_own(listed, kept))[:MAX_FLOWS]:
            _run(found, "-D", "-f", family, "-p", flow["protocol"], "-s", flow["src"], "-d", flow["dst"],
                 "--sport", flow["sport"], "--dport", flow["dport"])  # fmt: skip
            ended += 1
    return ended


def _own(listed: str, kept: set[tuple[str, str]]) -> Iterator[dict[str, str]]:
    mine = {one.address.partition("%")[0] for each in psutil.net_if_addrs().values() for one in each}
    for line in listed.splitlines():
        found = _FLOW.search("any " + line)
        if found is None:
            continue
        flow = found.groupdict()
        if flow["src"] == flow["dst"] or not {flow["src"], flow["dst"]} & mine:
            continue
        if (flow["dst"], flow["dport"]) not in kept:
            yield flow


def _run(program: str, *words: str) -> str:
    try:
        done = subprocess.run([program, *words], capture_output=True, text=True, timeout=15, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        logger.warning("conntrack failed: %s", error)
        return ""
    return done.stdout
