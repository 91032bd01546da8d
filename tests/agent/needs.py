"""What a test needs of the machine: where it is missing, CI fails and a laptop skips, each with the reason."""

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from soc_agent.guard import fanotify

ROOT = Path(__file__).parents[2]


def need(reason: str) -> None:
    """Nothing when the reason is empty."""
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


def need_root() -> None:
    need("" if os.geteuid() == 0 else "It takes real root.")


def need_program(name: str, package: str) -> str:
    found = shutil.which(name, path="/usr/sbin:/sbin:/usr/bin:/bin")
    need("" if found else f"{name} is not installed (package {package}).")
    return str(found)


def in_namespaces(script: str, *words: str, kinds: str = "-n", within: float = 60) -> str:
    """Run Python in namespaces of its own; what it printed. Whatever it started dies with it."""
    need_root()
    need_program("unshare", "util-linux")
    done = subprocess.run(
        ["/usr/bin/unshare", *kinds.split(), "-p", "-f", "--kill-child", "--mount-proc", sys.executable, "-c",
         textwrap.dedent(script), *words],
        capture_output=True, text=True, timeout=within, check=False, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'agent'}:{ROOT}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def in_guarded_mount(setup: str, body: str, folder: Path) -> str:
    """Run a body in a mount namespace, inside the `with` that its setup ends with; what it printed."""
    need_root()
    try:
        fanotify.Group().close()
    except fanotify.Unavailable as error:
        need(str(error))
    inner = "".join(f"    {line}\n" for line in body.strip().splitlines())
    return in_namespaces(setup + inner, str(folder), kinds="-m", within=55)
