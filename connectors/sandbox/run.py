"""One analysis from outside: bytes in, a report out, nothing left behind."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from connectors.sandbox.jail import PATH, UNUSED_ID
from connectors.sandbox.limits import MAX_REPORT, MAX_SAMPLE, Limits

_ROOT = Path(__file__).resolve().parent.parent.parent


class AnalysisFailed(Exception):
    """`code` is for machines, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def analyse(content: bytes, name: str, limits: Limits | None = None) -> dict[str, Any]:
    """Look at a sample, and run it where a file of its kind can be run. Raises `AnalysisFailed`.

    The process that does it gets neither this one's environment nor its open files.
    """
    allowed = limits or Limits()
    if len(content) > MAX_SAMPLE:
        raise AnalysisFailed("too_large", f"A sample of {len(content):,} bytes is over the limit of {MAX_SAMPLE:,}.")
    folder = Path(tempfile.mkdtemp(prefix="soc-analysis-"))
    try:
        (folder / "sample").write_bytes(content)
        (folder / "order.json").write_text(json.dumps({"name": name[:255], "limits": allowed.as_json()}))
        if os.geteuid() == 0:
            for path in (folder, folder / "sample", folder / "order.json"):
                os.chown(path, UNUSED_ID, UNUSED_ID)
        return _read(_run(folder, allowed))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(folder: Path, limits: Limits) -> bytes:
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "connectors.sandbox.inside", str(folder)],
            stdin=subprocess.DEVNULL, stdout=said, stderr=complained, start_new_session=True, cwd="/",
            env={"PATH": PATH, "PYTHONPATH": str(_ROOT), "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        try:
            code = child.wait(limits.total_s)
        except subprocess.TimeoutExpired:
            raise AnalysisFailed("timed_out", f"The analysis was given up after {limits.total_s:.0f} s.") from None
        finally:
            _end(child)
        said.seek(0)
        complained.seek(0)
        told = said.read(2 * MAX_REPORT)
        if code or not told:
            why = complained.read(4_096).decode("utf-8", "replace").strip().splitlines()
            raise AnalysisFailed(
                "sandbox_failed", f"The sandbox ended without a report: {(why or ['no word'])[-1][:200]}"
            )
        return told


def _end(child: subprocess.Popen[bytes]) -> None:
    """With it ends process 1 of the namespaces, and with that everything in them."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _read(told: bytes) -> dict[str, Any]:
    try:
        report = json.loads(told)
    except ValueError:
        raise AnalysisFailed("bad_report", "The sandbox told no readable report.") from None
    if not isinstance(report, dict) or not isinstance(report.get("static"), dict):
        raise AnalysisFailed("bad_report", "The sandbox told no readable report.")
    return report
