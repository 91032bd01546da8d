"""Running one sample as process 1 of its namespaces, until it ends, its time is over, or it takes too much."""

import contextlib
import hashlib
import json
import os
import select
import signal
import stat
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.sandbox import jail, sink, stage
from connectors.sandbox.limits import Limits
from connectors.sandbox.static import entropy, kind_of
from connectors.sandbox.text import shown

_PAGE = os.sysconf("SC_PAGE_SIZE")
_LOOK_S = 0.05
_HEAD = 160


@dataclass(slots=True)
class Observed:
    """What came of a run, not yet understood."""

    ended: str = "exited"
    exit_code: int | None = None
    seconds: float = 0.0
    began: float = 0.0
    most_bytes: int = 0
    trace: list[bytes] = field(default_factory=list)
    trace_cut: bool = False
    files: list[dict[str, Any]] = field(default_factory=list)
    files_cut: bool = False
    said: str = ""
    started: str = ""
    seen: sink.Seen = field(default_factory=lambda: sink.Seen(200))


def run_sample(content: bytes, name: str, folder: Path, limits: Limits) -> Observed:
    """Call it as process 1. Raises `NoJail`."""
    started = stage.start_words(content, name)
    if started is None:
        raise jail.NoJail("nothing here can run a file of this kind")
    scratch = folder / "scratch"
    scratch.mkdir()
    jail.mount_scratch(scratch, limits.disk_bytes)
    root = scratch / "root"
    stage.build(root)
    sample = scratch / "sample"
    sample.write_bytes(content)
    sample.chmod(0o555)
    jail.make_network()
    observed = Observed(seen=sink.Seen(limits.connections), started=started[0])
    sink.serve(observed.seen)
    before = snapshot(root)
    _watch(observed, root, sample, name, started, limits)
    observed.files, observed.files_cut = changes(root, before, limits)
    return observed


def _watch(observed: Observed, root: Path, sample: Path, name: str, started: list[str], limits: Limits) -> None:
    # A pipe with a name: a descriptor would be handed on to the sample, which could then write its own trace.
    trace = sample.parent / "trace"
    os.mkfifo(trace, 0o600)
    status_in, status_out = os.pipe()
    said_in, said_out = os.pipe()
    words = stage.words_of(root, sample, name, started, limits, status=status_out, trace=trace)
    passed = [status_out, *stage.descriptors_in(words)]
    reader = threading.Thread(target=_read_trace, args=(trace, observed, limits.trace_bytes), daemon=True)
    talker = threading.Thread(target=_read_said, args=(said_in, observed), daemon=True)
    reader.start()
    talker.start()
    observed.began = time.time()
    child = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=said_out, stderr=said_out, pass_fds=passed,
        env={"PATH": jail.PATH, "LC_ALL": "C"},
    )  # fmt: skip
    os.close(status_out)
    os.close(said_out)
    _wait(child, observed, status_in, limits)
    observed.seconds = round(time.time() - observed.began, 3)
    _kill_everything()
    with contextlib.suppress(OSError):  # a tracer that never opened it would leave its reader waiting
        os.close(os.open(trace, os.O_WRONLY | os.O_NONBLOCK))
    reader.join(5)
    talker.join(1)


def _wait(child: subprocess.Popen[bytes], observed: Observed, status: int, limits: Limits) -> None:
    """Until there is nothing left to see; says how it ended."""
    began, main_ended, told, open_ = time.monotonic(), 0.0, b"", True
    while child.poll() is None:
        if open_ and select.select([status], [], [], _LOOK_S)[0]:
            part = os.read(status, 4_096)
            told, open_ = (told + part)[-8_192:], bool(part)
            observed.exit_code = _exit_code(told)
        elif not open_:
            time.sleep(_LOOK_S)
        now = time.monotonic()
        if not main_ended and (observed.exit_code is not None or not open_):
            main_ended = now
        used = _memory_in_use()
        observed.most_bytes = max(observed.most_bytes, used)
        if used > limits.all_bytes:
            observed.ended = "memory"
        elif now - began > limits.run_s:
            observed.ended = "time"
        elif main_ended and now - main_ended > limits.linger_s:
            observed.ended = "left running"
        if observed.ended != "exited":
            return
    if observed.exit_code is None:
        observed.exit_code = _exit_code(told + _rest_of(status))


