"""`soc-agentctl`: what root asks on the host itself. Works without the portal, `release` also without the helper."""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from soc_agent import isolation
from soc_agent.examine import Finding, examine
from soc_agent.folders import Folders
from soc_agent.helper import stored_trust
from soc_agent.helper_line import HelperGone, HelperLine
from soc_agent.isolation import IsolationFailed
from soc_agent.journal import Journal
from soc_agent.orders import Refused
from soc_agent.release import accept_code
from soc_agent.settings import BadSettings, Settings, load_settings


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="soc-agentctl", description="Ask the agent of this host, as root.")
    parser.add_argument("--folder", type=Path, default=Path("/"), help="the root of the agent's own folders")
    verbs = parser.add_subparsers(dest="word", required=True)
    status = verbs.add_parser("status", help="what is wanted, what holds, when the portal was heard")
    status.add_argument("--json", action="store_true", help="for programs")
    release = verbs.add_parser("release", help="open a host that was cut off, by a code from the portal")
    release.add_argument("code")
    doctor = verbs.add_parser("doctor", help="look for what is wrong and say what mends it")
    doctor.add_argument("--json", action="store_true", help="for programs")
    arguments = parser.parse_args(words)
    folders = Folders(arguments.folder)
    try:
        settings = load_settings(folders.settings)
        if arguments.word == "status":
            sys.exit(_status(folders, as_json=arguments.json))
        if arguments.word == "release":
            sys.exit(_release(arguments.code, settings, folders))
        sys.exit(_doctor(settings, folders, as_json=arguments.json))
    except BadSettings as error:
        sys.exit(f"soc-agentctl: {error}")


def ask(folders: Folders, question: str, **fields: Any) -> dict[str, Any]:
    """Raises `HelperGone`."""

    async def once() -> dict[str, Any]:
        line = HelperLine(folders.socket)
        try:
            return await line.ask(question, **fields)
        finally:
            line.close()

    return asyncio.run(once())


def _status(folders: Folders, *, as_json: bool) -> int:
    try:
        report = ask(folders, "report")
    except HelperGone as error:
        print(f"The helper does not answer ({error}). Run soc-agentctl doctor.", file=sys.stderr)
        return 1
    if report.get("error"):
        print(report["error"], file=sys.stderr)
        return 1
    print(json.dumps(report, indent=2) if as_json else "\n".join(told(report)))
    return 0


def told(report: Mapping[str, Any]) -> list[str]:
    """The report in words."""
    heard = report.get("heard", {}).get("at")
    lines = [
        f"Device      {report['device_id']}", f"Portal      {report['url']}",
        f"Last heard  {_ago(heard) if heard else 'never'}", f"Generation  {report['generation']}",
    ]  # fmt: skip
    for facet, seen in sorted(report.get("observed", {}).items()):
        drift = "" if seen["reached"] else f", not as wanted: {seen['detail']}"
        lines.append(f"{facet:<12}{seen['value']}{drift}")
    running, waiting = report.get("running", []), report.get("results", [])
    lines.append(f"Commands    {len(running)} running, {len(waiting)} answers not yet taken by the portal")
    unable = {name: reason for name, reason in report.get("capabilities", {}).items() if reason}
    return [*lines, *(f"Cannot      {name}: {reason}" for name, reason in sorted(unable.items()))]


def _ago(at: float) -> str:
    seconds = max(0, round(time.time() - at))
    return f"{seconds} s ago" if seconds < 120 else f"{seconds // 60} min ago"


def _release(code: str, settings: Settings, folders: Folders) -> int:
    if os.geteuid() != 0:
        print("Root alone opens this host.", file=sys.stderr)
        return 1
    try:
        answer = ask(folders, "release", code=code)
    except HelperGone:
        answer = _release_alone(code, settings, folders)
    if answer.get("error"):
        print(answer["error"], file=sys.stderr)
        return 1
    print("The code is accepted: this host opens now, and stays open until the portal decides anew.")
    return 0


def _release_alone(code: str, settings: Settings, folders: Folders) -> dict[str, Any]:
    """Without the helper: the code is checked and noted here, so that the helper keeps to it when it is back."""
    try:
        with closing(Journal(folders.state / "journal.sqlite")) as journal:
            found = accept_code(code, journal, stored_trust(settings, folders), settings.device_id)
        isolation.forget(folders.isolation)
        isolation.release()
    except Refused as refusal:
        return {"error": refusal.message}
    except IsolationFailed as error:
        return {"error": f"The code is good, but the rules cannot be taken away: {error}"}
    return found


def _doctor(settings: Settings, folders: Folders, *, as_json: bool) -> int:
    try:
        report: dict[str, Any] | None = ask(folders, "report")
    except HelperGone:
        report = None
    found = examine(settings, folders, report)
    if as_json:
        print(json.dumps([one.as_json() for one in found], indent=2))
    else:
        print("\n".join(_line(one) for one in found))
    return 0 if all(one.good for one in found) else 1


def _line(one: Finding) -> str:
    mends = f"\n      {one.mends}" if one.mends and not one.good else ""
    return f"{'ok' if one.good else 'BAD':<5} {one.what}: {one.says}{mends}"
