"""The process that holds one analysis: it steps down, enters its namespaces, looks, runs, and tells as JSON.

Started as a program with the folder of the analysis; everything it needs is imported before it gives its rights away.
"""

import json
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from connectors.sandbox import jail, static
from connectors.sandbox.dynamic import run_sample
from connectors.sandbox.limits import MEBI, Limits
from connectors.sandbox.members import Walk
from connectors.sandbox.report import assemble, not_run, static_only
from connectors.sandbox.rules import Rules
from connectors.sandbox.stage import start_words


def main() -> None:
    folder = Path(sys.argv[1])
    told = json.loads((folder / "order.json").read_text())
    name, limits = str(told["name"]), Limits(**told["limits"])
    content = (folder / "sample").read_bytes()
    rules = Rules()
    jail.step_down()
    began = time.time()
    looked = _in_child(lambda: static.look_at(content, name, limits), limits.static_s) or {
        "notes": ["The file could not be read within the limits of the analysis."]
    }
    looked["packed"] = _in_child(lambda: packed_in(content, rules), limits.static_s) or {
        "missing": "The rules could not be tried within the limits of the analysis."
    }
    report = _dynamic(content, name, folder, limits, looked)
    report["began"], report["seconds"] = round(began, 3), round(time.time() - began, 2)
    sys.stdout.write(json.dumps(report))
    sys.stdout.flush()


def packed_in(content: bytes, rules: Rules) -> dict[str, Any]:
    """Rules that match the sample and what lies in it. In a process of its own: what ends it costs nothing else."""
    walk = Walk(rules).through(content)
    return {"rules": rules.count, "missing": rules.missing, "wrong": rules.wrong[:10], "cut": walk.cut,
            "matches": rules.matching(content), "members": walk.found}  # fmt: skip


def _dynamic(content: bytes, name: str, folder: Path, limits: Limits, looked: dict[str, Any]) -> dict[str, Any]:
    if reason := static_only(looked):
        return assemble(looked, not_run(reason))
    if start_words(content, name) is None:
        return assemble(looked, not_run("Nothing on the analysis host can run a file of this kind."))
    if reason := jail.missing_tools():
        return assemble(looked, not_run(f"The analysis host cannot run samples: {reason}", failed=True))
    jail_name = _harmless(name)

    def run_it() -> dict[str, Any]:
        jail.become_first()
        return assemble(looked, run_sample(content, jail_name, folder, limits))

    try:
        jail.enter()
    except jail.NoJail as error:
        return assemble(looked, not_run(f"The analysis host cannot run samples: {error}", failed=True))
    told = _in_child(run_it, limits.run_s + limits.linger_s + 20, limited=False)
    if told is None or "failure" in told:
        reason = str((told or {}).get("failure", "the run came to no end within its limits"))
        return assemble(looked, not_run(f"The analysis host cannot run samples: {reason}", failed=True))
    return told


def _harmless(name: str) -> str:
    """What the sample is called within: no more than letters, digits and dots."""
    kept = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "_" for letter in name)
    return kept[-80:].lstrip(".-") or "sample"


def _in_child(work: Callable[[], dict[str, Any]], seconds: float, *, limited: bool = True) -> dict[str, Any] | None:
    """What `work` answers in a process of its own, or None when it did not come to its end."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _answer(work, writing, seconds, limited=limited)
    os.close(writing)
    parts = []
    with os.fdopen(reading, "rb") as pipe:
        while part := pipe.read(1 << 20):
            parts.append(part)
    os.waitpid(child, 0)
    try:
        told = json.loads(b"".join(parts))
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _answer(work: Callable[[], dict[str, Any]], writing: int, seconds: float, *, limited: bool) -> None:
    """In the child: never comes back."""
    try:
        if limited:
            resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds) + 1))
            resource.setrlimit(resource.RLIMIT_AS, (1536 * MEBI, 1536 * MEBI))
        try:
            told = work()
        except jail.NoJail as error:
            told = {"failure": str(error)[:300]}
        said = json.dumps(told).encode()
        while said:
            said = said[os.write(writing, said) :]
    except Exception:  # noqa: BLE001 - the process ends here in any case; whoever runs the analysis finds it in its log
        traceback.print_exc()
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
