"""`./soc check` and `./soc fmt`: every linter that a change must pass, in the order of how fast they answer."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from soc_portal.up.data_folder import ROOT
from soc_portal.up.environment import placeholders
from soc_portal.up.errors import UpError

_BIN = Path(sys.executable).parent
_PYTHON = [sys.executable, "-P"]

CHECKS: dict[str, Sequence[str | Path]] = {
    "ruff": [_BIN / "ruff", "check", "."],
    "format": [_BIN / "ruff", "format", "--check", "."],
    "templates": [_BIN / "djlint", "--lint", "--quiet", "templates"],
    "imports": [_BIN / "lint-imports"],
    "migrations": [*_PYTHON, "manage.py", "makemigrations", "--check", "--dry-run"],
    "django": [*_PYTHON, "manage.py", "check", "--fail-level", "WARNING"],
    "types": [_BIN / "mypy"],
    "house": [*_PYTHON, "-m", "pytest", "-q", "tests/house"],
}


def check(names: Sequence[str]) -> int:
    """Run them all, or the named ones, so that one run tells everything there is to mend."""
    unknown = set(names) - set(CHECKS)
    if unknown:
        raise UpError(f"there is no check {', '.join(sorted(unknown))}; there are {', '.join(CHECKS)}")
    failed = [name for name in names or CHECKS if not _passes(name, CHECKS[name])]
    print(f"soc: check failed: {', '.join(failed)}" if failed else "soc: all checks passed", flush=True)
    return 1 if failed else 0


def fmt() -> int:
    for command in (["check", "--fix", "--exit-zero", "--quiet", "."], ["format", "."]):
        subprocess.run([_BIN / "ruff", *command], cwd=ROOT, check=True)
    return 0


def _passes(name: str, command: Sequence[str | Path]) -> bool:
    print(f"== {name}", flush=True)
    started = time.monotonic()
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "soc_portal.settings"}
    if name != "house":  # the house tests run on throw-away servers
        env |= placeholders()
    done = subprocess.run(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, check=False)
    print(f"   {'passed' if done.returncode == 0 else 'FAILED'} in {time.monotonic() - started:.0f} s", flush=True)
    return done.returncode == 0