def _rest_of(status: int) -> bytes:
    os.set_blocking(status, False)
    with contextlib.suppress(OSError):
        return os.read(status, 4_096)
    return b""


def _exit_code(said: bytes) -> int | None:
    for line in said.splitlines():
        with contextlib.suppress(ValueError):
            told = json.loads(line)
            if isinstance(told, dict) and isinstance(told.get("exit-code"), int):
                return int(told["exit-code"])
    return None


def _memory_in_use() -> int:
    """Of every process in the namespace but this one."""
    total = 0
    for one in Path("/proc").iterdir():
        if one.name.isdigit() and one.name != "1":
            with contextlib.suppress(OSError, ValueError, IndexError):
                total += int((one / "statm").read_text().split()[1]) * _PAGE
    return total


def _kill_everything() -> None:
    """Process 1 reaches all of its namespace; a fork bomb is killed as often as it takes."""
    for _ in range(200):
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            return
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.005)


def _read_trace(trace: Path, observed: Observed, most: int) -> None:
    """Read on when it is enough, so that the tracer does not stop for a full pipe."""
    taken = 0
    with trace.open("rb", buffering=262_144) as lines:
        while line := lines.readline(65_536):
            taken += len(line)
            if taken <= most:
                observed.trace.append(line)
            else:
                observed.trace_cut = True


def _read_said(pipe: int, observed: Observed) -> None:
    kept = b""
    with contextlib.suppress(OSError):
        while part := os.read(pipe, 65_536):
            kept = (kept + part)[:8_192]
            observed.said = shown(kept, 2_000)


def snapshot(root: Path) -> dict[str, tuple[int, int, int]]:
    """Size, time and mode of each file that was there before."""
    found = {}
    for path, facts in _walk(root, 5_000):
        found[path] = (facts.st_size, facts.st_mtime_ns, stat.S_IMODE(facts.st_mode))
    return found


def changes(root: Path, before: dict[str, tuple[int, int, int]], limits: Limits) -> tuple[list[dict[str, Any]], bool]:
    """What was made, changed or taken away, and whether there was more than is told."""
    told: list[dict[str, Any]] = []
    cut, now = False, set()
    for path, facts in _walk(root, 20_000):
        now.add(path)
        mode = stat.S_IMODE(facts.st_mode)
        if before.get(path) == (facts.st_size, facts.st_mtime_ns, mode):
            continue
        if len(told) >= limits.files:
            cut = True
            continue
        told.append(_file(root, path, facts, "changed" if path in before else "created"))
    gone = [path for path in before if path not in now]
    told += [{"path": f"/{path}", "change": "deleted", "size": 0, "mode": "", "sha256": ""} for path in gone]
    return told[: limits.files + 50], cut


def _walk(root: Path, most: int) -> list[tuple[str, os.stat_result]]:
    """Files and links, never through a link."""
    found: list[tuple[str, os.stat_result]] = []
    waiting = [root]
    while waiting and len(found) < most:
        folder = waiting.pop()
        with contextlib.suppress(OSError):
            folder.chmod(0o755)
            for one in os.scandir(folder):
                facts = one.stat(follow_symlinks=False)
                if stat.S_ISDIR(facts.st_mode):
                    waiting.append(folder / one.name)
                else:
                    found.append((str((folder / one.name).relative_to(root)), facts))
    return found[:most]


def _file(root: Path, path: str, facts: os.stat_result, change: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "path": f"/{shown(path, 300)}", "change": change, "size": facts.st_size,
        "mode": stat.filemode(facts.st_mode), "sha256": "",
    }  # fmt: skip
    if stat.S_ISLNK(facts.st_mode):
        with contextlib.suppress(OSError):
            told["head"] = f"link to {shown(str((root / path).readlink()), 200)}"
        return told
    if not stat.S_ISREG(facts.st_mode):
        return told
    with contextlib.suppress(OSError):
        (root / path).chmod(0o600)
        descriptor = os.open(root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            content = file.read(64 * 1024 * 1024)
        told |= {"sha256": hashlib.sha256(content).hexdigest(), "kind": kind_of(content), "head": shown(content, _HEAD),
                 "entropy": entropy(content[:1_000_000])}  # fmt: skip
    return told
