"""Looking, fetching, sweeping and bringing back: what the portal shows is what lies on the hosts."""

import io
import os
from hashlib import sha256
from typing import Any

import pytest
import pyzipper

from soc_portal.up.processes import wait_until
from tests.lab.estate import DEVICE, FILE, Estate
from tests.lab.on_a_host import comes_to, look_for, put

pytestmark = pytest.mark.slow
RULE = 'rule lab_marker { strings: $a = "%s" condition: $a }\n'


def artefact(lab: Estate, run: str, name: str) -> dict[str, Any]:
    """Of a run, or of the part of it that one device did."""
    runs = [run, *lab.children_of(run)]
    rows = lab.ledger.rows(
        f"SELECT id, run_id, name FROM remediation_runartefact WHERE run_id IN ({','.join(runs)}) ORDER BY id"
    )
    found = [{"id": row[0], "run": row[1]} for row in rows if name in row[2]]
    assert found, rows
    return found[0]


def opened(content: bytes, password: str) -> dict[str, bytes]:
    with pyzipper.AESZipFile(io.BytesIO(content)) as archive:
        archive.setpassword(password.encode())
        return {one.filename: archive.read(one) for one in archive.infolist()}


def test_a_scan_finds_what_a_rule_describes_and_says_which_engines_it_had(lab: Estate) -> None:
    marker = os.urandom(8).hex()
    lab.on("lab-1", "mkdir", "-p", "/etc/soc-agent/yara")
    put(lab, "lab-1", "/etc/soc-agent/yara/lab.yar", (RULE % marker).encode())
    put(lab, "lab-1", "/home/lab/marked", f"some text, {marker}, more".encode())
    put(lab, "lab-1", "/home/lab/plain", b"nothing of note")
    comes_to(lambda: cannot_scan(lab, "lab-1"), "")
    run = lab.ask("device.antivirus_scan", "lab-1", scan_type="custom", paths="/home/lab")
    lab.done(run, seconds=240)
    result = lab.result_of(run)
    assert [one["path"] for one in result["found"]] == ["/home/lab/marked"]
    assert result["found"][0]["sha256"] == look_for(lab, "lab-1", "/home/lab/marked")["sha256"]
    engines = {one["name"]: one for one in result["engines"]}
    assert engines["yara"]["signatures"] == 1
    assert "does not run here" in engines["clamav"]["missing"], "no daemon of it runs on the hosts"
    lab.on("lab-1", "rm", "-f", "/etc/soc-agent/yara/lab.yar", "/home/lab/marked", "/home/lab/plain")


def cannot_scan(lab: Estate, host: str) -> str:
    """Why the host says that it cannot; without a rule it has nothing to compare files with."""
    rows = lab.read("/agents")["results"]
    return str(next(one for one in rows if one["name"] == host)["cannot"].get("device.antivirus_scan", ""))


def test_a_collected_file_comes_as_a_zip_that_the_password_opens_and_is_the_same(lab: Estate) -> None:
    content = os.urandom(70_000)
    put(lab, "lab-2", "/home/lab/evidence bin", content)
    before = look_for(lab, "lab-2", "/home/lab/evidence bin")
    digest = sha256(content).hexdigest()
    lab.alert(f"collect-{digest[:8]}", "lab-2", "/home/lab/evidence bin", digest)
    run = lab.ask_of_file("file.collect", digest)
    lab.done(run, seconds=150)
    assert look_for(lab, "lab-2", "/home/lab/evidence bin") == before, "nothing was changed"
    one = artefact(lab, run, "evidence")
    wanted = {"reason": "To look at it", "password": "lantern-42"}
    archive = lab.got(f"/actions/{one['run']}/artefacts/{one['id']}/download", wanted)
    assert list(opened(archive, "lantern-42").values()) == [content]
    with pytest.raises(RuntimeError):
        opened(archive, "lantern-43")


