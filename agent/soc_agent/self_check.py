"""Digests of the agent's own program and settings: the portal sees when they are not what they were."""

import hashlib
from functools import cache
from pathlib import Path

from soc_agent.folders import Folders


@cache
def _program() -> str:
    """Of every module that belongs to the agent, as it was when this process first looked."""
    found, root = hashlib.sha256(), Path(__file__).parent
    for file in sorted(root.rglob("*.py")):
        found.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes())
    return found.hexdigest()


def digests(folders: Folders) -> dict[str, str]:
    """Empty for a file that cannot be read."""
    found = {"program": _program()}
    for name, path in (("settings", folders.settings), ("authority", folders.authority)):
        try:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError:
            found[name] = ""
    return found
