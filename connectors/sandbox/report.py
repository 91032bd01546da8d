"""The report: what was seen, put together and bounded. It is data; nothing in it is ever run or followed."""

import ipaddress
import json
from dataclasses import dataclass
from typing import Any

from connectors.sandbox.behaviours import GRAVITY, KINDS
from connectors.sandbox.dynamic import Observed
from connectors.sandbox.limits import MAX_REPORT
from connectors.sandbox.stage import HOME
from connectors.sandbox.text import shown
from connectors.sandbox.trace import read_trace
from connectors.sandbox.understand import Story, read_story

VERSION = 1
_ORDINARY_PORTS = {21, 22, 25, 53, 80, 110, 143, 443, 465, 587, 853, 993, 995, 3128, 8080, 8443}
_NOT_HERE = {
    "pe": "It is for Windows. Only its content was looked at: nothing here runs such files.",
    "macho": "It is for macOS. Only its content was looked at: nothing here runs such files.",
    "empty": "It is empty.",
}
_LATER = ("timeline", "processes", "files")


@dataclass(frozen=True, slots=True)
class NotRun:
    """Why there is no second half; `failed` when that is the host's fault."""

    reason: str
    failed: bool = False


def not_run(reason: str, *, failed: bool = False) -> NotRun:
    return NotRun(reason, failed)


def static_only(looked: dict[str, Any]) -> str:
    """Why a file of this kind is not run; empty when it is."""
    return _NOT_HERE.get(str(looked.get("kind")), "")


def assemble(looked: dict[str, Any], observed: Observed | NotRun) -> dict[str, Any]:
    """Both halves as one report."""
    report: dict[str, Any] = {
        "version": VERSION, "static": looked, "behaviours": [], "processes": [], "files": [], "timeline": [],
        "network": {"names": [], "connections": []}, "cut": [],
    }  # fmt: skip
    if isinstance(observed, NotRun):
        report["dynamic"] = {"ran": False, "why_not": observed.reason, "failed": observed.failed}
        return bounded(report)
    story = _story_of(observed)
    report["dynamic"] = {
        "ran": True, "why_not": "", "failed": False, "ended": observed.ended, "exit_code": observed.exit_code,
        "seconds": observed.seconds, "most_bytes": observed.most_bytes, "said": observed.said,
        "started": bool(story.began),
    }  # fmt: skip
    report["files"] = observed.files
    report["processes"] = list(story.processes.values())
    report["network"] = _network(observed, story)
    _judge(report, observed, story)
    deeds = sorted(story.deeds.values(), key=lambda one: (GRAVITY.index(one["severity"]), one["at"] or 0.0))
    report["behaviours"] = deeds
    report["timeline"] = _timeline(report)
    report["cut"] = _cut(observed, story)
    return bounded(report)


def _story_of(observed: Observed) -> Story:
    story = read_story(read_trace(observed.trace), observed.started, 120)
    observed.trace = []
    return story


def _network(observed: Observed, story: Story) -> dict[str, Any]:
    """What was heard at the sink, and what was tried that nobody heard."""
    names = {address: name for name, address in observed.seen.names.items()}
    rows: dict[tuple[str, int, str], dict[str, Any]] = {}
    for heard in observed.seen.connections:
        key = (heard["address"], heard["port"], heard["summary"])
        row = rows.setdefault(key, {**heard, "name": names.get(heard["address"], ""), "times": 0, "at": None})
        row["times"] += 1
        tried = story.connections.get((heard["address"], heard["port"]))
        row["at"] = tried["at"] if tried else None
    heard_of = {(address, port) for address, port, _ in rows}
    for (address, port), tried in story.connections.items():
        if (address, port) not in heard_of and not _is_own(address):
            rows[(address, port, "")] = {**tried, "kind": "tried", "summary": "", "host": "", "bytes": 0,
                                         "name": names.get(address, "")}  # fmt: skip
    for row in rows.values():
        row["invented"] = row["address"].startswith("198.18.")
    return {"names": list(observed.seen.names)[:200], "connections": list(rows.values())[:200]}


def _is_own(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return True
    return found.is_loopback or found.is_unspecified


def _judge(report: dict[str, Any], observed: Observed, story: Story) -> None:
    """Deeds that no single call tells."""
    for name in report["network"]["names"][:20]:
        story.deed("names", name)
    for row in report["network"]["connections"]:
        where = f"{row['name'] or row['address']}:{row['port']}"
        kind = row["kind"] if row["kind"] in KINDS else "connects"
        story.deed(kind, f"{where} {row['summary']}".strip())
        if row["port"] not in _ORDINARY_PORTS:
            story.deed("odd_port", where)
    made = [one for one in observed.files if one["change"] == "created"]
    if made:
        story.deed("drops", f"{len(made)} files" if len(made) > 1 else "1 file")
    decoys = [one["path"] for one in observed.files if one["path"].startswith(f"{HOME}/Documents/")
              and one["change"] != "created"]  # fmt: skip
    if decoys:
        story.deed("decoys", ", ".join(decoys[:5]))
    if observed.ended == "memory":
        story.deed("memory_limit", "it was ended")
    if observed.ended == "time":
        story.deed("outlives", f"it was ended after {observed.seconds:.0f} s")
    if observed.ended == "left running":
        story.deed("stays", "they were ended")


def _timeline(report: dict[str, Any]) -> list[dict[str, Any]]:
    rows = [{"at": one["began"], "what": "Process", "detail": one["command"] or one["path"]}
            for one in report["processes"]]  # fmt: skip
    rows += [{"at": one["at"], "what": one["title"], "detail": one["detail"]} for one in report["behaviours"]
             if one["at"] is not None]  # fmt: skip
    for one in report["network"]["connections"]:
        if one["at"] is not None:
            where = f"{one['name'] or one['address']}:{one['port']} {one['summary']}".strip()
            rows.append({"at": one["at"], "what": "Connection", "detail": where})
    return sorted(rows, key=lambda row: float(row["at"]))[:300]


def _cut(observed: Observed, story: Story) -> list[str]:
    """What there was more of than is told."""
    found = {
        "system calls": observed.trace_cut, "files": observed.files_cut, "processes": story.more_processes > 0,
        "behaviours": story.more_deeds > 0, "connections": observed.seen.more > 0,
    }  # fmt: skip
    return [word for word, cut in found.items() if cut]


def bounded(report: dict[str, Any]) -> dict[str, Any]:
    """No larger than a report may be: the longest lists are halved until it fits."""
    while len(json.dumps(report)) > MAX_REPORT:
        lists: list[tuple[dict[str, Any], str]] = [(report, name) for name in (*_LATER, "behaviours")]
        lists += [(report["static"], name) for name in ("strings", "imports", "sections")]
        lists += [(report["static"].get("packed", {}), "members")]
        lists += [(report["network"], name) for name in ("names", "connections")]
        holder, name = max(lists, key=lambda one: len(json.dumps(one[0].get(one[1], []))))
        kept = holder.get(name, [])
        if not kept:
            return {"version": VERSION, "static": {}, "dynamic": report["dynamic"], "cut": ["everything"]}
        holder[name] = kept[: len(kept) // 2]
        if name not in report["cut"]:
            report["cut"].append(shown(name, 40))
    return report