def test_a_sweep_finds_what_an_incident_left_on_each_host_and_removes_it_on_one(lab: Estate) -> None:
    """By its place: for a hash each of the hosts would read all of this machine's programs."""
    content, place = os.urandom(5_000), f"/home/lab/left-{os.urandom(4).hex()}"
    digest = sha256(content).hexdigest()
    for host in ("lab-1", "lab-3"):
        put(lab, host, place, content if host == "lab-3" else b"another file of that name")
    lab.alert(name := f"sweep-{digest[:8]}", "lab-1", place, digest)
    incident = lab.incident_of(name)
    found = swept(lab, incident, place)
    assert {(one["device"], one["where"]) for one in found} == {("lab-1", place), ("lab-3", place)}
    (one,) = (one for one in found if one["device"] == "lab-3")
    assert one["sha256"] == digest
    removal = {"ids": [one["id"]], "comment": "Not wanted here"}
    (told,) = lab.done_by("asker", "/sweep-findings/remove", removal)["results"]
    assert told["ok"], told
    run = str(told["run_id"])
    if lab.status_of(run) == "waiting":
        lab.done_by("decider", f"/actions/{run}/approve", {})
    lab.ended(run, seconds=150)
    assert look_for(lab, "lab-3", place) == {}
    assert [one["device"] for one in swept(lab, incident, place)] == ["lab-1"], "another file, left alone"
    lab.ended(lab.undo(run), seconds=150)
    assert look_for(lab, "lab-3", place)["sha256"] == digest
    for host in ("lab-1", "lab-3"):
        lab.on(host, "rm", "-f", place)


def swept(lab: Estate, incident: str, place: str) -> list[dict[str, Any]]:
    """What all hosts tell."""
    body = {"incident_id": incident, "items": [{"kind": "path", "value": place}], "comment": "Where else?"}
    number = lab.done_by("asker", "/sweeps", body, 201)["id"]
    comes_to(lambda: lab.read(f"/sweeps/{number}")["state"], "finished", seconds=240)
    parts = lab.read(f"/sweeps/{number}")["devices"]
    assert {one["state"] for one in parts if one["device"] in lab.devices} == {"answered"}, parts
    return list(lab.read(f"/sweep-findings?sweep_id={number}&state=found")["results"])


def test_a_device_goes_through_its_checklist_to_the_watched_return_and_an_alert_ends_that(lab: Estate) -> None:
    digest = os.urandom(32).hex()
    lab.alert(name := f"recover-{digest[:8]}", "lab-2", "/home/lab/was-here", digest)
    incident = lab.incident_of(name)
    lab.done(lab.ask("device.isolate", "lab-2", isolation_type="full"))
    body = {"incident_id": incident, "device_ids": [lab.devices["lab-2"]]}
    listed = lab.done_by("asker", "/recoveries", body, 201)
    recovery = next(one for one in listed if one["device"] == "lab-2")
    place = f"/recoveries/{recovery['id']}"
    if recovery["state"] != "open":
        recovery = lab.done_by("asker", f"{place}/reopen", {"comment": "Once more"})
    released = next(one for one in recovery["steps"] if one["kind"] == "released")
    body = {"step_id": released["id"], "state": "done"}
    status, told = lab.api.post(f"{place}/step", body, token=lab.tokens["asker"])
    assert (status, told["error"]["code"]) == (422, "not_so"), "it is cut off, and the portal knows"
    assert not lab.reaches("lab-2", "192.0.2.11")
    lab.done(lab.ask("device.release", "lab-2"))
    assert lab.reaches("lab-2", "192.0.2.11")
    for step in recovery["steps"]:
        if step["kind"] != "watched":
            lab.done_by("asker", f"{place}/step", {"step_id": step["id"], "state": "done", "note": "Seen to"})
    assert lab.done_by("asker", f"{place}/watch", {"hours": 1})["state"] == "watched"
    relapse(lab, "lab-2")
    assert wait_until(lambda: lab.read(place)["state"] == "failed", seconds=60), lab.read(place)
    assert lab.read(place)["alert_id"]


def relapse(lab: Estate, host: str) -> None:
    """An alert of medium severity about something new on a host."""
    file = {"sha256": os.urandom(32).hex(), "fileName": "x", "filePath": "/tmp"}
    evidence: list[dict[str, Any]] = [{"@odata.type": DEVICE, "hostName": host}]
    evidence.append({"@odata.type": FILE, "fileDetails": file})
    lab.tell(f"relapse-{os.urandom(4).hex()}", evidence)
