"""The investigation package of a simulated device: what it finds when it looks around, packed as a zip."""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any

NAME = "investigation-package.zip"
MEDIA_TYPE = "application/zip"
MANIFEST = "manifest.json"
SUMMARY = "CollectionSummaryReport.csv"
_COLUMNS = ("data_point", "command", "status", "error_code", "file", "bytes", "sha256")
_EPOCH = (2020, 1, 1, 0, 0, 0)  # a time of its own would make each packing another file
_SYSTEM = (("System", 4), ("services.exe", 712), ("lsass.exe", 728), ("svchost.exe", 944), ("explorer.exe", 5120))
_MISSING = "ERROR: The system was unable to find the specified registry key or value."


def look_around(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One entry for each data point: file, command, text, and whether it could be read."""
    return [
        _point("System information/SystemInformation.txt", "systeminfo", _system(state)),
        _point("Autoruns/Run.txt", "reg query HKLM\\...\\Run", _autoruns(state)),
        _point("Autoruns/RunOnce.txt", "reg query HKLM\\...\\RunOnce", _MISSING, code=1),
        _point("Processes/processes.csv", "tasklist /v /fo csv", _processes(state)),
        _point("Services/services.csv", "sc query type= service", _csv(("name", "state"), _SERVICES)),
        _point("Scheduled tasks/tasks.csv", "schtasks /query /fo csv /v", _csv(("task", "next_run"), _TASKS)),
        _point("Network connections/ActiveNetConnections.txt", "netstat -abno", _connections(state)),
        _point("Network connections/DnsCache.txt", "ipconfig /displaydns", "no entries\n"),
        _point("Network connections/pfirewall.log", "copy pfirewall.log", "firewall logging is off", code=2),
        _point("SMB sessions/SMBInboundSessions.txt", "net session", "There are no entries in the list.\n"),
        _point("Users and groups/Administrators.txt", "net localgroup Administrators", "Administrator\n"),
        _point("Files/FilesOfInterest.csv", "known files on this device", _files(state)),
        _point("Security agent/Orders.csv", "orders carried out on this device", _orders(state)),
    ]


def pack(report: Mapping[str, Any]) -> bytes:
    """The zip; the same report always makes the same bytes."""
    rows = [_row(point) for point in report["points"]]
    head = {"simulated": True, "device": report["device"], "collected": report["at"], "data_points": rows}
    parts = [(point["file"], str(point["text"]).encode()) for point in report["points"]]
    manifest = json.dumps(head, indent=2, sort_keys=True).encode()
    summary = _csv(_COLUMNS, ([row[column] for column in _COLUMNS] for row in rows)).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in [(MANIFEST, manifest), (SUMMARY, summary), *parts]:
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _point(file: str, command: str, text: str, *, code: int = 0) -> dict[str, Any]:
    return {"file": file, "command": command, "text": text, "ok": code == 0, "code": code}


def _row(point: Mapping[str, Any]) -> dict[str, Any]:
    content = str(point["text"]).encode()
    return {
        "data_point": str(point["file"]).partition("/")[0],
        "command": point["command"],
        "status": "succeeded" if point["ok"] else "failed",
        "error_code": point["code"],
        "file": point["file"],
        "bytes": len(content),
        "sha256": digest(content),
    }


_SERVICES = (("EventLog", "RUNNING"), ("Schedule", "RUNNING"), ("LanmanServer", "RUNNING"), ("Spooler", "STOPPED"))
_TASKS = ((r"\Microsoft\Windows\Defrag\ScheduledDefrag", "N/A"), (r"\Updater\Check", "03:00"))


def _csv(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return buffer.getvalue()


def _system(state: Mapping[str, Any]) -> str:
    network, execution = state.get("network", "connected"), state.get("execution", "unrestricted")
    return f"SIMULATED\nHost name: {state.get('name', '')}\nNetwork: {network}\nApp execution: {execution}\n"


def _known(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [file for _, file in sorted(state.get("files", {}).items())]


def _autoruns(state: Mapping[str, Any]) -> str:
    own = [f"{file.get('name')} REG_SZ {file.get('path')}" for file in _known(state) if file.get("running")]
    return "\n".join(["SecurityHealth REG_EXPAND_SZ %windir%\\system32\\SecurityHealthSystray.exe", *own, ""])


def _processes(state: Mapping[str, Any]) -> str:
    running = [file for file in _known(state) if file.get("running") and file.get("state") == "present"]
    own = [(file.get("name"), 6400 + 16 * place, file.get("path")) for place, file in enumerate(running)]
    return _csv(("image", "pid", "path"), [*((name, pid, "") for name, pid in _SYSTEM), *own])


def _connections(state: Mapping[str, Any]) -> str:
    open_ones = "TCP 10.0.0.14:49731 203.0.113.9:443 ESTABLISHED [svchost.exe]"
    return "Only the security service is reached.\n" if state.get("network") == "isolated" else f"{open_ones}\n"


def _files(state: Mapping[str, Any]) -> str:
    rows = [
        (key, file.get("name"), file.get("path"), file.get("state"))
        for key, file in sorted(state.get("files", {}).items())
    ]
    return _csv(("hash", "name", "path", "state"), rows)


def _orders(state: Mapping[str, Any]) -> str:
    return _csv(("at", "action"), [(one["at"], one["action"]) for one in state.get("history", [])])
