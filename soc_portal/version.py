"""Which version of the portal this is."""

import tomllib
from functools import cache
from pathlib import Path


@cache
def version() -> str:
    project = Path(__file__).resolve().parent.parent / "pyproject.toml"
    return str(tomllib.loads(project.read_text())["project"]["version"])
