"""Stand-ins on the hosts of a lab: the alerts that reach the portal come from what the agent saw."""

import threading
import time
from typing import Any

from soc_portal.lab import conductor
from soc_portal.lab.attacks import attack
from soc_portal.lab.conductor import Lab
from soc_portal.up.processes import wait_until
from tests.lab.lab_portal import LabPortal

Joined = tuple[Lab, LabPortal]


def test_ransomware_is_told_from_each_host_that_it_reaches(joined: Joined) -> None:
    lab, portal = joined
    outcome = attack(lab, "ransomware", pause_s=0.5, seconds=9)
    assert [one["host"] for one in outcome["hosts"]] == ["lab-1", "lab-2"]
    for one in outcome["hosts"]:
        found = portal.alert_of(one["host"], "soc-agent.mass-rewrite")
        assert found["rule"]["severity"] == "high"
        assert found["program"]["path"] == one["program"]
        assert one["program"] in found["process"]["command_line"]
    assert conductor.status(lab)["sink"]["192.0.2.11"] > 0


def test_an_isolation_in_time_keeps_it_from_the_next_host(joined: Joined) -> None:
    lab, portal = joined
    generation = int(time.time())
    outcome: dict[str, Any] = {}
    running = threading.Thread(target=lambda: outcome.update(attack(lab, "ransomware", pause_s=4, seconds=1)))
    running.start()
    portal.want("lab-1", generation, {"network": {"isolated": True, "type": "full", "expires_s": 600}})
    portal.status_where("lab-1", lambda one: one["generation"] == generation
                        and one["observed"]["network"]["value"] == "isolated")  # fmt: skip
    running.join()
    portal.want("lab-1", generation + 1, {"network": {"isolated": False}})
    assert [one["host"] for one in outcome["hosts"]] == ["lab-1"]
    assert "lab-2 cannot be reached" in outcome["ended"]


def test_persistence_is_told_with_both_files(joined: Joined) -> None:
    lab, portal = joined
    began = time.time()
    attack(lab, "persistence", first="lab-2", seconds=2)
    cron, unit = (portal.alert_of("lab-2", f"soc-agent.new-{kind}") for kind in ("cron", "unit"))
    assert cron["file"]["path"] == "/etc/cron.d/cache-update"
    assert unit["file"]["path"] == "/etc/systemd/system/cache-update.service"
    assert cron["at"] - began < 4
    assert cron["program"]["path"].endswith("/install")


def test_an_exfiltration_is_told_with_program_and_address(joined: Joined) -> None:
    lab, portal = joined
    attack(lab, "exfiltration", first="lab-2", seconds=3)
    found = portal.alert_of("lab-2", "soc-agent.temporary-program-connects", about="/tmp/.upload")
    assert found["connection"]["remote_address"] == "192.0.2.2"
    assert found["file"]["path"] == "/tmp/.upload"
    assert wait_until(lambda: conductor.status(lab)["sink"].get("192.0.2.12", 0) > 300_000, seconds=5)


def test_alerts_wait_while_the_portal_takes_none(joined: Joined) -> None:
    lab, portal = joined
    portal.taking_alerts = False
    words = ["sh", "-c", "echo '* * * * * root /bin/true' > /etc/cron.d/while-away"]
    assert conductor.run_on(lab, "lab-1", words).returncode == 0
    assert wait_until(lambda: portal.turned_away > 0, seconds=10)
    before = conductor.status(lab)["hosts"][0]["services"]["helper"]["pid"]
    conductor.run_on(lab, "lab-1", ["kill", "-9", str(before)])
    portal.taking_alerts = True
    found = portal.alert_of("lab-1", "soc-agent.new-cron", within=30, about="while-away")
    assert found["file"]["path"] == "/etc/cron.d/while-away"
