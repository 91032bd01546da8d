"""The units of the package, where systemd runs the host and they are installed."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

LINE, BOOT, HELPER = "soc-agent.service", "soc-agent-isolation.service", "soc-agent-helper.service"
UNITS = (LINE, BOOT, HELPER)
_SYSTEMCTL = "/usr/bin/systemctl"
_PLACES = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")


def are_here() -> bool:
    return Path("/run/systemd/system").is_dir() and any(Path(place, LINE).exists() for place in _PLACES)


def start() -> str:
    """Both halves now, with the settings as they are now, and all units at each start of the host. Why not, if so."""
    return _ask(["enable", *UNITS]) or _ask(["restart", HELPER, LINE])


def stop_for_good() -> str:
    """Neither now nor at a start of the host; who asks that may be one of them. Why not, if so."""
    return _ask(["disable", *UNITS]) or _ask(["stop", "--no-block", *UNITS])


def _ask(words: Sequence[str]) -> str:
    try:
        done = subprocess.run([_SYSTEMCTL, "--quiet", *words], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"systemctl {words[0]}: {error}"
    return f"systemctl {words[0]}: {done.stderr.strip()[:300]}" if done.returncode else ""
