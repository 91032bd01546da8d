"""What hosts do for each other, and how one leaves: a machine without an agent is cut off by all that have one, a host
that has left is open and obeys nobody, and whoever has another's address is not taken for it."""

import json

import pytest

from soc_portal.lab import conductor
from soc_portal.lab.conductor import Lab
from soc_portal.lab.enrolling import tokens_of
from soc_portal.up.processes import wait_until
from tests.lab.estate import DEVICE, Estate, wait_for_devices
from tests.lab.on_a_host import comes_to

pytestmark = pytest.mark.slow
PRINTER = "192.0.2.77"
# A machine of its own behind the last host's wire: another hardware address, another address, a page on port 80.
PLUG_IN = f"""
set -e
ip link add printer link eth0 type macvlan mode bridge
unshare --net sleep 900 </dev/null >/dev/null 2>&1 &
echo $! > /run/printer.pid
until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.1; done
ip link set printer netns $!
in="nsenter --target=$! --net"
$in ip link set lo up
$in ip addr add {PRINTER}/24 dev printer
$in ip link set printer up
$in python3 -m http.server --directory /srv 80 </dev/null >/dev/null 2>&1 &
"""
# The address of another host, known to nobody else: on the wire it is still the other's.
WEAR = """
set -e
echo 1 > /proc/sys/net/ipv4/conf/all/arp_ignore
ip link add worn0 type veth peer name worn1
ip link set worn1 up
ip addr add 192.0.2.13/32 dev worn0
ip link set worn0 up
rm -f /etc/soc-agent/settings.json
"""
ASK = """
import sys, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
sys.exit(opener.open(f"http://{sys.argv[1]}/", timeout=3).status != 200)
"""


def test_a_machine_without_an_agent_is_cut_off_by_every_host_and_let_through_again(lab: Estate) -> None:
    plugged = lab.on("lab-4", "sh", "-c", PLUG_IN)
    assert plugged.returncode == 0, plugged.stderr
    try:
        lab.tell("printer", [{"@odata.type": DEVICE, "hostName": "printer", "ipInterfaces": [PRINTER]}])
        lab.incident_of("printer")
        printer = str(lab.ledger.value("SELECT id FROM incidents_device WHERE key LIKE '%%printer%%'"))
        around = ("lab-1", "lab-2", "lab-3")
        comes_to(lambda: [lab.reaches(one, PRINTER) for one in around], [True] * 3)
        assert printer_reaches(lab, "192.0.2.11")
        run = lab.ask_of_device("device.contain", printer, days="1")
        lab.done(run, seconds=150)
        assert {lab.status_of(child) for child in lab.children_of(run)} == {"succeeded"}
        assert len(lab.children_of(run)) == len(lab.devices), "every host does its part"
        assert not any(lab.reaches(one, PRINTER) for one in around)
        assert not printer_reaches(lab, "192.0.2.11")
        assert lab.reaches("lab-1", "192.0.2.14"), "the host on whose wire it is goes on"
        lab.done(lab.undo(run), seconds=150)
        assert all(lab.reaches(one, PRINTER) for one in around)
        assert printer_reaches(lab, "192.0.2.11")
    finally:
        lab.on("lab-4", "sh", "-c", "kill $(cat /run/printer.pid); pkill -f http.server")


def printer_reaches(lab: Estate, address: str) -> bool:
    pid = lab.on("lab-4", "cat", "/run/printer.pid").stdout.strip()
    return lab.on("lab-4", "nsenter", f"--target={pid}", "--net", "python3", "-c", ASK, address).returncode == 0


def test_a_host_that_leaves_is_open_and_one_that_joins_with_another_s_address_is_not_taken_for_it(lab: Estate) -> None:
    lab.done(lab.ask("device.isolate", "lab-4", isolation_type="full"))
    assert not lab.reaches("lab-1", "192.0.2.14")
    lab.done(lab.ask_as_administrator("device.offboard", "lab-4"), seconds=150)
    comes_to(lambda: lab.reaches("lab-1", "192.0.2.14"), True)
    comes_to(lambda: lab.on("lab-4", "pgrep", "-f", "soc_agent.(helper|network)").stdout, "")
    body = {"action": "device.isolate", "target": {"kind": "device", "id": lab.devices["lab-4"]}, "arguments": {},
            "comment": "It has left"}  # fmt: skip
    assert lab.api.post("/actions", body, token=lab.tokens["asker"])[0] == 422
    worn = lab.on("lab-4", "sh", "-c", WEAR)
    assert worn.returncode == 0, worn.stderr
    try:
        conductor.join(Lab(lab.portal.data), tokens_of(lab.portal.data))
        again = "SELECT count(*) FROM connectors_agent WHERE name = 'lab-4' AND state = 'approved' AND status <> '{}'"
        assert wait_until(lambda: bool(lab.ledger.value(again)), seconds=150), lab.portal.last_lines()
        lab.devices = wait_for_devices(lab, list(lab.devices))
        assert lab.devices["lab-4"] != lab.devices["lab-3"]
        comes_to(lambda: "192.0.2.13" in json.dumps(lab.read(f"/devices/{lab.devices['lab-4']}")), True)
        lab.done(lab.ask("device.isolate", "lab-4", isolation_type="full"), seconds=150)
        assert lab.reaches("lab-1", "192.0.2.13"), "the host whose address it is goes on"
        assert not lab.reaches("lab-1", "192.0.2.14")
        lab.done(lab.ask("device.release", "lab-4"), seconds=150)
        assert lab.reaches("lab-1", "192.0.2.14")
    finally:
        lab.on("lab-4", "ip", "link", "del", "worn0")
