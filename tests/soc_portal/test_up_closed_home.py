"""As root the portal often lies below /root, which is closed to the user that PostgreSQL runs as."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from soc_portal.up.postgres import binary
from soc_portal.up.privileges import identity_for, run_as


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="only root gives its rights away")
def test_programs_in_a_closed_folder_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "root"
    home.mkdir(mode=0o700)
    package = binary("initdb").parents[2]
    for source in package.parent.glob(f"{package.name}*"):
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, home / source.name)
    monkeypatch.setattr(sys, "prefix", str(home))
    identity = identity_for(tmp_path / "nothing")
    assert identity is not None
    data = home / "data"
    data.mkdir()
    os.chown(data, identity.uid, identity.gid)
    words = [*run_as(identity, signal.SIGKILL), home / package.name / "pginstall" / "bin" / "initdb"]
    words += ["-D", data, "-U", "somebody", "--no-sync"]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    assert (data / "PG_VERSION").exists()
