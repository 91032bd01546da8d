"""What tests do on a host beside its agent: files that they lay down, look at and try out as fresh processes."""

import base64
import json
from collections.abc import Callable
from typing import Any

from soc_portal.up.processes import wait_until
from tests.lab.estate import Estate

_PUT = """
import base64, os, sys
with open(sys.argv[1], "wb") as file:
    file.write(base64.b64decode(sys.stdin.read()))
os.chmod(sys.argv[1], int(sys.argv[2], 8))
"""
_TRY = """
import json, subprocess, sys
found = {}
for name, act in (("opened", lambda path: open(path, "rb").close()),
                  ("started", lambda path: subprocess.run([path], check=True, timeout=60))):
    try:
        act(sys.argv[1])
        found[name] = "yes"
    except OSError as error:
        found[name] = type(error).__name__
print(json.dumps(found))
"""
_LOOK = """
import hashlib, json, os, sys
found = {}
if os.path.exists(sys.argv[1]):
    seen = os.stat(sys.argv[1])
    found = {"sha256": hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest(), "mode": seen.st_mode & 0o7777,
             "mtime": int(seen.st_mtime), "owner": seen.st_uid}
print(json.dumps(found))
"""
FREELY = {"opened": "yes", "started": "yes"}
REFUSED = {"opened": "PermissionError", "started": "PermissionError"}
GONE = {"opened": "FileNotFoundError", "started": "FileNotFoundError"}


def put(lab: Estate, host: str, path: str, content: bytes, mode: int = 0o755) -> None:
    lab.python(host, _PUT, path, f"{mode:o}", given=base64.b64encode(content))


def tried(lab: Estate, host: str, path: str) -> dict[str, str]:
    """What opening and starting it come to for a fresh process: `yes` or the error's name."""
    return dict(json.loads(lab.python(host, _TRY, path)))


def look_for(lab: Estate, host: str, path: str) -> dict[str, Any]:
    """Digest, mode, time and owner of a file; empty when there is none."""
    return dict(json.loads(lab.python(host, _LOOK, path)))


def comes_to(looked: Callable[[], Any], wanted: Any, *, seconds: float = 120) -> None:
    """Until it is so; what it was at last stands in the failure."""
    assert wait_until(lambda: looked() == wanted, seconds=seconds, pause=0.3), looked()
