"""What orders change on a simulated device."""

from collections.abc import Mapping
from typing import Any

from connectors.kinds.simulator import package
from connectors.kinds.simulator.outcome import Outcome, Seen, State
from core import clock


def isolate(state: State, order: Mapping[str, Any]) -> Outcome:
    was = state.get("network", "connected")
    state["network"] = "isolated"
    state["isolation_type"] = order["arguments"].get("isolation_type", "full")
    return Outcome(message="The network is cut.", effects=1, token={"network": was})


def release(state: State, _order: Mapping[str, Any]) -> Outcome:
    state["network"] = "connected"
    state["isolation_type"] = ""
    return Outcome(message="The network is back.")


def scan(state: State, order: Mapping[str, Any]) -> Outcome:
    scan_type = order["arguments"].get("scan_type", "quick")
    found = [
        {"key": key, "name": file.get("name", ""), "path": file.get("path", "")}
        for key, file in state.get("files", {}).items()
        if file.get("malicious") and file.get("state") == "present"
    ]
    examined = 214_380 if scan_type == "full" else 9_412
    state["last_scan"] = {
        "order": order["key"],
        "scan_type": scan_type,
        "at": clock.now().isoformat(),
        "found": len(found),
    }
    report = {
        "simulated": True,
        "scan_type": scan_type,
        "files_examined": examined,
        "found": found,
        "signatures": "simulated set, 1 day old",
    }
    message = f"{examined:,} files examined, {len(found)} threats found."
    return Outcome(message=message, result={"files_examined": examined, "found": len(found)}, report=report)


def quarantine(state: State, order: Mapping[str, Any]) -> Outcome:
    key = order["arguments"]["file_key"]
    file = state.get("files", {}).get(key)
    if file is None:
        return Outcome("failed", "The file was not found on this device.", effects=0)
    already = file.get("state") == "quarantined"
    state["files"] = {**state["files"], key: {**file, "state": "quarantined"}}
    return Outcome(
        message="The file is in quarantine already." if already else "Stopped and moved to quarantine.",
        token={"item": f"quarantine/{key}", "path": file.get("path", "")},
        result={"processes_stopped": 0 if already else int(bool(file.get("running")))},
    )


def restore_file(state: State, order: Mapping[str, Any]) -> Outcome:
    key = order["arguments"]["file_key"]
    file = state.get("files", {}).get(key)
    if file is None:
        return Outcome("failed", "The quarantine holds no such file.", effects=0)
    state["files"] = {**state["files"], key: {**file, "state": "present", "running": False}}
    return Outcome(message="The file is back in its place.")


def restrict(state: State, order: Mapping[str, Any]) -> Outcome:
    was = state.get("execution", "unrestricted")
    state["execution"] = order["arguments"].get("mode", "restricted")
    if state["execution"] == "audited":
        return Outcome(message="What would be refused is counted.", token={"execution": was})
    return Outcome(message="Only programs of the system's maker start.", token={"execution": was})


def unrestrict(state: State, _order: Mapping[str, Any]) -> Outcome:
    state["execution"] = "unrestricted"
    return Outcome(message="Every program may start again.")


def collect_package(state: State, order: Mapping[str, Any]) -> Outcome:
    """The files are described here and packed when somebody fetches them; the same words make the same bytes."""
    points = package.look_around(state)
    failed = sum(not point["ok"] for point in points)
    report = {"package": True, "device": state.get("name", ""), "at": clock.now().isoformat(), "points": points}
    content = package.pack(report)
    state["last_package"] = {
        "order": order["key"],
        "at": report["at"],
        "sha256": package.digest(content),
        "size": len(content),
    }
    result = {"data_points": len(points), "failed": failed, "sha256": state["last_package"]["sha256"]}
    return Outcome(message=f"{len(points) - failed} of {len(points)} data points packed.", result=result, report=report)


def half_isolated(state: State) -> None:
    state["network"], state["isolation_type"] = "partly_isolated", ""


def see_network(state: State, _key: str) -> Seen:
    value = state.get("network", "connected")
    attributes = {"isolation_type": state["isolation_type"]} if state.get("isolation_type") else {}
    reached = {"security_service": True, "other_host": value == "connected", "inbound": value == "connected"}
    return Seen(value, "Probe from the device: security service, another host, inbound", attributes, reached)


def see_scan(state: State, _key: str) -> Seen:
    scan = state.get("last_scan")
    if not scan:
        return Seen("never", "Last scan read from the device")
    attributes = {"order": scan["order"], "scan_type": scan["scan_type"]}
    return Seen("finished", "Last scan read from the device", attributes, dict(scan))


def see_file(state: State, key: str) -> Seen:
    file = state.get("files", {}).get(key)
    value = "absent" if file is None else str(file.get("state", "present"))
    return Seen(
        value, "Looked for the file in its place and in the quarantine", evidence={"path": (file or {}).get("path")}
    )


def see_execution(state: State, _key: str) -> Seen:
    value = str(state.get("execution", "unrestricted"))
    tried = {"signed_by_maker": True, "unsigned_program": value == "unrestricted"}
    return Seen(value, "Two test programs started on the device", evidence=tried)


def see_package(state: State, _key: str) -> Seen:
    last = state.get("last_package")
    if not last:
        return Seen("never", "Last package read from the device")
    return Seen("collected", "Last package read from the device", {"order": last["order"]}, dict(last))
