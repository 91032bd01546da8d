"""Samples that are written, or compiled, at the time of the test; and a machine that can hold them."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.able import missing
from connectors.sandbox.limits import Limits
from connectors.sandbox.run import analyse

Run = Callable[..., dict[str, Any]]
SOURCE = Path(__file__).with_name("sample.c")


def fail_or_skip(reason: str) -> None:
    """What the machine lacks is a failure where everything is to be tried, and a reason elsewhere."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def run() -> Run:
    """`run(content, name, run_s=3)` answers the report of a sample that was really run."""
    if reason := missing():
        fail_or_skip(f"this machine cannot run samples: {reason}")

    def run_it(content: str | bytes, name: str = "sample.sh", **limits: Any) -> dict[str, Any]:
        given = content.encode() if isinstance(content, str) else content
        report = analyse(given, name, Limits(**{"run_s": 20, "linger_s": 1, **limits}))
        assert report["dynamic"]["ran"], report["dynamic"]
        return report

    return run_it


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An ELF that drops, asks, talks and tries to get out."""
    compiler = shutil.which("cc")
    if compiler is None:
        fail_or_skip("there is no C compiler: apt-get install gcc libc6-dev")
    target = tmp_path_factory.mktemp("sample") / "sample"
    subprocess.run([str(compiler), "-o", target, SOURCE], check=True, timeout=60)
    return target.read_bytes()
