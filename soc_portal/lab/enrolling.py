"""Tokens for the hosts, made by the portal that runs on the data folder."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from soc_portal.up.data_folder import ROOT
from soc_portal.up.environment import of_instance, running_instance
from soc_portal.up.errors import UpError


def tokens_of(data: Path, group: str = "") -> Callable[[str], str]:
    """Makes a token for a host by its name; raises `UpError` at once when no portal runs there."""
    folder, instance = running_instance(data)
    env = of_instance(folder, instance)

    def token(name: str) -> str:
        words = ["enrol_token", "--name", name, "--approve", "--json", *(["--group", group] if group else [])]
        done = subprocess.run([sys.executable, "-P", str(ROOT / "manage.py"), *words], env=env, capture_output=True,
                              text=True, check=False)  # fmt: skip
        try:
            return str(json.loads(done.stdout)["token"])
        except (ValueError, KeyError, TypeError):
            raise UpError(f"the portal gives no token for {name}: {done.stderr.strip()[-300:]}") from None

    return token
